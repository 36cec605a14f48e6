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

/// The files of networks that are no chain of layers, and what is said of them.
const REFUSED: [(&str, &str); 34] = [
    ("keras_same_stride", "(Conv): [0, 0, 1, 1], expected the same for height and width"),
    ("odd_cast_to_integers", "the node \"y\" (Cast): no layer of this library"),
    ("odd_channels_to_the_end", "(Transpose): pixels in the order [0, 2, 3, 1]"),
    ("odd_copies", "(MatMul): input 1 is no constant"),
    ("odd_flatten_axis", "(Flatten): axis 9223372036854775807, expected axis 1"),
    ("odd_integers", "an input that is no floats"),
    ("odd_many_pixels", "an input that is no floats, or without sizes"),
    ("odd_no_axes", "(Reshape): samples of the shape [1] as [-1], expected whole samples"),
    ("odd_no_channels", "an input that is no floats, or without sizes"),
    ("odd_no_weights", "no layer with weights"),
    ("odd_order_of_axes", "(Transpose): axes in the order [0, -9223372036854775808]"),
    ("odd_scaled_pixels", "(Div): a change of the pixels"),
    ("odd_second_softmax", "the node \"y\" (LogSoftmax): a second one"),
    ("odd_softmax_over_the_batch", "(Softmax): a second one, or over other axes"),
    ("odd_transposed_pictures", "(Transpose): pixels in the order [0, 2, 1]"),
    ("odd_turned_twice", "the node \"t\" (Transpose): pixels in the order [0, 3, 1, 2]"),
    ("torch_new_global_average_pool", "the node \"node_mean\" (ReduceMean): no layer"),
    ("torch_new_residual", "(Add): two branches"),
    ("torch_old_asymmetric_padding", "(Pad): no layer"),
    ("torch_old_average_pool", "(AveragePool): no layer"),
    ("torch_old_ceil_max_pool", "(MaxPool): overlapping or padded windows"),
    ("torch_old_dilation", "(Conv): groups or dilations"),
    ("torch_old_global_average_pool", "(GlobalAveragePool): no layer"),
    ("torch_old_groups", "(Conv): groups or dilations"),
    ("torch_old_gru", "(Transpose): axes in the order [1, 0, 2]"),
    ("torch_old_leaky_relu", "(LeakyRelu): no layer"),
    ("torch_old_lstm", "(Transpose): axes in the order [1, 0, 2]"),
    ("torch_old_overlapping_max_pool", "(MaxPool): overlapping or padded windows"),
    ("torch_old_padded_max_pool", "(MaxPool): overlapping or padded windows"),
    ("torch_old_rectangular_kernel", "(Conv): [3, 5], expected the same for height and width"),
    ("torch_old_residual", "(Add): two branches, expected one layer after the other"),
    ("torch_old_sigmoid", "(Sigmoid): no layer"),
    ("torch_old_two_inputs", "found 2 inputs"),
    ("torch_old_two_strides", "(Conv): [1, 2], expected the same for height and width"),
];

#[test]
fn onnx_files_of_other_networks_are_refused_by_the_first_node() {
    let files = files(".onnx", true);
    assert_eq!(files.len(), REFUSED.len());
    for (file, (name, expected)) in files.iter().zip(REFUSED) {
        let error = Network::load_onnx(file).err().unwrap_or_else(|| panic!("{} is read", file.display())).to_string();
        assert!(error.contains(&format!("refused_{name}.onnx: ")) && error.contains(expected), "{error}");
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
        let is_known =
            error.contains("found a Python pickle") || error.contains("found a pickle of other objects than tensors");
        assert!(is_known, "{error}");
    }
    for ending in [".keras", ".weights.h5"] {
        for file in files(ending, true) {
            let error = Network::load_keras(&file, &Plan::mlp(&[36, 16, 10]).unwrap()).unwrap_err().to_string();
            assert!(error.contains("expected NumPy's archive of the weights: numpy.savez("), "{error}");
        }
    }
}
