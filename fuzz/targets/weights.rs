//! Bytes as a safetensors file with the plan of its network, which then reads a picture.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mnist_classification_fuzz::write_file;
use own_digit::Classifier;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../notebooks/pictures/thin.jpg");

fuzz_target!(|bytes: &[u8]| {
    if let Ok(classifier) = Classifier::load(&write_file("weights.safetensors", bytes)) {
        let picture = classifier.open(PICTURE.as_ref()).expect("the picture is good");
        classifier.classify(&picture).expect("a network that was loaded answers");
    }
});
