//! Bytes as a picture of digits, in any format.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mnist_classification_fuzz::write_file;
use own_digit::Picture;

fuzz_target!(|bytes: &[u8]| {
    let _ = Picture::of_digits(write_file("picture", bytes), [28, 28]);
});
