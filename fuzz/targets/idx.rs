//! Bytes as the pictures of a data set and as its labels: IDX, raw or in gzip.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mnist_classification::data::Images;
use mnist_classification_fuzz::{IMAGES, LABELS, write_file};

fuzz_target!(|bytes: &[u8]| {
    let file = write_file("bytes", bytes);
    if let Ok(digits) = Images::from_files(&file, write_file("labels", &LABELS)) {
        assert_eq!(digits.len(), 2);
    }
    if let Ok(digits) = Images::from_files(write_file("images", &IMAGES), &file) {
        assert!(digits.classes.len() <= 1_000);
    }
});
