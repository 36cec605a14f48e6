//! The matrix products of an epoch and nothing else: forward, the gradients of weights and inputs, the validation.
//! All operands are dense and ready, and libtorch shares each product out among its threads.

use std::time::Instant;

use mnist_classification::tch::{Device, Kind, Tensor};
use serde_json::json;

const SIZES: [i64; 5] = [784, 512, 256, 128, 10];

/// A layer's kernel with room for what the products give.
struct Layer {
    kernel: Tensor,
    gradient: Tensor,
    outputs: Tensor,
    error: Tensor,
}

fn layers(batch: i64) -> Vec<Layer> {
    let random = |rows, columns| Tensor::rand([rows, columns], (Kind::Float, Device::Cpu));
    let layer = |sizes: &[i64]| Layer {
        kernel: random(sizes[0], sizes[1]),
        gradient: random(sizes[0], sizes[1]),
        outputs: random(batch, sizes[1]),
        error: random(batch, sizes[1]),
    };
    SIZES.windows(2).map(layer).collect()
}

fn forward(layers: &[Layer], inputs: &Tensor) {
    let mut inputs = inputs;
    for Layer { kernel, outputs, .. } in layers {
        let _ = inputs.mm_out(outputs, kernel);
        inputs = outputs;
    }
}

fn backward(layers: &[Layer], inputs: &Tensor) {
    for (index, Layer { kernel, gradient, error, .. }) in layers.iter().enumerate().rev() {
        let inputs = if index == 0 { inputs } else { &layers[index - 1].outputs };
        let _ = inputs.tr().mm_out(gradient, error);
        if index > 0 {
            let _ = error.mm_out(&layers[index - 1].error, &kernel.tr());
        }
    }
}

fn main() {
    let epochs = std::env::var("BENCH_EPOCHS").ok().and_then(|epochs| epochs.parse().ok()).unwrap_or(15);
    let (training, validation) = (layers(128), layers(1_000));
    let [batch, digits] = [128, 1_000].map(|rows| Tensor::rand([rows, SIZES[0]], (Kind::Float, Device::Cpu)));
    let mut seconds = Vec::new();
    for _ in 0..epochs {
        let start = Instant::now();
        for _ in 0..48_000 / 128 {
            forward(&training, &batch);
            backward(&training, &batch);
        }
        for _ in 0..12 {
            forward(&validation, &digits);
        }
        seconds.push(start.elapsed().as_secs_f64());
    }
    println!("{}", json!({ "epoch_seconds": seconds }));
}
