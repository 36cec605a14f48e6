//! Files that PyTorch, Keras and tf2onnx wrote, in `tests/reference/interop` (the scripts beside it make them): a
//! network answers here as it did there.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use interop::prelude::*;
use mnist_classification::prelude::*;
use tch::{Kind, Tensor};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/interop")
}

/// Lists the files with this ending, refused ones or others.
fn files(ending: &str, refused: bool) -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_string();
    let is_asked = |path: &PathBuf| name(path).ends_with(ending) && name(path).starts_with("refused_") == refused;
    let mut files: Vec<_> = files.filter(is_asked).collect();
    files.sort();
    assert!(!files.is_empty(), "no files *{ending}");
    files
}

/// Compares a network's probabilities with those beside the file.
fn assert_answers(file: &Path, ending: &str, network: Result<Network>) {
    let network = network.unwrap_or_else(|error| panic!("{error}"));
    let name = file.to_str().unwrap().strip_suffix(ending).unwrap();
    let arrays: HashMap<_, _> = Tensor::read_npz(format!("{name}.npz")).unwrap().into_iter().collect();
    let found = network.forward(&arrays["inputs"]).unwrap().softmax(1, Kind::Float);
    let difference = (found - &arrays["probabilities"]).abs().max().double_value(&[]);
    assert!(difference < 1e-5, "{}: {difference}", file.display());
}

fn plan_beside(file: &Path, ending: &str) -> Plan {
    let name = file.to_str().unwrap().strip_suffix(ending).unwrap();
    serde_json::from_str(&fs::read_to_string(format!("{name}.plan.json")).unwrap()).unwrap()
}

#[test]
fn onnx_files_answer_as_they_did_there() {
    for file in files(".onnx", false) {
        assert_answers(&file, ".onnx", Network::load_onnx(&file));
    }
}

#[test]
fn onnx_files_of_other_networks_are_refused_by_the_first_node() {
    for file in files(".onnx", true) {
        let error = Network::load_onnx(&file).err().unwrap_or_else(|| panic!("{} is read", file.display())).to_string();
        assert!(error.contains(": found the node ") || error.contains("found 2 inputs"), "{error}");
    }
}

#[test]
fn weights_of_pytorch_answer_as_they_did_there() {
    for ending in [".safetensors", ".pt"] {
        for file in files(ending, false) {
            assert_answers(&file, ending, Network::load_pytorch(&file, &plan_beside(&file, ending)));
        }
    }
}

#[test]
fn weights_of_keras_answer_as_they_did_there() {
    for file in files(".weights.npz", false) {
        assert_answers(&file, ".weights.npz", Network::load_keras(&file, &plan_beside(&file, ".weights.npz")));
    }
}

#[test]
fn other_files_are_refused_with_what_to_do() {
    for file in files(".pt", true) {
        let error = Network::load_pytorch(&file, &plan_beside(&file, ".pt")).unwrap_err().to_string();
        assert!(error.contains("expected torch.save(dict(model.state_dict()), …)"), "{error}");
    }
    for ending in [".keras", ".weights.h5"] {
        for file in files(ending, true) {
            let error = Network::load_keras(&file, &Plan::mlp(&[36, 16, 10]).unwrap()).unwrap_err().to_string();
            assert!(error.contains("expected NumPy's archive of the weights: numpy.savez("), "{error}");
        }
    }
}
