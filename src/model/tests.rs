//! Weights as they start, and as they are saved and loaded.

use tch::{Kind, Tensor};

use super::{Mlp, Model};

const SIZES: [usize; 3] = [6, 4, 3];

fn values(model: &Mlp) -> Vec<Vec<f32>> {
    let flat = |tensor: Tensor| Vec::<f32>::try_from(tensor.detach().reshape([-1])).unwrap();
    model.parameters().into_iter().map(|(_, tensor)| flat(tensor)).collect()
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
fn weights_survive_saving_and_loading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new folder/weights.safetensors");
    let model = Mlp::new(&SIZES, 1).unwrap();
    model.save_weights(&path).unwrap();
    let mut other = Mlp::new(&SIZES, 2).unwrap();
    other.load_weights(&path).unwrap();
    assert_eq!(values(&other), values(&model));
    assert_eq!(values(&Mlp::from_weights(&path).unwrap()), values(&model));
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn weights_of_another_architecture_name_the_first_tensor_that_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut model = Mlp::new(&SIZES, 1).unwrap();
    let before = values(&model);
    let mut error = |sizes: &[usize]| {
        Mlp::new(sizes, 2).unwrap().save_weights(&path).unwrap();
        model.load_weights(&path).unwrap_err().to_string()
    };
    let found = error(&[6, 4, 2]);
    assert!(
        found.contains("found dense_2.kernel of shape [4, 2], Float, expected dense_2.kernel of shape [4, 3]"),
        "{found}"
    );
    assert!(error(&[6, 4]).contains("found no tensor dense_2.kernel"));
    assert!(error(&[6, 4, 3, 3]).contains("found a tensor dense_3."));
    assert_eq!(values(&model), before);
}

#[test]
fn a_file_that_holds_no_weights_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let error = || Mlp::from_weights(&path).unwrap_err().to_string();
    assert!(error().contains("weights.safetensors: no such file"));
    std::fs::write(&path, b"not safetensors").unwrap();
    assert!(error().contains("weights.safetensors: found "));
    Tensor::write_safetensors(&[("other", Tensor::zeros([2], (Kind::Float, tch::Device::Cpu)))], &path).unwrap();
    assert!(error().contains("expected dense_1.kernel"));
}

#[test]
fn logits_have_a_row_per_digit_and_inputs_of_another_size_are_an_error() {
    let model = Mlp::new(&SIZES, 1).unwrap();
    let inputs = |features| Tensor::zeros([2, features], (Kind::Float, tch::Device::Cpu));
    assert_eq!(model.forward(&inputs(6)).unwrap().size(), [2, 3]);
    assert!(model.forward(&inputs(5)).is_err());
}
