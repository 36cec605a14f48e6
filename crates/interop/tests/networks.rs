//! Networks leave in each format and come back the same; what cannot be read or written is an error in words.

#[path = "../../../tests/shared/examples.rs"]
mod examples;

use std::{fs, path::Path};

use examples::Linear;

use interop::prelude::*;
use mnist_classification::{model::Layer::*, prelude::*, support::weights_file};
use tch::{Device, Kind, Tensor};

/// Networks with all layers, whose biases and running statistics are no longer those of the start.
fn networks() -> Vec<Network> {
    let convolution = |channels, size, stride, padding| Convolution { channels, size, stride, padding };
    let cnn = [convolution(3, 5, 1, 2), MaxPool(2), BatchNorm, Relu, convolution(4, 2, 2, 1), Dropout(0.3), Flatten];
    let dense = [BatchNorm, Dense(8), BatchNorm, Relu, Dropout(0.1), Dense(3)];
    let plans = [
        Plan::mlp(&[6, 4, 3]).unwrap(),
        Plan { input: vec![2, 9, 7], layers: [&cnn[..], &dense].concat() },
        Plan { input: vec![1, 4, 4], layers: vec![Flatten, Relu, Dense(3)] },
    ];
    let network = |(seed, plan): (i64, &Plan)| {
        let network = Network::from_plan(plan, 1).unwrap();
        tch::manual_seed(seed);
        let _guard = tch::no_grad_guard();
        network.tensors().into_iter().for_each(|(_, mut tensor)| drop(tensor.uniform_(0.1, 0.9)));
        network
    };
    (0..).zip(&plans).map(network).collect()
}

/// The largest difference between tensors of the same names.
fn difference(one: &Network, other: &Network) -> f64 {
    assert_eq!(one.plan(), other.plan());
    let pairs = one.tensors().into_iter().zip(other.tensors());
    let differences = pairs.map(|((_, one), (_, other))| (one - other).abs().max().double_value(&[]));
    differences.fold(0.0, f64::max)
}

#[test]
fn networks_come_back_from_each_format() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    for network in networks() {
        network.save_onnx(file("a.onnx")).unwrap();
        assert_eq!(difference(&Network::load_onnx(file("a.onnx")).unwrap(), &network), 0.0);
        network.save_pytorch(file("b.safetensors")).unwrap();
        let back = Network::load_pytorch(file("b.safetensors"), network.plan()).unwrap();
        assert_eq!(difference(&back, &network), 0.0);
        network.save_keras(file("c.npz")).unwrap();
        // The variances are stored with another ε.
        let back = Network::load_keras(file("c.npz"), network.plan()).unwrap();
        assert!(difference(&back, &network) < 1e-7);
    }
}

#[test]
fn a_model_of_ones_own_is_told_why_it_has_no_onnx() {
    let linear = Linear(Tensor::zeros([2, 3], (Kind::Float, Device::Cpu)));
    let error = linear.save_onnx("never written.onnx").unwrap_err().to_string();
    let expected = "an ONNX file is of a model without a plan; expected a Network, whose plan says what it computes; \
                    `save` keeps the weights of any model";
    assert_eq!(error, expected);
    assert!(linear.save_pytorch("never").is_err() && linear.save_keras("never").is_err());
}

#[test]
fn an_ensemble_takes_networks_of_one_kind_and_classes_in_their_number() {
    let [one, other] = [6, 5].map(|inputs| Network::mlp([inputs, 3], 0).unwrap());
    let error = |onnx: Onnx| onnx.save("never written.onnx").unwrap_err().to_string();
    assert!(
        error(Onnx::ensemble([&one as &dyn Model, &other])).contains("found from [5] to [3], expected from [6] to [3]")
    );
    assert!(error(Onnx::ensemble([])).contains("expected at least one network"));
    assert!(error(Onnx::of(&one).classes(&Classes::numbered(4))).contains("classes: found 4, expected 3"));
}

/// What `change` makes of a state dict, read into an MLP with two layers of one shape.
fn read(change: impl Fn(&mut Vec<(String, Tensor)>)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut state = Vec::new();
    for layer in ["one", "two"] {
        state.push((format!("{layer}.weight"), Tensor::ones([4, 4], (Kind::Float, Device::Cpu))));
        state.push((format!("{layer}.bias"), Tensor::ones([4], (Kind::Float, Device::Cpu))));
    }
    change(&mut state);
    let file = folder.path().join("weights.safetensors");
    Tensor::write_safetensors(&state, weights_file(&file)).unwrap();
    let plan = Plan::mlp(&[4, 4, 4]).unwrap();
    Network::load_pytorch(&file, &plan).map_or_else(|error| error.to_string(), |_| "read".into())
}

