//! Trainings that go on to the same bits, and folders that they leave alone.

mod refused;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use tempfile::{TempDir, tempdir};

use super::super::{Sampling, Schedule, Training, fit};
use crate::{
    Result,
    data::{Augmentation, Classes, Samples},
    model::{Layer, Layer::*, Model, Network},
    optimizer::Optimizer,
    random::{Purpose, generator, uniform},
};

/// Pictures of 8 × 8 pixels in three classes: which third of them has the most ink.
fn samples() -> Samples {
    let inputs = uniform(&[90, 64], [0.0, 1.0], Device::Cpu, &mut generator(5, Purpose::DrawnDigits)).unwrap();
    let thirds = inputs.narrow(1, 0, 63).reshape([90, 3, 21]).sum_dim_intlist(2, false, Kind::Float);
    let labels = thirds.argmax(1, false);
    Samples { shape: vec![8, 8], ..Samples::new("pictures", inputs, labels).unwrap() }
}

const LAYERS: [Layer; 5] = [Dense(8), BatchNorm, Relu, Dropout(0.2), Dense(3)];

fn network(layers: &[Layer]) -> Network {
    Network::new([64], layers, 1).unwrap()
}

fn training(folder: &Path, epochs: usize) -> Training {
    let (checkpoint, optimizer) = (Some(folder.into()), Optimizer::adam(0.01));
    Training { epochs, batch_size: 16, optimizer, verbose: false, checkpoint, ..Training::default() }
}

fn values(model: &dyn Model) -> Vec<Vec<f32>> {
    let all = model.tensors().into_iter();
    all.map(|(_, tensor)| Vec::try_from(tensor.detach().reshape([-1])).unwrap()).collect()
}

/// A folder as a training leaves it that is interrupted after its second epoch.
fn interrupted(model: &mut dyn Model) -> TempDir {
    let folder = tempdir().unwrap();
    fit(model, &samples(), &training(folder.path(), 2)).unwrap();
    fs::remove_file(folder.path().join("finished")).unwrap();
    folder
}

/// The only epoch in the folder.
fn epoch(folder: &Path) -> String {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let epochs: Vec<_> = names.filter(|name| name.starts_with("epoch-")).collect();
    assert_eq!(epochs.len(), 1, "{epochs:?}");
    epochs[0].clone()
}

fn seconds(history: &super::History) -> Vec<f64> {
    history.epochs.iter().map(|epoch| epoch.seconds).collect()
}

#[test]
fn a_training_goes_on_to_the_same_bits_interrupted_or_finished() {
    let whole = tempdir().unwrap();
    let mut expected = network(&LAYERS);
    fit(&mut expected, &samples(), &training(whole.path(), 4)).unwrap();
    for is_finished in [false, true] {
        let folder = interrupted(&mut network(&LAYERS));
        if is_finished {
            fs::write(folder.path().join("finished"), "").unwrap();
        }
        let mut model = network(&LAYERS);
        let history = fit(&mut model, &samples(), &training(folder.path(), 4)).unwrap();
        assert_eq!((history.epochs.len(), values(&model)), (4, values(&expected)), "finished: {is_finished}");
        assert_eq!(epoch(folder.path()), "epoch-0004");
    }
}

#[test]
fn a_training_that_was_killed_after_its_last_epoch_trains_no_more() {
    let mut trained = network(&LAYERS);
    let folder = interrupted(&mut trained);
    let kept = fs::read_to_string(folder.path().join("epoch-0002/history.json")).unwrap();
    let mut model = network(&LAYERS);
    let history = fit(&mut model, &samples(), &training(folder.path(), 2)).unwrap();
    assert_eq!(values(&model), values(&trained));
    assert_eq!(json!(history), serde_json::from_str::<Value>(&kept).unwrap());
}

#[test]
fn a_finished_training_starts_anew_whatever_it_was() {
    let folder = tempdir().unwrap();
    let train = |training: &Training| {
        let mut model = network(&LAYERS);
        let history = fit(&mut model, &samples(), training).unwrap();
        (values(&model), seconds(&history))
    };
    let two = training(folder.path(), 2);
    let (first, again) = (train(&two), train(&two));
    assert_eq!(first.0, again.0);
    assert_ne!(first.1, again.1);
    assert!(!folder.path().join("replaced").exists());
    let slower = Training { optimizer: Optimizer::adam(0.001), ..training(folder.path(), 3) };
    assert_eq!(train(&slower).1.len(), 3);
    // The other training, which was finished before, is kept: moved back, it goes on where it ended.
    let restored = tempdir().unwrap();
    fs::rename(folder.path().join("replaced"), restored.path().join("epoch-0002")).unwrap();
    fs::write(restored.path().join("finished"), "").unwrap();
    let four = train(&training(restored.path(), 4)).1;
    assert_eq!((four.len(), &four[..2]), (4, &again.1[..]));
    // What cannot be read is no reason either.
    fs::write(folder.path().join("epoch-0003/training.json"), "").unwrap();
    assert_eq!(train(&two).0, first.0);
}

