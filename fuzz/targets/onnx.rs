//! Bytes as an ONNX file. What is read can be written, and is then read as the same network.

#![no_main]

use interop::prelude::*;
use libfuzzer_sys::fuzz_target;
use mnist_classification::model::Network;
use mnist_classification_fuzz::write_file;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(network) = Network::load_onnx(write_file("network.onnx", bytes)) {
        let file = write_file("again.onnx", &[]);
        network.save_onnx(&file).expect("a network that was read is written");
        let again = Network::load_onnx(&file).expect("a network that was written is read");
        assert_eq!(again.plan(), network.plan());
    }
});
