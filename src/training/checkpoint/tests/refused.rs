//! Everything in which another training may differ: each difference is refused by its name.

use super::*;

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
    let others = [
        (Training { schedule: Schedule::Cosine, epochs: 2, ..usual() }, "schedule \"Constant\", expected \"Cosine\""),
        (Training { epochs: 1, ..usual() }, "epochs 2, expected 1"),
        (Training { batch_size: 8, ..usual() }, "batch_size 16, expected 8"),
        (Training { optimizer: Optimizer::adam(0.02), ..usual() }, "optimizer.learning_rate 0.01, expected 0.02"),
        (
            Training { optimizer: Optimizer::adam(0.01).beta_1(0.8), ..usual() },
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
    let mut other_seed = Network::new([64], LAYERS, 2).unwrap();
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
