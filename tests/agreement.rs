//! Agreement with what Keras and scikit-learn computed; skipped, with a line, where their outputs are not at hand.

mod shared;

use std::{
    fs,
    path::{Path, PathBuf},
};

use mnist_classification::{
    optimizer::{RmsProp, Rule},
    prelude::*,
    training::Steps,
};
use serde_json::Value;
use shared::{mnist_folder, skipped};
use tch::Tensor;

/// The path that an environment variable names, else `default` beside the repository; nothing where neither is there.
fn reference(variable: &str, default: &str) -> Option<PathBuf> {
    let path = match std::env::var_os(variable) {
        // A path that was asked for must be there.
        Some(path) => return Some(path.into()),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference").join(default),
    };
    let found = path.exists().then_some(path);
    if found.is_none() {
        skipped(&format!("{variable} is not set and no reference lies beside the repository"));
    }
    found
}

fn read_json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn training_follows_keras_step_by_step() {
    let Some(folder) = reference("KERAS_REFERENCE_DIR", "keras") else { return };
    let trajectory = read_json(&folder.join("trajectory.json"));
    let setting = |name: &str| number(&trajectory["optimizer"][name]);
    let rule = Rule::RmsProp(RmsProp { rho: setting("rho"), epsilon: setting("epsilon") });
    let learning_rate = setting("learning_rate");
    let training = Training { optimizer: Optimizer { rule, learning_rate }, ..Training::default() };
    let batch_size = number(&trajectory["batch_size"]) as i64;
    let expected: Vec<f64> = trajectory["step_loss"].as_array().unwrap().iter().map(number).collect();
    assert!(expected.len() >= 100, "only {} steps to compare", expected.len());

    let Some(mnist) = mnist_folder() else { return };
    let mnist = Mnist::from_dir(mnist).unwrap();
    let model = Mlp::from_weights(folder.join("initial.safetensors")).unwrap();
    // Step s takes the digits from s × batch size on, in file order.
    let samples = mnist.train.preprocess();
    let positions = Tensor::arange(samples.len() as i64, (tch::Kind::Int64, tch::Device::Cpu));
    let mut steps = Steps::new(&model, &samples, &training).unwrap();
    for (number, (positions, &expected)) in positions.split(batch_size, 0).iter().zip(&expected).enumerate() {
        let loss = steps.step(positions, learning_rate).unwrap().loss.double_value(&[]);
        // Later, float32 rounding has grown too far.
        if number <= 200 {
            let error = (loss - expected).abs() / expected;
            assert!(error < 1e-4, "step {number}: {loss}, Keras {expected}");
        }
    }
    let (_, validation) = samples.split(0.2).unwrap();
    let accuracy = evaluate(&model, &validation).unwrap().accuracy;
    let expected = number(&trajectory["validation"]["accuracy"]);
    assert!((accuracy - expected).abs() <= 0.01, "{accuracy}, Keras {expected}");
}

#[test]
fn reports_are_those_of_sklearn() {
    let Some(path) = reference("SKLEARN_REFERENCE", "sklearn/report_cases.json") else { return };
    let cases = read_json(&path);
    let cases = cases["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let name = &case["name"];
        let classes = |key: &str| -> Vec<usize> { serde_json::from_value(case[key].clone()).unwrap() };
        let confusion =
            ConfusionMatrix::new("", &Classes::numbered(10), &classes("y_true"), &classes("y_pred")).unwrap();
        let expected: Vec<Vec<u64>> = serde_json::from_value(case["confusion_matrix"].clone()).unwrap();
        for (truth, row) in expected.iter().enumerate() {
            let found: Vec<_> = (0..10).map(|predicted| confusion.count(truth, predicted)).collect();
            assert_eq!(&found, row, "{name}: row {truth}");
        }
        let report = ClassificationReport::new(&confusion);
        for (digits, key) in [(4, "report_digits4"), (2, "report_digits2")] {
            assert_eq!(report.text(digits), case[key].as_str().unwrap(), "{name}: {key}");
        }
    }
}
