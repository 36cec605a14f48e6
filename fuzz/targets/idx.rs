//! Bytes as the pictures of a data set and as its labels: IDX, raw or in gzip.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mnist_classification::data::Digits;
use mnist_classification_fuzz::written;

/// A file with the labels 1 and 0, and one with two pictures of a pixel.
const LABELS: [u8; 10] = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0];
const IMAGES: [u8; 18] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 4, 5];

fuzz_target!(|bytes: &[u8]| {
    let file = written("bytes", bytes);
    if let Ok(digits) = Digits::from_files(&file, written("labels", &LABELS)) {
        assert_eq!(digits.len(), 2);
    }
    if let Ok(digits) = Digits::from_files(written("images", &IMAGES), &file) {
        assert!(digits.classes.len() <= 1_000);
    }
});
