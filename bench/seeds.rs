//! The original's training from seeds 0 to 8: one run is one draw, so the table has nine. Writes `bench/seeds.csv`.
//!
//! Each seed is trained twice: with a new order of the digits in every epoch, as this library does and Keras without a
//! seed, and with one order for all epochs. That is what `keras.utils.set_random_seed` leads to on TensorFlow, and so
//! what the reference was trained with: every epoch begins the shuffling's random numbers anew.

use mnist_classification::{
    polars::prelude::df,
    prelude::*,
    tch::{self, Kind, Tensor},
};

fn main() -> Result<()> {
    let Dataset { train, test } = Dataset::mnist()?;
    let [train, test] = [train, test].map(|digits| digits.preprocess());
    let seeds: Vec<u32> = (0..9).collect();
    let (mut anew, mut one_order) = (Vec::new(), Vec::new());
    for seed in seeds.iter().copied().map(u64::from) {
        let training = Training { seed, verbose: false, ..Training::default() };
        anew.push(trained("a new order in every epoch", &train, &test, &training)?);
        let training = Training { shuffle: false, ..training };
        one_order.push(trained("one order", &shuffled(&train, seed)?, &test, &training)?);
    }
    df![
        "seed" => seeds,
        "test_loss" => anew.iter().map(|scores| scores.loss).collect::<Vec<_>>(),
        "test_accuracy" => anew.iter().map(|scores| scores.accuracy).collect::<Vec<_>>(),
        "one_order_test_loss" => one_order.iter().map(|scores| scores.loss).collect::<Vec<_>>(),
        "one_order_test_accuracy" => one_order.iter().map(|scores| scores.accuracy).collect::<Vec<_>>(),
    ]?
    .save_csv("bench/seeds.csv")
}

fn trained(order: &str, train: &Samples, test: &Samples, training: &Training) -> Result<Scores> {
    let seed = training.seed;
    let mut model = Network::mlp([784, 512, 256, 128, 10], seed)?;
    fit(&mut model, train, training)?;
    let scores = evaluate(&model, test)?;
    println!("seed {seed}, {order}: test loss {:.4}, test accuracy {:.4}", scores.loss, scores.accuracy);
    Ok(scores)
}

/// The training digits in an order of this seed; the validation digits behind them stay.
fn shuffled(samples: &Samples, seed: u64) -> Result<Samples> {
    let (train, validation) = samples.split(Training::default().validation_split)?;
    tch::manual_seed(seed as i64);
    let order = Tensor::randperm(train.len() as i64, (Kind::Int64, train.labels.device()));
    let rest = Tensor::arange(validation.len() as i64, (Kind::Int64, train.labels.device())) + train.len() as i64;
    samples.select(&Tensor::cat(&[order, rest], 0))
}
