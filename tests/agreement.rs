//! Agreement with Keras and scikit-learn, whose numbers lie in `tests/reference/` (see the README there). Environment
//! variables name others: `KERAS_STRETCHES_DIR`, `KERAS_REFERENCE_DIR` and `SKLEARN_REFERENCE`.

mod shared;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use mnist_classification::{prelude::*, training::Trainer};
use serde::{Deserialize, de::DeserializeOwned};
use shared::mnist_folder;
use tch::{Device, Kind, Tensor};

/// `stretches.json`: losses of consecutive steps, from several points of one training.
#[derive(Deserialize)]
struct Stretches {
    optimizer: KerasOptimizer,
    batch_size: i64,
    stretches: Vec<Stretch>,
}

/// `weights_START.safetensors` and `averages_START.safetensors` hold Keras' state before the first of these steps.
#[derive(Deserialize)]
struct Stretch {
    start: usize,
    losses: Vec<f64>,
}

/// `trajectory.json`: the scores after one epoch.
#[derive(Deserialize)]
struct Trajectory {
    optimizer: KerasOptimizer,
    batch_size: i64,
    #[serde(default = "initial")]
    initial: String,
    validation: Scores,
}

fn initial() -> String {
    "initial.safetensors".into()
}

#[derive(Deserialize)]
struct KerasOptimizer {
    name: String,
    learning_rate: f64,
    rho: f64,
    momentum: f64,
    epsilon: f64,
    centered: bool,
}

impl KerasOptimizer {
    fn training(&self) -> Training {
        assert_eq!((self.name.as_str(), self.momentum, self.centered), ("RMSprop", 0.0, false));
        let optimizer = Optimizer::rms_prop(self.learning_rate).rho(self.rho).epsilon(self.epsilon);
        Training { optimizer, ..Training::default() }
    }
}

/// The path that an environment variable names, else the repository's copy. Either must be there.
fn reference(variable: &str, copy: &str) -> PathBuf {
    let copy = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(copy);
    env::var_os(variable).map_or_else(copy, PathBuf::from)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn network(path: &Path) -> Network {
    Network::load(path).unwrap()
}

/// The original's training and validation samples.
fn samples() -> Option<(Samples, Samples)> {
    let mnist = Dataset::from_dir(mnist_folder()?).unwrap();
    Some(mnist.train.preprocess().split(0.2).unwrap())
}

/// The positions of each batch of an epoch, in file order.
fn batches(samples: &Samples, batch_size: i64) -> Vec<Tensor> {
    Tensor::arange(samples.len() as i64, (Kind::Int64, Device::Cpu)).split(batch_size, 0)
}

/// Sets the optimizer's running averages to Keras'.
fn set_averages(steps: &Trainer, path: &Path) {
    let stored = Tensor::read_safetensors(path).unwrap();
    let averages = steps.averages();
    assert_eq!(stored.len(), averages.len());
    for (name, mut average) in averages {
        let (_, found) = stored.iter().find(|(other, _)| *other == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(found.size(), average.size(), "{name}");
        average.copy_(found);
    }
}

#[test]
fn keras_stretches_are_followed_step_by_step() {
    let folder = reference("KERAS_STRETCHES_DIR", "keras");
    let Stretches { optimizer, batch_size, stretches } = read_json(&folder.join("stretches.json"));
    let training = optimizer.training();
    assert!(!stretches.is_empty() && stretches.iter().all(|stretch| !stretch.losses.is_empty()));
    let Some((samples, _)) = samples() else { return };
    let batches = batches(&samples, batch_size);
    for Stretch { start, losses } in stretches {
        let weights = folder.join(format!("weights_{start}.safetensors"));
        let averages = folder.join(format!("averages_{start}.safetensors"));
        // Where gradients are clipped, if only beyond any norm, the steps use autograd.
        let autograd = Training { optimizer: training.optimizer.clip_norm(1e300), ..training.clone() };
        for (way, training) in [("written out", &training), ("autograd", &autograd)] {
            let model = network(&weights);
            let mut steps = Trainer::new(&model, &samples, training).unwrap();
            // Before the first step of a training they are 0.
            if start > 0 {
                set_averages(&steps, &averages);
            }
            for (step, (batch, expected)) in batches.iter().cycle().skip(start).zip(&losses).enumerate() {
                let loss = steps.step(batch, optimizer.learning_rate).unwrap().loss.double_value(&[]);
                let error = (loss / expected - 1.0).abs();
                assert!(error < 1e-5, "{way}, step {step} from {start}: {loss}, Keras {expected}");
            }
        }
    }
}

#[test]
fn an_epoch_brings_the_accuracy_that_it_brings_keras() {
    let folder = reference("KERAS_REFERENCE_DIR", "keras");
    let Trajectory { optimizer, batch_size, initial, validation: expected } =
        read_json(&folder.join("trajectory.json"));
    let model = network(&folder.join(initial));
    let Some((samples, validation)) = samples() else { return };
    let mut steps = Trainer::new(&model, &samples, &optimizer.training()).unwrap();
    for batch in batches(&samples, batch_size) {
        steps.step(&batch, optimizer.learning_rate).unwrap();
    }
    let found = evaluate(&model, &validation).unwrap();
    // Over an epoch rounding grows to differences of this size.
    assert!((found.accuracy - expected.accuracy).abs() <= 0.01, "{found:?}, Keras {expected:?}");
}

/// `report_cases.json`: labels, predictions and what scikit-learn makes of them.
#[derive(Deserialize)]
struct ReportCases {
    cases: Vec<ReportCase>,
}

#[derive(Deserialize)]
struct ReportCase {
    name: String,
    y_true: Vec<usize>,
    y_pred: Vec<usize>,
    /// The names of the classes; ten digits where there are none.
    target_names: Option<Vec<String>>,
    confusion_matrix: Vec<Vec<u64>>,
    report_digits4: String,
    report_digits2: String,
}

#[test]
fn reports_are_those_of_sklearn() {
    let ReportCases { cases } = read_json(&reference("SKLEARN_REFERENCE", "report_cases.json"));
    assert!(!cases.is_empty());
    for case in cases {
        let name = &case.name;
        let classes = case.target_names.map_or_else(|| Classes::numbered(10), Classes::new);
        let confusion = ConfusionMatrix::new("", &classes, &case.y_true, &case.y_pred).unwrap();
        for (truth, row) in case.confusion_matrix.iter().enumerate() {
            let found: Vec<_> = (0..row.len()).map(|predicted| confusion.count(truth, predicted)).collect();
            assert_eq!(&found, row, "{name}: row {truth}");
        }
        let report = ClassificationReport::new(&confusion);
        assert_eq!(report.text(4), case.report_digits4, "{name}");
        assert_eq!(report.text(2), case.report_digits2, "{name}");
    }
}
