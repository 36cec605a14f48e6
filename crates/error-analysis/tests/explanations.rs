//! Agreement with Captum, torchmetrics, SciPy and scikit-learn, whose numbers lie in `tests/reference/explanations/`
//! (see the README there), and with cleanlab's list of suspicious labels. `EXPLANATIONS_REFERENCE` and
//! `LABEL_ERRORS_DIR` name other folders; all settings come from their files.

#[path = "../../../tests/shared/mod.rs"]
mod shared;

use std::{
    collections::{BTreeSet, HashMap},
    env, fs,
    path::{Path, PathBuf},
};

use error_analysis::{
    attribution::{grad_cam, input_gradients, integrated_gradients, occlusion},
    label_errors::{Votes, lowest_margins},
    pca,
};
use mnist_classification::{
    metrics::calibration::{Calibration, at_temperature, fit_temperature},
    prelude::*,
};
use serde::Deserialize;
use shared::{mnist_folder, skipped};
use tch::{Kind, Tensor};

/// `expected.json`.
#[derive(Deserialize)]
struct Expected {
    digits: Vec<i64>,
    classes: Vec<usize>,
    other_classes: Vec<usize>,
    integrated_gradients: Integration,
    occlusion: Occlusion,
    grad_cam: GradCam,
    calibration: Calibrated,
    pca: Pca,
}

#[derive(Deserialize)]
struct Integration {
    steps: usize,
    baseline: f64,
}

#[derive(Deserialize)]
struct Occlusion {
    window: usize,
    stride: usize,
    fill: f64,
}

#[derive(Deserialize)]
struct GradCam {
    layers: Vec<usize>,
}

#[derive(Deserialize)]
struct Calibrated {
    bins: usize,
    ece: f64,
    nll: f64,
    /// Such as "the first 1500".
    fitted_on: String,
    temperature: f64,
    rest_nll_before: f64,
    rest_nll_after: f64,
    rest_ece_before: f64,
    rest_ece_after: f64,
}

#[derive(Deserialize)]
struct Pca {
    explained_variance_ratio: Vec<f64>,
}

