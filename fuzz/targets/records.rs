//! Bytes as what a run leaves and takes in text: its settings and its plan in JSON, and results in CSV.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mnist_classification::{
    data::Digits,
    results::Results,
    run::{plan, settings},
};
use mnist_classification_fuzz::written;

/// A file with the labels 1 and 0, and one with two pictures of a pixel.
const LABELS: [u8; 10] = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0];
const IMAGES: [u8; 18] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 4, 5];

fuzz_target!(|bytes: &[u8]| {
    let file = written("record.json", bytes);
    let digits = Digits::from_files(written("images", &IMAGES), written("labels", &LABELS)).expect("two pictures");
    let _ = settings(&file);
    let _ = plan(&file.to_string_lossy(), &digits);
    let _ = Results::open(&file);
});
