//! The whole of it in plain tch: 97.8 % of the test digits after 15 epochs from this seed. `cargo run --example mnist`
//!
//! The library's `fit` does the same, with validation, checkpoints and a faster step; only the data come from it here.

use mnist_classification::data::Dataset;
use tch::{Device, Kind, Tensor, nn, nn::Module, nn::OptimizerConfig};

const BATCH_SIZE: i64 = 128;
const EPOCHS: usize = 15;

/// The original's network: 784 pixels, three hidden layers with ReLU, ten logits.
fn network(path: &nn::Path) -> nn::Sequential {
    let dense = |inputs, outputs| nn::linear(path, inputs, outputs, nn::LinearConfig::default());
    nn::seq()
        .add(dense(784, 512))
        .add_fn(Tensor::relu)
        .add(dense(512, 256))
        .add_fn(Tensor::relu)
        .add(dense(256, 128))
        .add_fn(Tensor::relu)
        .add(dense(128, 10))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tch::manual_seed(0);
    let Dataset { train, test } = Dataset::mnist()?;
    let (train, test) = (train.preprocess(), test.preprocess());
    // The last fifth validates in the original, so it is not learnt here either.
    let (train, _) = train.split(0.2)?;
    let variables = nn::VarStore::new(Device::Cpu);
    let network = network(&variables.root());
    let mut optimizer = nn::RmsProp { alpha: 0.9, eps: 1e-7, ..nn::RmsProp::default() }.build(&variables, 0.001)?;

    for epoch in 1..=EPOCHS {
        let order = Tensor::randperm(train.len() as i64, (Kind::Int64, Device::Cpu));
        let mut loss_sum = 0.0;
        for positions in order.split(BATCH_SIZE, 0) {
            let batch = train.select(&positions)?;
            let loss = network.forward(&batch.inputs).cross_entropy_for_logits(&batch.labels);
            optimizer.backward_step(&loss);
            loss_sum += loss.double_value(&[]) * batch.len() as f64;
        }
        let logits = tch::no_grad(|| network.forward(&test.inputs));
        let accuracy = 100.0 * logits.accuracy_for_logits(&test.labels).double_value(&[]);
        println!("epoch {epoch:2}: loss {:.4}, {accuracy:.2} % of the test digits", loss_sum / train.len() as f64);
    }
    Ok(())
}
