//! Bytes as the weights of a Keras model, then as a state dict of PyTorch's.

#![no_main]

use interop::prelude::*;
use libfuzzer_sys::fuzz_target;
use mnist_classification::{model::Layer::*, prelude::*};
use mnist_classification_fuzz::write_file;

fuzz_target!(|bytes: &[u8]| {
    let convolution = Convolution { channels: 2, size: 2, stride: 1, padding: 0 };
    let plan = Plan { input: vec![1, 3, 3], layers: vec![convolution, BatchNorm, Flatten, Dense(2)] };
    if let Ok(network) = Network::load_keras(write_file("weights.npz", bytes), &plan) {
        let file = write_file("again.npz", &[]);
        network.save_keras(&file).expect("a network that was read is written");
        Network::load_keras(&file, &plan).expect("a network that was written is read");
    }
    let plan = Plan { input: vec![36], layers: vec![Dense(16), Relu, Dense(12), Relu, Dense(10)] };
    let _ = Network::load_pytorch(write_file("weights.pt", bytes), &plan);
});
