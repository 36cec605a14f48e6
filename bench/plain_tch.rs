//! The same network and training as one writes them with tch alone: `nn::linear`, autograd and `nn::RmsProp`.
//!
//! Its RMSprop adds epsilon outside the root, Keras' inside, and its layers start from their inputs' number alone,
//! Keras' from outputs' as well: the cost is the same.

use std::time::Instant;

use mnist_classification::{data::Dataset, tch};
use serde_json::json;
use tch::{
    Device, Kind, Tensor,
    nn::{self, Module, OptimizerConfig},
};

const TRAINING: i64 = 48_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let epochs = std::env::var("BENCH_EPOCHS").ok().and_then(|epochs| epochs.parse().ok()).unwrap_or(15);
    let Dataset { train, test } = Dataset::mnist()?;
    let [train, test] = [train, test].map(|digits| digits.preprocess());
    tch::manual_seed(std::env::var("BENCH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0));
    let variables = nn::VarStore::new(Device::Cpu);
    let glorot = nn::Init::Kaiming {
        dist: nn::init::NormalOrUniform::Uniform,
        fan: nn::init::FanInOut::FanIn,
        non_linearity: nn::init::NonLinearity::Linear,
    };
    let layer = |inputs, outputs| {
        let config = nn::LinearConfig { ws_init: glorot, bs_init: Some(nn::Init::Const(0.0)), bias: true };
        nn::linear(variables.root(), inputs, outputs, config)
    };
    let model = nn::seq()
        .add(layer(784, 512))
        .add_fn(Tensor::relu)
        .add(layer(512, 256))
        .add_fn(Tensor::relu)
        .add(layer(256, 128))
        .add_fn(Tensor::relu)
        .add(layer(128, 10));
    let mut optimizer =
        nn::RmsProp { alpha: 0.9, eps: 1e-7, wd: 0.0, momentum: 0.0, centered: false }.build(&variables, 1e-3)?;
    let correct = |logits: &Tensor, labels: &Tensor| logits.argmax(1, false).eq_tensor(labels).sum(Kind::Int64);
    let evaluate = |inputs: &Tensor, labels: &Tensor| {
        let _guard = tch::no_grad_guard();
        let parts = inputs.split(1_000, 0).into_iter().zip(labels.split(1_000, 0));
        let right: i64 = parts.map(|(inputs, labels)| correct(&model.forward(&inputs), &labels).int64_value(&[])).sum();
        right as f64 / labels.size()[0] as f64
    };

    let mut seconds = Vec::new();
    for _ in 0..epochs {
        let start = Instant::now();
        let (mut loss_sum, mut right) = (0.0, 0);
        for positions in Tensor::randperm(TRAINING, (Kind::Int64, Device::Cpu)).split(128, 0) {
            let (inputs, labels) = (train.inputs.index_select(0, &positions), train.labels.index_select(0, &positions));
            let logits = model.forward(&inputs);
            let loss = logits.cross_entropy_for_logits(&labels);
            optimizer.backward_step(&loss);
            loss_sum += loss.double_value(&[]);
            right += correct(&logits, &labels).int64_value(&[]);
        }
        assert!(loss_sum.is_finite() && right > 0);
        let rest = train.inputs.size()[0] - TRAINING;
        evaluate(&train.inputs.narrow(0, TRAINING, rest), &train.labels.narrow(0, TRAINING, rest));
        seconds.push(start.elapsed().as_secs_f64());
    }
    println!("{}", json!({ "epoch_seconds": seconds, "test_accuracy": evaluate(&test.inputs, &test.labels) }));
    Ok(())
}
