//! Networks as they start, as they are saved and loaded, and as they move.

use std::{fs, path::Path};

use tch::{Device, Kind, Tensor};

use super::{Layer::*, Mlp, Model, Network, Plan, weights};
use crate::Result;

const SIZES: [usize; 3] = [6, 4, 3];

fn values(model: &Network) -> Vec<Vec<f32>> {
    let flat = |tensor: Tensor| Vec::<f32>::try_from(tensor.detach().reshape([-1])).unwrap();
    model.parameters().into_iter().chain(model.buffers()).map(|(_, tensor)| flat(tensor)).collect()
}

/// A network with a layer of every kind.
fn convolutional(seed: u64) -> Network {
    let wide = Convolution { channels: 4, size: 3 };
    let narrow = NarrowConvolution { channels: 5, size: 2, stride: 2 };
    let layers = [wide, MaxPool(2), BatchNorm, Relu, narrow, Flatten, Dropout(0.2), Dense(3)];
    Network::new(&[1, 8, 8], &layers, seed).unwrap()
}

#[test]
fn weights_start_glorot_uniform_with_zero_biases() {
    let model = Mlp::new(&[784, 512, 10], 3).unwrap();
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
    let of = |seed| values(&Mlp::new(&SIZES, seed).unwrap());
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn sizes_that_make_no_network_are_errors() {
    for sizes in [&[784][..], &[], &[784, 0, 10]] {
        assert!(Mlp::new(sizes, 0).unwrap_err().to_string().starts_with("sizes is ["));
    }
}

#[test]
fn an_mlp_is_one_plan_among_others() {
    let layers = [Dense(4), Relu, Dense(3)];
    let listed = Network::new(&[6], &layers, 1).unwrap();
    assert_eq!(values(&listed), values(&Mlp::new(&SIZES, 1).unwrap()));
    assert!(listed.plan().is_mlp() && listed.plan() == &Plan::mlp(&SIZES).unwrap());
    let reordered = [Relu, Dense(4), Dense(3)];
    for other in [&layers[..2], &reordered, &[Dense(4), Relu, Dropout(0.0), Relu, Dense(3)]] {
        assert!(!Network::new(&[6], other, 1).unwrap().plan().is_mlp(), "{other:?}");
    }
}

#[test]
fn networks_survive_saving_and_loading_as_a_file_and_as_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    for (model, path) in [
        (Mlp::new(&SIZES, 1).unwrap(), "new folder/mlp.safetensors"),
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
    let (mlp, cnn) = (Mlp::new(&SIZES, 1).unwrap(), convolutional(1));
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
        save_without_plan(&Mlp::new(sizes, 2).unwrap(), &folder.path().join("weights.safetensors"));
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
    assert!(wrong.contains("network.json: found a layer is Dense(4); expected a layer that takes samples"), "{wrong}");
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
    let model = Mlp::new(&SIZES, 1).unwrap();
    let inputs = |features| Tensor::zeros([2, features], (Kind::Float, Device::Cpu));
    assert_eq!(model.forward(&inputs(6)).unwrap().size(), [2, 3]);
    assert!(model.forward(&inputs(5)).is_err());
}

#[test]
fn a_small_file_with_the_plan_of_a_large_network_is_refused_before_memory_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    save_without_plan(&Mlp::new(&[6, 4], 2).unwrap(), &folder.path().join("weights.safetensors"));
    let plan = r#"{"input": [16384], "layers": [{"Dense": 65536}, {"Dense": 16384}]}"#;
    fs::write(folder.path().join("network.json"), plan).unwrap();
    let error = Network::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("found 28 values, expected the 2147565568 of [16384] → Dense(65536)"), "{error}");
}

#[test]
fn the_values_of_a_plan_are_those_of_its_network() {
    for model in [Mlp::new(&SIZES, 1).unwrap(), convolutional(1)] {
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
    let error = Mlp::new(&SIZES, 1).unwrap().save(folder.path().join("new.keras")).unwrap_err().to_string();
    assert!(error.contains("new.keras; expected a name that ends in .safetensors"), "{error}");
    assert!(!folder.path().join("new.keras").exists());
}
