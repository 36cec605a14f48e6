//! Trainings at their limits: odd data and settings end in an answer or in an error that says what to do, and memory
//! does not grow. With TORTURE set, as `make torture` does, the memory is watched for ten times as long.

use std::{env, sync::Mutex};

use mnist_classification::{
    prelude::*,
    tch::{Device, Kind, Tensor},
};

const LAYERS: [(&str, &[Layer]); 3] = [
    ("MLP", &[Layer::Dense(16), Layer::Relu, Layer::Dense(3)]),
    ("batch normalisation", &[Layer::Dense(16), Layer::BatchNorm, Layer::Relu, Layer::Dropout(0.2), Layer::Dense(3)]),
    (
        "CNN",
        &[
            Layer::Convolution { channels: 4, size: 3, stride: 1, padding: 1 },
            Layer::BatchNorm,
            Layer::Relu,
            Layer::Flatten,
            Layer::Dense(3),
        ],
    ),
];

/// One test at a time: another's memory would count.
static ALONE: Mutex<()> = Mutex::new(());

fn network(layers: &[Layer]) -> Network {
    let input: &[usize] = if matches!(layers[0], Layer::Dense(_)) { &[64] } else { &[1, 8, 8] };
    Network::new(input, layers, 0).unwrap()
}

/// Pictures of 8 x 8 pixels, brighter where their class is.
fn samples(labels: &[i64]) -> Samples {
    let labels = Tensor::from_slice(labels);
    let positions = Tensor::arange(64, (Kind::Float, Device::Cpu)).unsqueeze(0);
    let inputs = (positions + labels.unsqueeze(1) * 20).sin().abs();
    Samples { shape: vec![8, 8], ..Samples::new("bright", inputs, labels).unwrap() }
}

fn of_three_classes(count: usize) -> Samples {
    samples(&(0..count as i64).map(|number| number % 3).collect::<Vec<_>>())
}

fn quiet() -> Training {
    Training { epochs: 2, batch_size: 32, verbose: false, ..Training::default() }
}

/// A training that ends well leaves finite numbers, one that fails leaves the model as it was; gives its error.
fn outcome(layers: &[Layer], samples: &Samples, training: &Training) -> Option<String> {
    let mut model = network(layers);
    let values = |model: &Network| Vec::<f32>::try_from(model.parameters().remove(0).1.detach().reshape([-1])).unwrap();
    let before = values(&model);
    match fit(&mut model, samples, training) {
        Ok(history) => {
            assert!(history.epochs.iter().all(|epoch| epoch.loss.is_finite()), "{history:?}");
            assert!(values(&model).iter().all(|value| value.is_finite()));
            assert!(predict(&model, samples).is_ok());
            None
        }
        Err(error) => {
            assert_eq!(values(&model), before);
            Some(error.to_string())
        }
    }
}

#[test]
fn odd_data_and_settings_end_in_an_answer_or_a_clear_error() {
    let _alone = ALONE.lock();
    let usual = || of_three_classes(100);
    let with_nan = usual();
    let _ = with_nan.inputs.get(40).fill_(f64::NAN);
    let none = usual().select(&Tensor::from_slice::<i64>(&[])).unwrap();
    let rate = Training { optimizer: Optimizer::rms_prop(1e9), ..quiet() };
    let all = Training { validation_split: 0.0, ..quiet() };
    // What is tried, the samples, the training, and what the error says; none where training ends well.
    let cases = [
        ("NaN in the data", with_nan, quiet(), Some("look for NaN in the data")),
        ("no sample", none, quiet(), Some("is empty; at least one sample is needed")),
        ("one class", samples(&[1; 100]), quiet(), None),
        ("one sample", samples(&[1]), all.clone(), None),
        ("one sample, a fifth of it for validation", samples(&[1]), quiet(), Some("validation_split")),
        ("two samples", samples(&[1, 2]), all.clone(), None),
        ("a batch larger than the data", usual(), Training { batch_size: 1_000_000, ..quiet() }, None),
        ("a batch that leaves one sample over", usual(), Training { batch_size: 99, ..all }, None),
        ("no epoch", usual(), Training { epochs: 0, ..quiet() }, Some("epochs is 0; expected at least 1")),
        ("a learning rate of 1e9", usual(), rate, Some("")),
    ];
    for (what, samples, training, expected) in &cases {
        for (name, layers) in LAYERS {
            let error = outcome(layers, samples, training);
            match (expected, &error) {
                // It diverges or not, as the layers are.
                (Some(""), _) | (None, None) => {}
                (Some(expected), Some(error)) if error.contains(expected) && !error.starts_with("libtorch") => {}
                _ => panic!("{what}, {name}: {error:?}"),
            }
            if name == "MLP" {
                let happened = error.map_or("trained".into(), |error| format!("“{error}”"));
                println!("tried: {what} | {} | {happened}", LAYERS.len());
            }
        }
    }
}

/// Of this process, in megabytes.
#[cfg(target_os = "linux")]
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1e3
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow() {
    const ALLOWED: f64 = 20.0;
    let _alone = ALONE.lock();
    let longer = if env::var_os("TORTURE").is_some() { 10 } else { 1 };
    let folder = tempfile::tempdir().unwrap();
    let samples = of_three_classes(600);
    let training = Training { checkpoint: Some(folder.path().join("kept")), ..quiet() };
    for (name, layers) in LAYERS {
        let mut model = network(layers);
        let mut train = |epochs: usize| {
            fit(&mut model, &samples, &Training { epochs, ..training.clone() }).unwrap();
            memory()
        };
        for (what, count, epochs) in [("calls of fit", 100 * longer, 1), ("epochs", 2, 20 * longer)] {
            let early = (0..count / 10 + 1).map(|_| train(epochs)).last().unwrap();
            let late = (0..count).map(|_| train(epochs)).last().unwrap();
            assert!(late - early < ALLOWED, "{name}, {count} {what}: {early} MB, then {late} MB");
            let count = if what == "epochs" { epochs } else { count };
            println!("tried: {count} {what}, {name} | 1 | {early:.0} MB at first, {late:.0} MB at the end");
        }
    }
}
