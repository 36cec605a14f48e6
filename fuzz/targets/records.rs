//! Bytes as what a run leaves and takes in text: its settings and its plan in JSON, and results in CSV.

#![no_main]

use cli::{plan, settings};
use experiments::Results;
use libfuzzer_sys::fuzz_target;
use mnist_classification::data::Images;
use mnist_classification_fuzz::{IMAGES, LABELS, write_file};

fuzz_target!(|bytes: &[u8]| {
    let file = write_file("record.json", bytes);
    let digits =
        Images::from_files(write_file("images", &IMAGES), write_file("labels", &LABELS)).expect("two pictures");
    let _ = settings(&file);
    let _ = plan(&file.to_string_lossy(), &digits);
    let _ = Results::open(&file);
});
