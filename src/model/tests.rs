//! Networks as they start, as they are saved and loaded, and as they move.

use std::{fs, path::Path};

use tch::{Device, Kind, Tensor};

use super::{Layer::*, Model, Network, Plan, weights};
use crate::{Result, examples::Linear};

const SIZES: [usize; 3] = [6, 4, 3];

fn values(model: &Network) -> Vec<Vec<f32>> {
    let flat = |tensor: Tensor| Vec::<f32>::try_from(tensor.detach().reshape([-1])).unwrap();
    model.tensors().into_iter().map(|(_, tensor)| flat(tensor)).collect()
}

/// A network with a layer of every kind.
fn convolutional(seed: u64) -> Network {
    let wide = Convolution { channels: 4, size: 3, stride: 1, padding: 1 };
    let narrow = Convolution { channels: 5, size: 2, stride: 2, padding: 0 };
    let layers = [wide, MaxPool(2), BatchNorm, Relu, narrow, Flatten, Dropout(0.2), Dense(3)];
    Network::new([1, 8, 8], layers, seed).unwrap()
}

#[test]
fn weights_start_glorot_uniform_with_zero_biases() {
    let model = Network::mlp([784, 512, 10], 3).unwrap();
    let [kernel, bias, ..] = &values(&model)[..] else { panic!("two layers have four tensors") };
    let limit = (6.0_f32 / (784.0 + 512.0)).sqrt();
    let largest = kernel.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    assert!(largest <= limit && largest > 0.999 * limit, "{largest} of {limit}");
    let variance = kernel.iter().map(|value| value * value).sum::<f32>() / kernel.len() as f32;
    assert!((variance / (limit * limit / 3.0) - 1.0).abs() < 0.01, "{variance}");
    assert!(bias.iter().all(|&value| value == 0.0));
}

#[test]
fn a_seed_gives_the_same_weights_and_another_gives_others() {
    let of = |seed| values(&Network::mlp(SIZES, seed).unwrap());
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn sizes_that_make_no_network_are_errors() {
    for sizes in [&[784][..], &[], &[784, 0, 10]] {
        assert!(Network::mlp(sizes, 0).unwrap_err().to_string().starts_with("sizes is ["));
    }
}

#[test]
fn an_mlp_is_one_plan_among_others() {
    let layers = [Dense(4), Relu, Dense(3)];
    let listed = Network::new([6], layers, 1).unwrap();
    assert_eq!(values(&listed), values(&Network::mlp(SIZES, 1).unwrap()));
    assert!(listed.plan().is_mlp() && listed.plan() == &Plan::mlp(&SIZES).unwrap());
    let reordered = [Relu, Dense(4), Dense(3)];
    for other in [&layers[..2], &reordered, &[Dense(4), Relu, Dropout(0.0), Relu, Dense(3)]] {
        assert!(!Network::new([6], other, 1).unwrap().plan().is_mlp(), "{other:?}");
    }
}

#[test]
fn networks_survive_saving_and_loading_as_a_file_and_as_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (model, path) in [
        (Network::mlp(SIZES, 1).unwrap(), "new folder/mlp.safetensors"),
        (convolutional(1), "cnn.safetensors"),
        (convolutional(2), "a folder"),
    ] {
        let path = folder.path().join(path);
        model.save(&path).unwrap();
        let read = Network::load(&path).unwrap();
        assert_eq!(values(&read), values(&model));
        assert_eq!((read.plan(), read.summary()), (model.plan(), model.summary()));
    }
    assert!(folder.path().join("a folder/weights.safetensors").is_file());
    assert_eq!(fs::read_dir(folder.path().join("new folder")).unwrap().count(), 1);
}

#[test]
fn a_model_of_ones_own_is_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let model = |value: f64| Linear(Tensor::full([2, 3], value, (Kind::Float, Device::Cpu)).set_requires_grad(true));
    model(2.0).save(folder.path()).unwrap();
    let mut other = model(0.0);
    other.load_weights(folder.path()).unwrap();
    assert_eq!(other.0, model(2.0).0);
    assert!(other.0.requires_grad());
    let error = Linear(Tensor::zeros([3, 3], (Kind::Float, Device::Cpu))).load_weights(folder.path()).unwrap_err();
    assert!(error.to_string().contains("kernel of shape [2, 3]"), "{error}");
}

/// The plan lies in the file of the weights, so that the two cannot be of two networks, whatever lies beside it.
#[test]
fn the_plan_in_the_file_goes_before_one_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let model = convolutional(1);
    model.save(folder.path()).unwrap();
    fs::write(folder.path().join("network.json"), r#"{"input": [784], "layers": [{"Dense": 10}]}"#).unwrap();
    assert_eq!(Network::load(folder.path()).unwrap().plan(), model.plan());
}