#[test]
fn an_epoch_that_cannot_be_read_is_an_error_and_leaves_the_model_alone() {
    let folder = interrupted(&mut network(&LAYERS));
    let weights = folder.path().join("epoch-0002/averages.safetensors");
    fs::write(&weights, &fs::read(&weights).unwrap()[..100]).unwrap();
    let mut model = network(&LAYERS);
    let error = fit(&mut model, &samples(), &training(folder.path(), 4)).unwrap_err().to_string();
    assert!(error.contains("averages.safetensors: found"), "{error}");
    assert_eq!(values(&model), values(&network(&LAYERS)));
}

#[test]
fn a_folder_in_use_is_refused() {
    let folder = interrupted(&mut network(&LAYERS));
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let error = fit(&mut network(&LAYERS), &samples(), &training(folder.path(), 4)).unwrap_err().to_string();
    assert!(error.ends_with("; expected a folder that no other training is using"), "{error}");
}

#[test]
fn the_number_of_epochs_matters_to_a_schedule_that_depends_on_it() {
    for is_finished in [true, false] {
        let folder = tempdir().unwrap();
        let cosine = |epochs| Training { schedule: Schedule::Cosine, ..training(folder.path(), epochs) };
        fit(&mut network(&LAYERS), &samples(), &cosine(2)).unwrap();
        if !is_finished {
            fs::remove_file(folder.path().join("finished")).unwrap();
        }
        let error = fit(&mut network(&LAYERS), &samples(), &cosine(4)).unwrap_err().to_string();
        assert!(error.starts_with("epochs is 4; expected 2, as in the training kept in "), "{error}");
        assert!(error.contains("because the schedule Cosine depends on their number; to start anew"), "{error}");
        assert_eq!(epoch(folder.path()), "epoch-0002");
    }
}

#[test]
fn a_training_that_diverges_leaves_a_finished_one_alone() {
    let folder = tempdir().unwrap();
    fit(&mut network(&LAYERS), &samples(), &training(folder.path(), 2)).unwrap();
    let too_fast = Training { optimizer: Optimizer::sgd(1e60), ..training(folder.path(), 2) };
    assert!(fit(&mut network(&LAYERS), &samples(), &too_fast).is_err());
    assert_eq!(epoch(folder.path()), "epoch-0002");
    assert!(folder.path().join("finished").exists());
}

/// A network whose logits are NaN after so many steps.
struct Bursting(Network, std::cell::Cell<usize>);

impl Model for Bursting {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.0.forward(inputs)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.0.parameters()
    }

    fn forward_training(&self, inputs: &Tensor, _: &mut crate::Random) -> Result<Tensor> {
        let left = self.1.replace(self.1.get().saturating_sub(1));
        Ok(self.0.forward(inputs)? * if left > 0 { 1.0 } else { f64::NAN })
    }
}

/// An epoch has five steps.
#[test]
fn a_divergence_after_good_epochs_leaves_the_last_of_them() {
    let folder = tempdir().unwrap();
    let bursting = |steps| Bursting(network(&[Dense(3)]), std::cell::Cell::new(steps));
    fit(&mut bursting(10), &samples(), &training(folder.path(), 2)).unwrap();
    let mut model = bursting(5);
    let before = values(&model);
    let error = fit(&mut model, &samples(), &training(folder.path(), 4)).unwrap_err().to_string();
    assert!(error.contains("epoch 4"), "{error}");
    assert_eq!((epoch(folder.path()), values(&model)), ("epoch-0003".into(), before));
    // The good epochs go on where the cause is gone.
    assert_eq!(fit(&mut bursting(5), &samples(), &training(folder.path(), 4)).unwrap().epochs.len(), 4);
}

#[test]
fn the_name_of_the_data_is_no_difference() {
    let folder = interrupted(&mut network(&LAYERS));
    let renamed = Samples { name: "others".into(), ..samples() };
    let history = fit(&mut network(&LAYERS), &renamed, &training(folder.path(), 4)).unwrap();
    assert_eq!(history.epochs.len(), 4);
}
