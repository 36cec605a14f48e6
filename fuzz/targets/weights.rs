//! Bytes as a safetensors file with the plan of its network.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mnist_classification::{
    model::{Model, Network},
    tch::{Device, Kind, Tensor},
};
use mnist_classification_fuzz::written;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(network) = Network::load(written("weights.safetensors", bytes)) {
        let values: usize = network.plan().input.iter().product();
        let sample = Tensor::zeros([1, values as i64], (Kind::Float, Device::Cpu));
        network.forward(&sample).expect("a network that was loaded answers");
    }
});