/// As earlier versions wrote them: the plan beside the weights, or none for a multi-layer perceptron.
fn save_without_plan(model: &Network, path: &Path) {
    weights::write(path, &model.tensors(), None).unwrap();
}

#[test]
fn files_of_earlier_versions_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mlp, cnn) = (Network::mlp(SIZES, 1).unwrap(), convolutional(1));
    save_without_plan(&mlp, &folder.path().join("mlp.safetensors"));
    let read = Network::load(folder.path().join("mlp.safetensors")).unwrap();
    assert_eq!((values(&read), read.plan()), (values(&mlp), mlp.plan()));
    save_without_plan(&cnn, &folder.path().join("cnn/weights.safetensors"));
    fs::write(folder.path().join("cnn/network.json"), serde_json::to_string(cnn.plan()).unwrap()).unwrap();
    let read = Network::load(folder.path().join("cnn")).unwrap();
    assert_eq!((values(&read), read.plan()), (values(&cnn), cnn.plan()));
}

#[test]
fn weights_of_another_plan_name_the_first_tensor_that_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let error = |sizes: &[usize], plan: &str| {
        save_without_plan(&Network::mlp(sizes, 2).unwrap(), &folder.path().join("weights.safetensors"));
        fs::write(folder.path().join("network.json"), plan).unwrap();
        Network::load(folder.path()).unwrap_err().to_string()
    };
    let plan = r#"{"input": [6], "layers": [{"Dense": 4}, "Relu", {"Dense": 3}]}"#;
    let found = error(&[6, 4, 2], plan);
    assert!(
        found.contains("found dense_2.kernel of shape [4, 2], Float, expected dense_2.kernel of shape [4, 3]"),
        "{found}"
    );
    assert!(error(&[6, 4], plan).contains("found no tensor dense_2.kernel"));
    assert!(error(&[6, 4, 3, 3], plan).contains("found a tensor dense_3."));
    let cut = error(&[6, 4], "{\"input\": [6]");
    assert!(cut.contains("network.json: found EOF while parsing"), "{cut}");
    let wrong = error(&[6, 4], r#"{"input": [1, 6, 6], "layers": [{"Dense": 4}]}"#);
    let expected = "network.json: found a layer is Dense(4) on samples of shape [1, 6, 6]; expected one row of values";
    assert!(wrong.contains(expected), "{wrong}");
}

#[test]
fn a_network_moves_with_its_parameters_and_statistics() -> Result<()> {
    let model = convolutional(1);
    let (held, before) = (model.parameters(), values(&model));
    model.to_device(Device::Cpu)?;
    assert_eq!(values(&model), before);
    // Whoever holds a parameter holds the moved one.
    let _ = tch::no_grad(|| held[0].1.shallow_clone().fill_(7.0));
    assert_eq!(values(&model)[0][0], 7.0);
    assert!(model.parameters().iter().all(|(_, tensor)| tensor.requires_grad()));
    Ok(())
}

#[test]
fn logits_have_a_row_per_sample_and_inputs_of_another_size_are_an_error() {
    let model = Network::mlp(SIZES, 1).unwrap();
    let inputs = |features| Tensor::zeros([2, features], (Kind::Float, Device::Cpu));
    assert_eq!(model.forward(&inputs(6)).unwrap().size(), [2, 3]);
    assert!(model.forward(&inputs(5)).is_err());
}

#[test]
fn a_small_file_with_the_plan_of_a_large_network_is_refused_before_memory_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    save_without_plan(&Network::mlp([6, 4], 2).unwrap(), &folder.path().join("weights.safetensors"));
    let plan = r#"{"input": [16384], "layers": [{"Dense": 65536}, {"Dense": 16384}]}"#;
    fs::write(folder.path().join("network.json"), plan).unwrap();
    let error = Network::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("found 28 values, expected the 2147565568 of [16384] → Dense(65536)"), "{error}");
}

#[test]
fn the_values_of_a_plan_are_those_of_its_network() {
    for model in [Network::mlp(SIZES, 1).unwrap(), convolutional(1)] {
        let values: usize = model.tensors().iter().map(|(_, tensor)| tensor.numel()).sum();
        assert_eq!(model.plan().values().unwrap(), values);
    }
}

#[test]
fn files_of_other_formats_are_told_by_their_contents_and_not_written() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, kind) in [
        ("model.pt", &b"PK\x03\x04"[..], "a zip archive"),
        ("model.h5", b"\x89HDF\r\n", "an HDF5 file"),
        ("model.pkl", b"\x80\x04", "a Python pickle"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let error = Network::load(&path).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(kind), "{error}");
    }
    let error = Network::mlp(SIZES, 1).unwrap().save(folder.path().join("new.keras")).unwrap_err().to_string();
    assert!(error.contains("new.keras; expected a name that ends in .safetensors"), "{error}");
    assert!(!folder.path().join("new.keras").exists());
}

