//! From the start of a process to its first training step, and what all figures take: the two lines that it prints are
//! what `bench/training.py` reads.

use std::time::Instant;

use mnist_classification::{prelude::*, tch::Tensor, training::Trainer};
use serde_json::json;

fn main() -> Result<()> {
    let start = Instant::now();
    let mnist = Dataset::mnist()?;
    let [train, test] = [&mnist.train, &mnist.test].map(|digits| digits.preprocess());
    let load = start.elapsed().as_secs_f64();
    let mut model = Network::mlp([784, 512, 256, 128, 10], 0)?;
    let positions: Vec<i64> = (0..128).collect();
    Trainer::new(&model, &train, &Training::default())?.step(&Tensor::from_slice(&positions), 0.001)?;
    println!("{}", json!({ "load_seconds": load }));

    let (few, _) = train.split(0.9)?;
    let history = fit(&mut model, &few, &Training { epochs: 2, verbose: false, ..Training::default() })?;
    let predictions = predict(&model, &test)?;
    let confusion = ConfusionMatrix::of(&predictions)?;
    let start = Instant::now();
    let all = [
        figures::digits(&mnist.train, 25)?,
        figures::training_curves(&history)?,
        figures::predictions(&mnist.test, &predictions, 25)?,
        figures::heatmap(&confusion),
        figures::misclassified(&mnist.test, &predictions, 25)?,
    ];
    for (number, figure) in all.iter().enumerate() {
        figure.save(std::env::temp_dir().join(format!("mnist-classification-bench/{number}.png")))?;
    }
    println!("{}", json!({ "figures_seconds": start.elapsed().as_secs_f64() }));
    Ok(())
}
