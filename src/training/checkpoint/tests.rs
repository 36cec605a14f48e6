//! Trainings that go on to the same bits, and everything in which another one may differ.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use tempfile::{TempDir, tempdir};

use super::super::{Sampling, Schedule, Training, fit};
use crate::{
    Result,
    data::{Augmentation, Classes, Samples},
    model::{Layer, Layer::*, Model, Network},
    optimizer::{Moments, Optimizer, Rule},
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
    Network::new(&[64], layers, 1).unwrap()
}

fn training(folder: &Path, epochs: usize) -> Training {
    let (checkpoint, optimizer) = (Some(folder.into()), Optimizer::adam(0.01));
    Training { epochs, batch_size: 16, optimizer, verbose: false, checkpoint, ..Training::default() }
}

fn values(model: &dyn Model) -> Vec<Vec<f32>> {
    let all = model.parameters().into_iter().chain(model.buffers());
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
    let slower = Training { optimizer: Optimizer::adam(0.001), ..training(folder.path(), 3) };
    assert_eq!(train(&slower).1.len(), 3);
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

/// Asserts that what is refused is named, and stays as it was.
fn assert_refused(folder: &Path, model: &mut dyn Model, samples: &Samples, training: &Training, expected: &str) {
    let before = values(model);
    let error = fit(model, samples, training).unwrap_err().to_string();
    let expected = format!("found an interrupted training with {expected}");
    assert!(error.contains(&expected), "{error}\nhas no {expected}");
    assert!(error.contains("to start anew, remove the folder") && error.lines().count() == 1, "{error}");
    assert_eq!(values(model), before, "{expected}");
    assert_eq!(epoch(folder), "epoch-0002", "{expected}");
}

#[test]
fn every_other_setting_is_refused_by_its_name() {
    let folder = interrupted(&mut network(&LAYERS));
    let usual = || training(folder.path(), 4);
    let slow = Rule::Adam(Moments { beta_1: 0.8, ..Moments::default() });
    let others = [
        (Training { schedule: Schedule::Cosine, epochs: 2, ..usual() }, "schedule \"Constant\", expected \"Cosine\""),
        (Training { epochs: 1, ..usual() }, "epochs 2, expected 1"),
        (Training { batch_size: 8, ..usual() }, "batch_size 16, expected 8"),
        (Training { optimizer: Optimizer::adam(0.02), ..usual() }, "optimizer.learning_rate 0.01, expected 0.02"),
        (
            Training { optimizer: Optimizer { rule: slow, learning_rate: 0.01 }, ..usual() },
            "optimizer.rule.Adam.beta_1 0.9, expected 0.8",
        ),
        (
            Training { augmentation: Augmentation { shift: 1.0, ..Augmentation::default() }, ..usual() },
            "augmentation.shift 0.0, expected 1.0",
        ),
        (Training { sampling: Sampling::Mistakes { times: 2.0 }, ..usual() }, "sampling \"Even\""),
        (Training { label_smoothing: 0.1, ..usual() }, "label_smoothing 0.0, expected 0.1"),
        (Training { half_precision: true, ..usual() }, "half_precision false, expected true"),
        (Training { early_stopping: Some(3), ..usual() }, "early_stopping null, expected 3"),
        (Training { validation_split: 0.3, ..usual() }, "validation_split 0.2, expected 0.3"),
        (Training { shuffle: false, ..usual() }, "shuffle true, expected false"),
        (Training { seed: 1, ..usual() }, "seed 0, expected 1"),
    ];
    let name = |expected: &str| expected.split([' ', '.']).next().unwrap().to_string();
    let tested: BTreeSet<_> = others.iter().map(|(_, expected)| name(expected)).collect();
    let all: BTreeSet<_> = json!(usual()).as_object().unwrap().keys().cloned().collect();
    assert_eq!(tested, all);
    for (training, expected) in &others {
        assert_refused(folder.path(), &mut network(&LAYERS), &samples(), training, expected);
    }
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
    let too_fast = Training { optimizer: Optimizer::sgd(1e60, 0.0), ..training(folder.path(), 2) };
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

#[test]
fn every_other_network_is_refused() {
    let folder = interrupted(&mut network(&LAYERS));
    let four = training(folder.path(), 4);
    let [dense, normalise, relu, dropout, last] = LAYERS;
    for (layers, expected) in [
        (vec![dense, normalise, relu, Dropout(0.9), last], "model.plan.layers.3.Dropout 0.2, expected 0.9"),
        (vec![dense, relu, normalise, dropout, last], "model.plan.layers.1 \"BatchNorm\", expected \"Relu\""),
        (vec![dense, normalise, relu, last], "model.plan.layers ["),
    ] {
        assert_refused(folder.path(), &mut network(&layers), &samples(), &four, expected);
    }
    let mut other_seed = Network::new(&[64], &LAYERS, 2).unwrap();
    assert_refused(folder.path(), &mut other_seed, &samples(), &four, "other initial weights");
    assert_refused(folder.path(), &mut own("kernel", false), &samples(), &four, "model.plan ");
}

/// A model of one's own, whose parameters do not tell what it does with them.
struct Own {
    name: &'static str,
    kernel: Tensor,
    squared: bool,
}

fn own(name: &'static str, squared: bool) -> Own {
    let kernel = Tensor::zeros([64, 3], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    Own { name, kernel, squared }
}

impl Model for Own {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        let inputs = if self.squared { inputs.square() } else { inputs.shallow_clone() };
        Ok(inputs.f_mm(&self.kernel)?)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        vec![(self.name.into(), self.kernel.shallow_clone())]
    }
}

#[test]
fn another_model_of_ones_own_is_refused() {
    let folder = interrupted(&mut own("kernel", false));
    let four = training(folder.path(), 4);
    let expected = "model.parameters.0.0 \"kernel\", expected \"weights\"";
    assert_refused(folder.path(), &mut own("weights", false), &samples(), &four, expected);
    assert_refused(folder.path(), &mut own("kernel", true), &samples(), &four, "logits [");
    assert_eq!(fit(&mut own("kernel", false), &samples(), &four).unwrap().epochs.len(), 4);
}

#[test]
fn other_samples_are_refused() {
    let folder = interrupted(&mut network(&LAYERS));
    let four = training(folder.path(), 4);
    let fewer = samples().select(&Tensor::arange(80, (Kind::Int64, Device::Cpu))).unwrap();
    let names = Classes::new(["left", "middle", "right"]);
    for (samples, expected) in [
        (Samples { inputs: samples().inputs.flip([1]), ..samples() }, "data.sha256 "),
        (Samples { labels: samples().labels.flip([0]), ..samples() }, "data.sha256 "),
        (Samples { shape: vec![4, 16], ..samples() }, "data.shape.0 8, expected 4"),
        (Samples { classes: names, ..samples() }, "data.classes"),
        (fewer, "data.samples 90, expected 80"),
    ] {
        assert_refused(folder.path(), &mut network(&LAYERS), &samples, &four, expected);
    }
}

/// Neither can be changed here: threads are the whole process's, and there may be no GPU.
#[test]
fn another_device_or_number_of_threads_is_refused() {
    for (name, value) in [("device", json!("cuda(0)")), ("threads", json!(1_000))] {
        let folder = interrupted(&mut network(&LAYERS));
        let file = folder.path().join("epoch-0002/training.json");
        let mut kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        kept["description"][name] = value.clone();
        fs::write(&file, kept.to_string()).unwrap();
        let four = training(folder.path(), 4);
        assert_refused(folder.path(), &mut network(&LAYERS), &samples(), &four, &format!("{name} {value}, expected "));
    }
}
