//! Makes the network that reads pictures, `models/handwriting`, or the page's: trains on MNIST's training digits as
//! they are, and on as many again as other people might write them.
//!
//! `handwriting PLAN SETTINGS FOLDER [COUNT]` trains layers with settings and saves the network; with COUNT, it learns
//! from so many digits only. `handwriting --show FILE` writes a sheet of rewritten digits as a PNG.

mod plane;
mod rewritten;
mod strokes;

use std::{env, path::Path};

use mnist_classification::{
    prelude::*,
    tch::{Kind, Tensor},
};
use plane::Plane;
use rand::{SeedableRng, rngs::StdRng};
use rewritten::rewritten;

/// Each digit is learnt from as it is so many times, and so many times rewritten.
const VERSIONS: [usize; 2] = [4, 8];

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let digits = Dataset::mnist()?.train;
    let train = digits.preprocess();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--show", file] => show(&train, file),
        [plan, settings, folder, count @ ..] if count.len() < 2 => {
            let count = count.first().map_or(Ok(train.len()), |count| number(count, train.len()))?;
            let training = cli::settings(Path::new(settings))?;
            let mut network = Network::from_plan(&cli::plan(plan, &digits)?, training.seed)?;
            let samples = with_other_hands(&train, count, training.seed)?;
            println!("{} digits and versions of them", samples.len());
            fit(&mut network, &samples, &training)?;
            network.save(folder)
        }
        _ => Err(Error::InvalidSetting {
            setting: "the arguments",
            found: format!("{arguments:?}"),
            expected: "PLAN SETTINGS FOLDER [COUNT], or --show FILE".into(),
        }),
    }
}

/// Reads a number of digits, of so many.
fn number(text: &str, all: usize) -> Result<usize> {
    let expected = || format!("a number from 1 to {all}");
    let found = || Error::InvalidSetting { setting: "COUNT", found: text.into(), expected: expected() };
    text.parse().ok().filter(|count| (1..=all).contains(count)).ok_or_else(found)
}

/// Returns the first `count` digits, each as it is and rewritten as often as [`VERSIONS`] says.
fn with_other_hands(digits: &Samples, count: usize, seed: u64) -> Result<Samples> {
    let first = digits.inputs.narrow(0, 0, count as i64);
    let labels = Vec::<i64>::try_from(digits.labels.narrow(0, 0, count as i64))?;
    let pixels = Vec::<f32>::try_from(first.reshape([-1]))?;
    let [as_they_are, other] = VERSIONS;
    let versions: Vec<u64> = (0..other as u64).collect();
    let rewrite = |version: u64| {
        let mut random = StdRng::seed_from_u64(seed * 1_000 + version);
        let digits = pixels.chunks(28 * 28).zip(&labels);
        digits.flat_map(|(digit, &label)| rewritten(&Plane::of(28, digit), label, &mut random).values).collect()
    };
    // Two at a time: each version has random numbers of its own.
    let mut inputs = vec![first.repeat([as_they_are as i64, 1])];
    for pair in versions.chunks(2) {
        let made: Vec<Vec<f32>> = std::thread::scope(|scope| {
            let threads: Vec<_> = pair.iter().map(|&version| scope.spawn(move || rewrite(version))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        inputs.extend(made.iter().map(|pixels| Tensor::from_slice(pixels).reshape([-1, 28 * 28])));
    }
    let labels = Tensor::from_slice(&labels).repeat([(as_they_are + other) as i64]);
    let samples = Samples::new(digits.name.clone(), Tensor::cat(&inputs, 0), labels)?;
    Ok(Samples { shape: digits.shape.clone(), ..samples })
}

/// Writes a sheet with 24 rewritten digits of each kind.
fn show(digits: &Samples, file: &str) -> Result<()> {
    let mut random = StdRng::seed_from_u64(0);
    let mut sheet = Plane::new(28 * 24);
    for digit in 0..10 {
        let which = digits.labels.eq(digit).nonzero().reshape([-1]);
        for column in 0..24 {
            let pixels = Vec::<f32>::try_from(digits.inputs.get(which.int64_value(&[column])))?;
            let found = rewritten(&Plane::of(28, &pixels), digit, &mut random);
            for (at, ink) in found.values.iter().enumerate() {
                let (x, y) = (28 * column as usize + at % 28, 28 * digit as usize + at / 28);
                sheet.values[y * 28 * 24 + x] = 1.0 - ink;
            }
        }
    }
    let pixels = Tensor::from_slice(&sheet.values[..28 * 24 * 280]).reshape([1, 280, 28 * 24]) * 255.0;
    mnist_classification::tch::vision::image::save(&pixels.to_kind(Kind::Uint8), file).map_err(Error::from)
}
