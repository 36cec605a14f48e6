//! Weights as people bring them, through `predict --run FOLDER`: what can be read answers, and anything else is one
//! line that names the file and what is wrong with it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

type Named = Vec<(&'static str, Tensor)>;

/// A network of 16 hidden units with uniform random weights, as the library names them.
fn layers(inputs: i64, classes: i64) -> Named {
    let uniform = |shape: &[i64]| Tensor::empty(shape, (Kind::Float, Device::Cpu)).uniform(-0.5, 0.5);
    vec![
        ("dense_1.kernel", uniform(&[inputs, 16])),
        ("dense_1.bias", uniform(&[16])),
        ("dense_2.kernel", uniform(&[16, classes])),
        ("dense_2.bias", uniform(&[classes])),
    ]
}

/// These tensors with one of them changed.
fn with(mut tensors: Named, name: &str, change: impl Fn(&Tensor) -> Tensor) -> Named {
    let (_, tensor) = tensors.iter_mut().find(|(other, _)| *other == name).unwrap();
    *tensor = change(tensor);
    tensors
}

/// The bytes of a safetensors file: the length of its header, the header, and the tensors' values.
fn safetensors(tensors: &[(&str, Tensor)]) -> Vec<u8> {
    file(tensors, Map::new())
}

/// As [`safetensors`], with a header that begins with these entries.
fn file(tensors: &[(&str, Tensor)], mut header: Map<String, Value>) -> Vec<u8> {
    let mut data = Vec::new();
    for (name, tensor) in tensors {
        let kind = match tensor.kind() {
            Kind::Half => "F16",
            Kind::BFloat16 => "BF16",
            Kind::Float => "F32",
            Kind::Double => "F64",
            Kind::Int64 => "I64",
            other => panic!("no name for {other:?}"),
        };
        let begin = data.len();
        data.extend(Vec::<u8>::try_from(tensor.reshape([-1]).view_dtype(Kind::Uint8)).unwrap());
        let entry = json!({ "dtype": kind, "shape": tensor.size(), "data_offsets": [begin, data.len()] });
        header.insert((*name).into(), entry);
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// What `predict` makes of a picture with a folder that holds this file of weights.
fn predict(weights: &[u8]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("weights.safetensors"), weights).unwrap();
    let stroke = |x: u32, y: u32| (12..16).contains(&x) && (4..24).contains(&y);
    let picture = image::GrayImage::from_fn(28, 28, |x, y| image::Luma([if stroke(x, y) { 0 } else { 255 }]));
    picture.save(folder.path().join("one.png")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mnist-classification"));
    command.current_dir(folder.path()).args(["predict", "--run", "run", "one.png"]).output().unwrap()
}

/// The probability of each class, in per cent; they must be those of one picture.
#[track_caller]
fn probabilities(weights: &[u8]) -> Vec<f64> {
    let output = predict(weights);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let percent = |line: &str| line.strip_suffix(" %")?.split_whitespace().last()?.parse::<f64>().ok();
    let probabilities: Vec<_> = shown.lines().filter_map(percent).collect();
    let sum: f64 = probabilities.iter().sum();
    // Each is printed with two decimals.
    assert!((sum - 100.0).abs() < 0.005 * (probabilities.len() as f64) + 0.001, "{sum}: {shown}");
    probabilities
}

/// Checks that these weights are refused in one line that names the file and holds all of `words`.
#[track_caller]
fn refused(weights: &[u8], words: &[&str]) {
    let output = predict(weights);
    let shown = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), shown.lines().count()), (Some(1), 1), "{shown}");
    let file = Path::new("run").join("weights.safetensors");
    assert!(shown.starts_with(&format!("error: {}: ", file.display())), "{shown}");
    for word in words {
        assert!(shown.contains(word), "no {word:?} in: {shown}");
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn metadata_of_another_program_is_read_over() {
    let tensors = layers(784, 10);
    let metadata = Map::from_iter([("__metadata__".into(), json!({ "format": "pt" }))]);
    assert_eq!(probabilities(&file(&tensors, metadata)), probabilities(&safetensors(&tensors)));
}

#[test]
fn weights_of_another_precision_are_read() {
    let tensors = layers(784, 10);
    let expected = probabilities(&safetensors(&tensors));
    for kind in [Kind::Half, Kind::BFloat16, Kind::Double] {
        let converted: Named = tensors.iter().map(|(name, tensor)| (*name, tensor.to_kind(kind))).collect();
        let found = probabilities(&safetensors(&converted));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            // Of a bfloat16, two to three decimal digits are right.
            assert!((found - expected).abs() < 2.0, "{kind:?}: {found} %, expected {expected} %");
        }
    }
}

#[test]
fn a_network_answers_with_as_many_classes_as_it_has() {
    for classes in [2, 26, 47] {
        assert_eq!(probabilities(&safetensors(&layers(784, classes))).len(), classes as usize);
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    for (name, value) in [("dense_1.kernel", f64::NAN), ("dense_2.bias", f64::NAN), ("dense_2.kernel", f64::INFINITY)] {
        let spoilt = with(layers(784, 10), name, |tensor| {
            let tensor = tensor.copy();
            let _ = tensor.reshape([-1]).get(3).fill_(value);
            tensor
        });
        refused(&safetensors(&spoilt), &[name, &value.to_string()]);
    }
}

#[test]
fn a_network_for_pictures_of_another_size_answers() {
    assert_eq!(probabilities(&safetensors(&layers(64, 10))).len(), 10);
}

#[test]
fn a_network_for_no_pictures_says_what_it_takes() {
    // No square has 50 pixels.
    let output = predict(&safetensors(&layers(50, 10)));
    let shown = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), shown.lines().count()), (Some(1), 1), "{shown}");
    assert!(shown.contains("samples of shape [50]") && shown.contains("grey pictures"), "{shown}");
}

