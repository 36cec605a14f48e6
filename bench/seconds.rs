//! From the start of a process to its answer on the test digits: networks and settings that reach 98, 99 and 99.5 % in
//! seconds, and the smallest network that reaches 99 %.
//!
//! `cargo run --example seconds -- 99` trains one of them; `make seconds` trains each from 30 seeds. The settings were
//! chosen on the validation digits: with `validation` behind the name, the program learns from the others alone and
//! answers on these.

use std::{env, time::Instant};

use experiments::half_precision_is_faster;
use mnist_classification::{
    model::Layer::{self, *},
    prelude::*,
};

fn main() -> Result<()> {
    let start = Instant::now();
    let arguments: Vec<_> = env::args().skip(1).collect();
    let name = arguments.first().map_or("99", String::as_str);
    let Some((plan, training)) = goal(name)? else {
        let (found, expected) = (name.into(), "98, 99, 99.5 or smallest".into());
        return Err(Error::InvalidSetting { setting: "a goal", found, expected });
    };
    let Dataset { train, test } = Dataset::mnist()?;
    let (train, test) = match arguments.get(1) {
        Some(_) => train.preprocess().split(0.2)?,
        None => (train.preprocess(), test.preprocess()),
    };
    let seed = env::var("BENCH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let mut model = Network::from_plan(&plan, seed)?;
    let half_precision = half_precision_is_faster(&plan, training.batch_size)?;
    let training = Training { half_precision, seed, verbose: false, validation_split: 0.0, ..training };
    fit(&mut model, &train, &training)?;
    let accuracy = 100.0 * evaluate(&model, &test)?.accuracy;
    let (seconds, parameters, bits) =
        (start.elapsed().as_secs_f64(), model.summary().parameters(), if half_precision { 16 } else { 32 });
    let digits = test.len();
    println!("{name}: {accuracy:.2} % of {digits} digits after {seconds:.2} s, {parameters} parameters, {bits} bits");
    Ok(())
}

/// A network, and how to train it.
fn goal(name: &str) -> Result<Option<(Plan, Training)>> {
    let one_cycle = |optimizer, epochs, rise| Training {
        optimizer,
        epochs,
        schedule: Schedule::OneCycle { rise },
        ..Training::default()
    };
    let augmented = |much: f64, training| Training {
        augmentation: Augmentation {
            shift: 1.5 * much,
            rotation: 8.0 * much,
            scale: 0.08 * much,
            shear: 4.0 * much,
            ..Augmentation::default()
        },
        ..training
    };
    Ok(Some(match name {
        "98" => {
            let training = Training { batch_size: 64, ..one_cycle(Optimizer::rms_prop(0.003), 2, 0.1) };
            (Plan::mlp(&[784, 512, 256, 128, 10])?, training)
        }
        "99" => {
            let blocks = [strided(16), block(32, true), block(32, false), block(32, true)];
            (cnn(&blocks.concat()), one_cycle(Optimizer::sgd(0.1).momentum(0.9).weight_decay(0.005), 1, 0.2))
        }
        "99.5" => {
            let blocks = [strided(32), block(48, true), block(64, false), block(64, true)];
            (
                cnn(&blocks.concat()),
                augmented(1.0, one_cycle(Optimizer::sgd(0.1).momentum(0.9).weight_decay(0.005), 5, 0.2)),
            )
        }
        "smallest" => {
            let blocks = [strided(6), block(8, false), block(8, true), block(8, true)];
            (
                cnn(&blocks.concat()),
                augmented(0.6, one_cycle(Optimizer::sgd(0.1).momentum(0.9).weight_decay(0.0002), 20, 0.2)),
            )
        }
        _ => return Ok(None),
    }))
}

fn cnn(blocks: &[Layer]) -> Plan {
    Plan { input: vec![1, 28, 28], layers: [blocks, &[Flatten, Dense(10)]].concat() }
}

/// Halves the side of the picture at once, so that the rest works on a quarter of the pixels.
fn strided(channels: usize) -> Vec<Layer> {
    vec![Convolution { channels, size: 5, stride: 2, padding: 0 }, BatchNorm, Relu]
}

fn block(channels: usize, pools: bool) -> Vec<Layer> {
    let pool: &[Layer] = if pools { &[MaxPool(2)] } else { &[] };
    [&[Convolution { channels, size: 3, stride: 1, padding: 1 }], pool, &[BatchNorm, Relu]].concat()
}
