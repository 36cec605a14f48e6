//! How an epoch's time grows with the size of a batch, on one thread and on two: `bench/batch_size.csv` and a chart of
//! it.

use std::{array::from_fn, error::Error};

use mnist_classification::{polars::prelude::df, prelude::*, tch};

const THREADS: [i32; 2] = [1, 2];
const BATCH_SIZES: [usize; 8] = [32, 64, 128, 256, 512, 1024, 2048, 4096];
const ROUNDS: usize = 3;

/// Seconds per epoch: a row for each number of threads, a column for each size of batch.
type Seconds = [[f64; BATCH_SIZES.len()]; THREADS.len()];

/// Medians over the rounds, which take all in turn, for each number of threads and each size of batch.
fn measure() -> Result<Seconds> {
    let train = Dataset::mnist()?.train.preprocess();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut seconds = Seconds::default();
        for (threads, row) in THREADS.into_iter().zip(&mut seconds) {
            tch::set_num_threads(threads);
            for (batch_size, seconds) in BATCH_SIZES.into_iter().zip(row) {
                let mut model = Network::mlp([784, 512, 256, 128, 10], 0)?;
                // The first epoch of a training also makes its buffers: the second one counts.
                let training = Training { epochs: 2, batch_size, verbose: false, ..Training::default() };
                *seconds = fit(&mut model, &train, &training)?.epochs[1].seconds;
                println!("{threads} threads, batches of {batch_size}: {seconds:.2} s");
            }
        }
        rounds.push(seconds);
    }
    let median = |row: usize, column: usize| {
        let mut seconds: Vec<f64> = rounds.iter().map(|round| round[row][column]).collect();
        seconds.sort_by(f64::total_cmp);
        seconds[ROUNDS / 2]
    };
    Ok(from_fn(|row| from_fn(|column| median(row, column))))
}

fn draw(seconds: &Seconds) -> Result<(), Box<dyn Error>> {
    let line = |row: usize| {
        BATCH_SIZES.iter().zip(seconds[row]).map(|(&size, seconds)| ((size as f64).log2(), seconds)).collect()
    };
    let axes = ["digits per batch, as a power of 2", "seconds per epoch"];
    let lines = [("1 thread", line(0)), ("2 threads", line(1))];
    error_analysis::lines("Seconds per epoch over the batch size", axes, None, &lines)?
        .save("figures/epoch_time.png")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = measure()?;
    let sizes: Vec<_> = BATCH_SIZES.iter().map(|&size| size as u32).collect();
    let [one, two] = seconds.map(Vec::from);
    df!["batch_size" => sizes, "seconds_on_1_thread" => one, "seconds_on_2_threads" => two]?
        .save_csv("bench/batch_size.csv")?;
    draw(&seconds)
}