#[test]
fn pytorchs_names_are_recognised() {
    let of = |names: [&'static str; 4]| {
        let renamed = names.into_iter().zip(layers(784, 10)).map(|(name, (_, tensor))| match tensor.dim() {
            // PyTorch keeps [outputs, inputs].
            2 => (name, tensor.tr().contiguous()),
            _ => (name, tensor),
        });
        safetensors(&renamed.collect::<Named>())
    };
    refused(&of(["0.weight", "0.bias", "2.weight", "2.bias"]), &["PyTorch", "0.weight"]);
    refused(&of(["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]), &["PyTorch", "fc1.weight"]);
}

#[test]
fn a_transposed_kernel_is_recognised() {
    let turned = |tensor: &Tensor| tensor.tr().contiguous();
    let first = with(layers(784, 10), "dense_1.kernel", turned);
    refused(&safetensors(&first), &["dense_1.kernel", "[16, 784]", "transposed"]);
    refused(&safetensors(&with(first, "dense_2.kernel", turned)), &["dense_1.kernel", "[16, 784]", "transposed"]);
    let last = with(layers(784, 10), "dense_2.kernel", turned);
    refused(&safetensors(&last), &["dense_2.kernel", "[10, 16]", "transposed"]);
}

#[test]
fn layers_that_do_not_fit_each_other_are_named() {
    let narrower = |tensor: &Tensor| tensor.narrow(0, 0, 12).contiguous();
    refused(&safetensors(&with(layers(784, 10), "dense_1.bias", narrower)), &["dense_1.bias", "[12]", "[16]"]);
    refused(
        &safetensors(&with(layers(784, 10), "dense_2.kernel", narrower)),
        &["dense_2.kernel", "[12, 10]", "16 inputs"],
    );
    let without = |name: &str| layers(784, 10).into_iter().filter(|(other, _)| *other != name).collect::<Named>();
    for (name, layer) in [("dense_1.kernel", "dense_1"), ("dense_1.bias", "dense_1"), ("dense_2.bias", "dense_2")] {
        refused(&safetensors(&without(name)), &[layer]);
    }
    let integers = |tensor: &Tensor| tensor.to_kind(Kind::Int64);
    refused(&safetensors(&with(layers(784, 10), "dense_1.bias", integers)), &["dense_1.bias", "Int64"]);
    let flat = |tensor: &Tensor| tensor.reshape([-1]);
    refused(&safetensors(&with(layers(784, 10), "dense_1.kernel", flat)), &["dense_1.kernel", "[12544]"]);
    refused(&safetensors(&[]), &["no tensors"]);
}

#[test]
fn what_is_no_safetensors_file_is_told_in_words() {
    refused(b"<!DOCTYPE html><html><body>Not found</body></html>", &["a web page"]);
    refused(b"\n<html lang=\"en\">", &["a web page"]);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064}\nsize 51234\n", 0);
    refused(pointer.as_bytes(), &["git-lfs", "git lfs pull"]);
    refused(b"", &["an empty file"]);
    // As torch.save writes it, and Keras' .keras; Keras' older .h5.
    refused(&[b"PK\x03\x04".as_slice(), &[0; 200]].concat(), &["a zip archive"]);
    refused(&[b"\x89HDF\r\n\x1a\n".as_slice(), &[0; 200]].concat(), &["an HDF5 file"]);
    refused(&[0xab; 300], &["safetensors"]);
}

#[test]
fn a_file_with_too_few_or_too_many_bytes_is_refused() {
    let whole = safetensors(&layers(784, 10));
    for length in [whole.len() - 1, 30_000, 40, 5] {
        refused(&whole[..length], &["cut off"]);
    }
    refused(&[&whole[..], &[0; 100]].concat(), &["100 bytes after"]);
}
