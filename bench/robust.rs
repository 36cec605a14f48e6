//! Makes `models/robust`: trains the best CNN on with pieces of other digits and ink and paper of any grey, then
//! measures it and the best CNN on test digits as they are and with each of MNIST-C's corruptions, with the statistics
//! of batch normalisation taken anew from these. `MNIST_C_DIR` may name a folder with the authors' own pictures of
//! every tenth digit.
//!
//! `cargo run --example robust`; with `-- measure` it only measures what is there.

use std::{env, path::Path};

use error_analysis::corruption::Corruption;
use mnist_classification::{prelude::*, tch};

fn main() -> Result<()> {
    let Dataset { train, test } = Dataset::mnist()?;
    if env::args().nth(1).as_deref() != Some("measure") {
        let train = train.preprocess();
        let mut model = Network::load("models/cnn")?;
        fit(&mut model, &train, &training())?;
        keep_some(&model, &Network::load("models/cnn")?)?;
        // Of digits as they are, which most of the training's batches were not.
        let (_, some) = train.split(0.1)?;
        model.with_statistics_of(&some.inputs)?.save("models/robust")?;
    }
    let networks = [Network::load("models/cnn")?, Network::load("models/robust")?];
    let [best, robust] = [&networks[0], &networks[1]].map(|network| evaluate(network, &test.preprocess()));
    row("as they are", [best?.accuracy, robust?.accuracy]);
    measure(&networks, "in Rust", |corruption| corruption.apply(&test, 0))?;
    if let Some(folder) = env::var_os("MNIST_C_DIR") {
        let file = |name: &str| Path::new(&folder).join(name);
        measure(&networks, "the authors'", |corruption| {
            Images::from_files(file(&format!("{corruption}-images-idx3-ubyte.gz")), file("labels-idx1-ubyte.gz"))
        })?;
    }
    Ok(())
}

/// The share of the best CNN's weights in the mean with those that it was trained on to (M. Wortsman and others, 2022).
const KEPT: f64 = 0.5;

fn keep_some(model: &Network, before: &Network) -> Result<()> {
    let _no_gradients = tch::no_grad_guard();
    for ((_, mut tensor), (_, before)) in model.parameters().into_iter().zip(before.parameters()) {
        let _ = tensor.f_lerp_(&before, KEPT)?;
    }
    Ok(())
}

/// Chosen on corrupted validation digits.
fn training() -> Training {
    Training {
        epochs: 1,
        optimizer: Optimizer::sgd(0.02).momentum(0.9).weight_decay(0.005),
        schedule: Schedule::OneCycle { rise: 0.2 },
        augmentation: Augmentation {
            shift: 2.8,
            rotation: 12.0,
            scale: 0.12,
            shear: 8.0,
            elastic: 0.8,
            pieces: 0.5,
            grey: 0.3,
        },
        validation_split: 0.0,
        ..Training::default()
    }
}

/// Prints the accuracy of both networks on each corruption, with statistics from its first thousand digits, and the
/// mean.
fn measure(networks: &[Network; 2], title: &str, corrupted: impl Fn(Corruption) -> Result<Images>) -> Result<()> {
    let mut sums = [0.0; 2];
    println!("{title}:");
    for corruption in Corruption::ALL {
        let samples = corrupted(corruption)?.preprocess();
        let some = samples.batches(1_000).next().map_or_else(|| samples.inputs.shallow_clone(), |batch| batch.inputs);
        let mut accuracies = [0.0; 2];
        for ((network, accuracy), sum) in networks.iter().zip(&mut accuracies).zip(&mut sums) {
            *accuracy = evaluate(&network.with_statistics_of(&some)?, &samples)?.accuracy;
            *sum += *accuracy / Corruption::ALL.len() as f64;
        }
        row(corruption.name(), accuracies);
    }
    row("mean", sums);
    Ok(())
}

fn row(name: &str, [best, robust]: [f64; 2]) {
    println!("{name:14} best CNN {:.2} %, robust {:.2} %", 100.0 * best, 100.0 * robust);
}
