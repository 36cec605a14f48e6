//! Bytes as what a run leaves and takes in text: its settings and its plan in JSON, and results in CSV.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mnist_classification::{
    data::Digits,
    results::Results,
    run::{plan, settings},
};
use mnist_classification_fuzz::{IMAGES, LABELS, write_file};

fuzz_target!(|bytes: &[u8]| {
    let file = write_file("record.json", bytes);
    let digits =
        Digits::from_files(write_file("images", &IMAGES), write_file("labels", &LABELS)).expect("two pictures");
    let _ = settings(&file);
    let _ = plan(&file.to_string_lossy(), &digits);
    let _ = Results::open(&file);
});
