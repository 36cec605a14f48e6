//! This library's training as a notebook runs it, of a network of `bench/networks.json`: the line that it prints is
//! what `bench/training.py` reads.

use std::{collections::HashMap, env, fs::File, io::BufReader, str::FromStr};

use mnist_classification::{prelude::*, tch::Tensor};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed, digits) = (setting("EPOCHS", 15), setting("SEED", 0), setting("DIGITS", 60_000));
    let networks: HashMap<String, Plan> = serde_json::from_reader(BufReader::new(File::open("bench/networks.json")?))?;
    let plan = &networks[&setting("NETWORK", String::from("MLP"))];
    let Dataset { train, test } = Dataset::mnist()?;
    // The images themselves are of no more use.
    let [mut train, test] = [train, test].map(|digits| digits.preprocess());
    if digits < train.len() as i64 {
        train = train.select(&Tensor::from_slice(&(0..digits).collect::<Vec<_>>()))?;
    }
    let mut model = Network::from_plan(plan, seed)?;
    let half_precision = setting("HALF_PRECISION", false);
    let training = Training { epochs, seed, half_precision, verbose: false, ..Training::default() };
    let history = fit(&mut model, &train, &training)?;
    let scores = evaluate(&model, &test)?;
    let seconds: Vec<_> = history.epochs.iter().map(|epoch| epoch.seconds).collect();
    println!("{}", json!({ "epoch_seconds": seconds, "test_accuracy": scores.accuracy }));
    Ok(())
}

/// A setting from the environment.
fn setting<T: FromStr>(name: &str, default: T) -> T {
    env::var(format!("BENCH_{name}")).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