/// The folder, what its JSON says, and its tensors.
fn reference() -> (PathBuf, Expected, HashMap<String, Tensor>) {
    let copy = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/explanations");
    let folder = env::var_os("EXPLANATIONS_REFERENCE").map_or_else(copy, PathBuf::from);
    let path = folder.join("expected.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let expected = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let tensors = Tensor::read_safetensors(folder.join("expected.safetensors")).unwrap();
    (folder, expected, tensors.into_iter().collect())
}

/// A network of the folder: its weights, with the plan beside them as NAME.json where it is no MLP. The repository's
/// copy has no weights: its CNN is the one in `models/cnn`.
fn network(folder: &Path, name: &str) -> Option<Network> {
    let (weights, plan) = (folder.join(format!("{name}.safetensors")), folder.join(format!("{name}.json")));
    if !weights.exists() && name == "cnn" {
        return Some(Network::load(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cnn")).unwrap());
    }
    if !weights.exists() {
        skipped(&format!("{} is not there; EXPLANATIONS_REFERENCE may name a folder that has it", weights.display()));
        return None;
    }
    let together = tempfile::tempdir().unwrap();
    fs::copy(&weights, together.path().join("weights.safetensors")).unwrap();
    if plan.exists() {
        fs::copy(&plan, together.path().join("network.json")).unwrap();
    }
    Some(Network::load(together.path()).unwrap())
}

/// How far maps lie apart, as a share of the largest value that another program found for the same digit.
fn distance(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.size(), expected.size());
    let largest = |maps: &Tensor| maps.flatten(1, -1).abs().amax(1, false);
    let error = largest(&(found - expected)) / largest(expected).clamp_min(1e-6);
    error.max().double_value(&[])
}

/// The digits of the reference, from MNIST's test digits.
fn digits(expected: &Expected) -> Option<Samples> {
    let test = Dataset::from_dir(mnist_folder()?).unwrap().test.preprocess();
    let samples = test.select(&Tensor::from_slice(&expected.digits)).unwrap();
    let labels: Vec<_> = expected.classes.iter().map(|&class| class as i64).collect();
    assert_eq!(Vec::<i64>::try_from(&samples.labels).unwrap(), labels, "the true classes");
    Some(samples)
}

#[test]
fn attributions_are_those_of_captum() {
    let (folder, expected, tensors) = reference();
    assert!(!expected.digits.is_empty() && !expected.grad_cam.layers.is_empty());
    assert_eq!((expected.integrated_gradients.baseline, expected.occlusion.fill), (0.0, 0.0));
    let Some(samples) = digits(&expected) else { return };
    let Occlusion { window, stride, .. } = expected.occlusion;
    let mut distances = Vec::new();
    for name in ["cnn", "mlp"] {
        let Some(model) = network(&folder, name) else { continue };
        for (which, classes) in [("true", &expected.classes), ("other", &expected.other_classes)] {
            let mut compare = |method: &str, maps: Result<Tensor>| {
                let key = format!("{name}.{method}.{which}");
                distances.push((distance(&maps.unwrap(), &tensors[&key]), key));
            };
            compare("input_gradients", input_gradients(&model, &samples, classes));
            let steps = expected.integrated_gradients.steps;
            compare("integrated_gradients", integrated_gradients(&model, &samples, classes, steps));
            compare("occlusion", occlusion(&model, &samples, classes, window, stride));
            for &layer in expected.grad_cam.layers.iter().filter(|_| name == "cnn") {
                compare(&format!("grad_cam.{layer}"), grad_cam(&model, &samples, classes, layer));
            }
        }
    }
    assert!(distances.len() >= 2 * (3 + expected.grad_cam.layers.len()));
    let too_far: Vec<_> = distances.iter().filter(|(distance, _)| distance.is_nan() || *distance >= 1e-4).collect();
    assert!(too_far.is_empty(), "{too_far:?}");
}

/// Predictions from logits, in 64 bits.
fn predictions(logits: &Tensor, labels: &Tensor) -> Predictions {
    let positions =
        |tensor: &Tensor| Vec::<i64>::try_from(tensor).unwrap().into_iter().map(|class| class as usize).collect();
    Predictions {
        name: "example".into(),
        truth: positions(labels),
        predicted: positions(&logits.argmax(1, false)),
        probabilities: logits.to_kind(Kind::Double).softmax(1, Kind::Double),
        classes: Classes::numbered(logits.size()[1] as usize),
    }
}

fn assert_close(found: f64, expected: f64, within: f64, what: &str) {
    assert!((found - expected).abs() <= within, "{what}: {found}, expected {expected}");
}

#[test]
fn calibration_and_temperature_are_those_of_torchmetrics_and_scipy() {
    let (_, expected, tensors) = reference();
    let expected = expected.calibration;
    let (logits, labels) = (&tensors["calibration.logits"], &tensors["calibration.labels"]);
    let all = Calibration::of(&predictions(logits, labels)).unwrap();
    assert_eq!(all.bins.len(), expected.bins);
    assert_close(all.expected_error, expected.ece, 1e-6, "ECE");
    assert_close(all.loss, expected.nll, 1e-6, "NLL");
    let first: i64 = expected.fitted_on.split(' ').next_back().unwrap().parse().unwrap();
    let part = |start, count| predictions(&logits.narrow(0, start, count), &labels.narrow(0, start, count));
    let rest = part(first, logits.size()[0] - first);
    let temperature = fit_temperature(&part(0, first)).unwrap();
    assert_close(temperature, expected.temperature, 1e-4, "temperature");
    let before = Calibration::of(&rest).unwrap();
    let after = Calibration::of(&at_temperature(&rest, temperature).unwrap()).unwrap();
    assert_close(before.loss, expected.rest_nll_before, 1e-6, "NLL before");
    assert_close(after.loss, expected.rest_nll_after, 1e-6, "NLL after");
    assert_close(before.expected_error, expected.rest_ece_before, 1e-6, "ECE before");
    // It depends on the temperature, which is known to 1e-4.
    assert_close(after.expected_error, expected.rest_ece_after, 1e-5, "ECE after");
}

#[test]
fn pca_is_that_of_sklearn() {
    let (_, expected, tensors) = reference();
    let (activations, projected) = (&tensors["pca.activations"], &tensors["pca.projected"]);
    let count = projected.size()[1];
    assert_eq!(count as usize, expected.pca.explained_variance_ratio.len());
    let components = pca::Pca::fit(activations, count as usize).unwrap();
    for (found, expected) in components.explained.iter().zip(&expected.pca.explained_variance_ratio) {
        assert_close(*found, *expected, 1e-4, "explained variance");
    }
    let found = components.project(activations).unwrap();
    for component in 0..count {
        let [found, expected] = [&found, projected].map(|all| all.select(1, component).to_kind(Kind::Double));
        let sign = (&found * &expected).sum(Kind::Double).sign();
        let error = (&found * sign - &expected).abs().max() / expected.abs().max();
        assert!(error.double_value(&[]) < 1e-4, "component {component}: {error:?}");
    }
}

/// Of each suspicious digit what the tests compare.
#[derive(Deserialize)]
struct Suspect {
    id: usize,
    given_original_label: usize,
    our_guessed_label: usize,
    mturk: HashMap<String, u32>,
}

fn suspects(folder: &Path) -> Vec<Suspect> {
    serde_json::from_str(&fs::read_to_string(folder.join("mnist_mturk.json")).unwrap()).unwrap()
}

fn label_errors_folder() -> Option<PathBuf> {
    let folder = env::var_os("LABEL_ERRORS_DIR").map(PathBuf::from);
    if folder.is_none() {
        skipped("LABEL_ERRORS_DIR is not set");
    }
    folder
}

/// A matrix of 64-bit floats in NumPy's format: ten bytes, of which the last two are the header's length, then the
/// data.
fn read_npy(path: &Path) -> Tensor {
    let bytes = fs::read(path).unwrap();
    let header = u16::from_le_bytes([bytes[8], bytes[9]]) as usize;
    let text = String::from_utf8_lossy(&bytes[10..10 + header]).into_owned();
    assert!(text.contains("'<f8'") && text.contains("'fortran_order': False"), "{text}");
    let shape = text.split(['(', ')']).nth(1).unwrap().split(',').map(|size| size.trim().parse().unwrap());
    let (values, _) = bytes[10 + header..].as_chunks::<8>();
    let values: Vec<_> = values.iter().map(|value| f64::from_le_bytes(*value)).collect();
    Tensor::from_slice(&values).reshape(shape.collect::<Vec<i64>>())
}

#[test]
fn labels_with_the_lowest_margins_are_those_of_cleanlab() {
    let (Some(folder), Some(mnist)) = (label_errors_folder(), mnist_folder()) else { return };
    let labels = Dataset::from_dir(mnist).unwrap().test.labels;
    let probabilities = read_npy(&folder.join("mnist_test_set_pyx.npy"));
    let predictions =
        Predictions { probabilities: probabilities.shallow_clone(), ..predictions(&probabilities, &labels) };
    let suspects = suspects(&folder);
    let found = lowest_margins(&predictions, suspects.len()).unwrap();
    let expected: BTreeSet<_> = suspects.iter().map(|suspect| suspect.id).collect();
    assert!(!expected.is_empty());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn votes_about_labels_are_those_of_the_study() {
    let Some(folder) = label_errors_folder() else { return };
    let (votes, suspects) = (Votes::mnist().unwrap(), suspects(&folder));
    assert_eq!(votes.len(), suspects.len());
    for (votes, suspect) in votes.iter().zip(suspects) {
        assert_eq!(votes.sample, suspect.id);
        assert_eq!((votes.label, votes.guess), (suspect.given_original_label, suspect.our_guessed_label), "{votes:?}");
        let found = [votes.for_label, votes.for_guess, votes.for_neither];
        assert_eq!(found, ["given", "guessed", "neither"].map(|vote| suspect.mturk[vote]), "{votes:?}");
    }
}