#[test]
fn state_dicts_that_do_not_fit_are_named() {
    let rename = |state: &mut Vec<(String, Tensor)>| {
        state.iter_mut().for_each(|(name, _)| *name = name.replace("one", "fc1").replace("two", "fc2"));
    };
    assert_eq!(read(rename), "read");
    assert!(read(|_| {}).contains("found \"one\" and \"two\" of the same shape, and their names give no order"));
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    for (name, tensor, expected) in [
        ("fc2.weight", zeros(&[3, 4]), "found no weights for Dense(4) of the shape [4, 4]"),
        ("fc2.bias", zeros(&[5]), "found dense_2.bias of shape [5] in place of [4]"),
        ("fc3.weight", zeros(&[9]), "found \"weight\" in \"fc3\", too"),
        ("fc2.scale", zeros(&[4]), "found \"scale\" in \"fc2\""),
        ("fc1.weight", zeros(&[4, 4]).to_kind(Kind::Int64), "found dense_1.kernel of the kind Int64"),
        ("fc1.bias", zeros(&[4]) / 0.0, "found NaN or an infinite value in dense_1.bias"),
    ] {
        let error = read(|state| {
            rename(state);
            state.retain(|(other, _)| other != name);
            state.push((name.into(), tensor.shallow_clone()));
        });
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_variance_below_0_is_refused_and_a_missing_one_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    let plan = Plan { input: vec![2], layers: vec![BatchNorm, Dense(2)] };
    let read = |variance: Option<f64>| {
        let full = |shape: &[i64], value: f64| Tensor::full(shape, value, (Kind::Float, Device::Cpu));
        let mut state = vec![("0.running_mean", full(&[2], 0.0)), ("1.weight", full(&[2, 2], 1.0))];
        state.extend(variance.map(|variance| ("0.running_var", full(&[2], variance))));
        Tensor::write_safetensors(&state, &file).unwrap();
        Network::load_pytorch(&file, &plan).map_or_else(|error| error.to_string(), |_| "read".into())
    };
    assert_eq!(read(Some(1.0)), "read");
    assert!(read(Some(-0.5)).contains("found a value below 0 in batch_norm_1.moving_variance"));
    assert!(read(None).contains("found no running_var in \"0\""));
}

/// The length of its header, 640 or 19,280 bytes, looks like the start of a pickle or of an archive.
#[test]
fn safetensors_are_known_whatever_the_length_of_their_header() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    let header = r#"{"0.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#;
    for length in [640, 19_280] {
        let padded = format!("{header:length$}");
        fs::write(&file, [&(length as u64).to_le_bytes()[..], padded.as_bytes(), &[0; 16]].concat()).unwrap();
        Network::load_pytorch(&file, &Plan::mlp(&[2, 2]).unwrap()).unwrap();
    }
}

#[test]
fn arrays_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.npz");
    let read = |shapes: &[&[i64]]| {
        let arrays: Vec<_> =
            shapes.iter().map(|shape| ("array", Tensor::zeros(*shape, (Kind::Float, Device::Cpu)))).collect();
        Tensor::write_npz(&arrays, &file).unwrap();
        let plan = Plan { input: vec![2, 2, 2], layers: vec![Flatten, Dense(3)] };
        Network::load_keras(&file, &plan).map_or_else(|error| error.to_string(), |_| "read".into())
    };
    assert_eq!(read(&[&[8, 3], &[3]]), "read");
    assert!(read(&[&[8, 3]]).contains("found arrays of the shapes [[8, 3]]"));
    assert!(read(&[&[9, 3], &[3]]).contains("expected those of Dense(3)"));
    assert!(read(&[&[8, 3], &[3], &[1]]).contains("found 1 arrays too many"));
    assert!(read(&[&[8, 3], &[4]]).contains("found dense_1.bias of shape [4]"));
    assert!(read(&[&[900, 900]]).contains("more than 4312 bytes in \"array.npy\""));
}

#[test]
fn a_flattened_picture_is_no_answer_for_keras() {
    let convolution = Convolution { channels: 2, size: 2, stride: 1, padding: 0 };
    let folder = tempfile::tempdir().unwrap();
    let save = |side: usize| {
        let network = Network::new([1, side, side], [convolution, Flatten], 0).unwrap();
        network.save_keras(folder.path().join("weights.npz"))
    };
    assert!(save(3).unwrap_err().to_string().contains("the plan's end is a flattened picture"));
    // A pixel for each channel has no order.
    save(2).unwrap();
}

#[test]
fn damaged_onnx_files_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.onnx");
    let error = |file: &Path| Network::load_onnx(file).unwrap_err().to_string();
    assert!(error(&file).ends_with("no such file; expected a network in ONNX"));
    for (contents, expected) in
        [(&b""[..], "found an empty file"), (b"\x89PNG\r\n", "found a PNG picture"), (b"{}", "found JSON text")]
    {
        fs::write(&file, contents).unwrap();
        assert!(error(&file).contains(expected), "{}", error(&file));
    }
    let network = Network::mlp([6, 4, 3], 0).unwrap();
    network.save_onnx(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    // Cut off, or with a byte that differs, it is an error or a network; never a panic.
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        for contents in [&bytes[..place], &changed] {
            fs::write(&file, contents).unwrap();
            let _ = Network::load_onnx(&file);
        }
    }
}

#[test]
fn values_are_only_read_from_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/interop/torch_new_cnn_external.onnx");
    let bytes = fs::read(&source).unwrap();
    let file = folder.path().join("a.onnx");
    fs::write(&file, &bytes).unwrap();
    let error = Network::load_onnx(&file).unwrap_err().to_string();
    assert!(error.contains("torch_new_cnn_external.onnx.data: no such file; expected the values of"), "{error}");
    // A path of the same length.
    let name = b"torch_new_cnn_external.onnx.data";
    let other = b"../../../../../../etc/some/hosts";
    let mut changed = bytes;
    while let Some(place) = changed.windows(name.len()).position(|window| window == name) {
        changed[place..place + name.len()].copy_from_slice(other);
    }
    fs::write(&file, changed).unwrap();
    let error = Network::load_onnx(&file).unwrap_err().to_string();
    assert!(error.contains("expected a file beside it or below"), "{error}");
}
