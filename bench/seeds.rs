//! The original's training from seeds 0 to 8: one run is one draw, so the table has nine. Writes `bench/seeds.csv`.

use mnist_classification::{polars::prelude::df, prelude::*};

fn main() -> Result<()> {
    let Mnist { train, test } = Mnist::load()?;
    let [train, test] = [train, test].map(|digits| digits.preprocess());
    let seeds: Vec<u32> = (0..9).collect();
    let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
    for &seed in &seeds {
        let seed = u64::from(seed);
        let mut model = Mlp::new(&[784, 512, 256, 128, 10], seed)?;
        fit(&mut model, &train, &Training { seed, verbose: false, ..Training::default() })?;
        let Scores { loss, accuracy } = evaluate(&model, &test)?;
        println!("seed {seed}: test loss {loss:.4}, test accuracy {accuracy:.4}");
        losses.push(loss);
        accuracies.push(accuracy);
    }
    df!["seed" => seeds, "test_loss" => losses, "test_accuracy" => accuracies]?.save_csv("bench/seeds.csv")
}
