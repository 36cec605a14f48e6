//! This library's training as a notebook runs it: the line that it prints is what `bench/training.py` reads.

use mnist_classification::prelude::*;
use serde_json::json;

fn main() -> Result<()> {
    let epochs = std::env::var("BENCH_EPOCHS").ok().and_then(|epochs| epochs.parse().ok()).unwrap_or(15);
    let seed = std::env::var("BENCH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let Mnist { train, test } = Mnist::load()?;
    // The images themselves are of no more use.
    let [train, test] = [train, test].map(|digits| digits.preprocess());
    let mut model = Mlp::new(&[784, 512, 256, 128, 10], seed)?;
    let training = Training { epochs, seed, verbose: false, ..Training::default() };
    let history = fit(&mut model, &train, &training)?;
    let scores = evaluate(&model, &test)?;
    let seconds: Vec<_> = history.epochs.iter().map(|epoch| epoch.seconds).collect();
    println!("{}", json!({ "epoch_seconds": seconds, "test_accuracy": scores.accuracy }));
    Ok(())
}