#[test]
fn convolutions_of_earlier_versions_keep_their_stride_and_padding() {
    let old = r#"{"input": [1, 9, 9], "layers": [
        {"Convolution": {"channels": 2, "size": 5}}, {"NarrowConvolution": {"channels": 3, "size": 4, "stride": 2}}]}"#;
    let read = |json: &str| serde_json::from_str::<Plan>(json);
    let plan = read(old).unwrap();
    let [wide, narrow] = [(2, 5, 1, 2), (3, 4, 2, 0)].map(|(channels, size, stride, padding)| Convolution {
        channels,
        size,
        stride,
        padding,
    });
    assert_eq!(plan.layers, [wide, narrow]);
    assert_eq!(plan.shapes().unwrap(), [[2, 9, 9], [3, 3, 3]]);
    assert_eq!(read(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
    let strided = read(r#"{"input": [1, 9, 9], "layers": [{"Convolution": {"channels": 2, "size": 3, "stride": 2}}]}"#);
    assert_eq!(strided.unwrap().layers, [Convolution { channels: 2, size: 3, stride: 2, padding: 1 }]);
    for other in ["[]", "7", r#"{"layers": 3}"#, r#"{"input": [1], "layers": [{"NarrowConvolution": 3}]}"#] {
        assert!(read(other).is_err(), "{other}");
    }
}

#[test]
fn every_layer_says_what_it_takes() {
    let picture = [1, 6, 6];
    let convolution = |size, stride, padding| Convolution { channels: 2, size, stride, padding };
    for (input, layer, expected) in [
        (&picture[..], Dense(4), "one row of values before it"),
        (&[36], convolution(3, 1, 1), "[channels, height, width] before it, a kernel that fits"),
        (&picture, convolution(7, 1, 0), "a kernel that fits into the padded picture"),
        (&picture, convolution(3, 1, 2), "a padding of at most half of the size"),
        (&picture, convolution(3, 0, 1), "a stride of at least 1"),
        (&[36], MaxPool(2), "[channels, height, width] before it, and a side"),
        (&picture, MaxPool(7), "a side from 1 to that of the picture"),
        (&picture, Dropout(1.0), "a fraction from 0 to below 1"),
    ] {
        let error = Network::new(input, [layer], 0).unwrap_err().to_string();
        assert!(error.starts_with(&format!("a layer is {layer:?} on samples of shape {input:?}")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_clone_has_parameters_of_its_own() {
    let model = convolutional(1);
    let copy = model.clone();
    let before = values(&model);
    assert_eq!(values(&copy), before);
    tch::no_grad(|| copy.tensors().iter().for_each(|(_, tensor)| drop(tensor.shallow_clone().fill_(0.5))));
    assert_eq!(values(&model), before);
    assert!(copy.parameters().iter().all(|(_, tensor)| tensor.requires_grad() && tensor.is_leaf()));
}

#[test]
fn frozen_layers_are_left_alone_by_training_and_counted_apart() {
    let mut model = Network::new([1, 4, 4], [Flatten, Dense(8), BatchNorm, Relu, Dense(3)], 1).unwrap();
    for name in ["dense_1", "batch_norm_1"] {
        model.set_trainable(name, false).unwrap();
    }
    assert_eq!(model.summary().parameters(), 9 * 3);
    assert!(model.summary().to_string().contains("Non-trainable params: 168"), "{}", model.summary());
    let frozen = |model: &Network| values(model).into_iter().filter(|values| values.len() != 24 && values.len() != 3);
    let (before, copy) = (frozen(&model).collect::<Vec<_>>(), model.clone());
    let inputs = Tensor::rand([40, 16], (Kind::Float, Device::Cpu));
    let samples = crate::data::Samples::new("noise", inputs, Tensor::from_slice(&[0_i64, 1, 2, 1].repeat(10))).unwrap();
    let training = crate::training::Training { epochs: 2, verbose: false, ..Default::default() };
    crate::training::fit(&mut model, &samples, &training).unwrap();
    assert_eq!(frozen(&model).collect::<Vec<_>>(), before);
    assert_ne!(values(&model), values(&copy));
    model.set_trainable("dense_1", true).unwrap();
    assert_eq!(model.summary().parameters(), 9 * 3 + 17 * 8);
    let error = model.set_trainable("dense_3", false).unwrap_err().to_string();
    assert!(error.starts_with("a layer's name is dense_3; expected one of flatten_1, dense_1, "), "{error}");
}
