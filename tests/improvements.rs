//! What goes beyond the original's training: networks of other layers, schedules, early stopping, sampling,
//! augmentation; each must learn, give the same bits from the same seed, and go on after an interrupt.

use std::{cell::Cell, fs};

use mnist_classification::{model::Layer::*, prelude::*};
use tch::{Device, Kind, Tensor};

/// Drawn digits, few enough for a test.
fn digits() -> Samples {
    let digits = Dataset::drawn(3).unwrap().train.preprocess();
    digits.select(&Tensor::arange(1_500, (Kind::Int64, Device::Cpu))).unwrap()
}

fn network(seed: u64) -> Network {
    let layers = [
        Convolution { channels: 6, size: 3, stride: 1, padding: 1 },
        MaxPool(4),
        BatchNorm,
        Relu,
        Flatten,
        Dropout(0.2),
        Dense(32),
        BatchNorm,
        Relu,
        Dense(10),
    ];
    Network::new([1, 28, 28], layers, seed).unwrap()
}

/// Everything at once.
fn everything(epochs: usize) -> Training {
    Training {
        epochs,
        batch_size: 64,
        optimizer: Optimizer::nadam(0.003),
        schedule: Schedule::OneCycle { rise: 0.3 },
        augmentation: Augmentation {
            shift: 1.0,
            rotation: 5.0,
            scale: 0.05,
            shear: 5.0,
            elastic: 0.5,
            ..Augmentation::default()
        },
        sampling: Sampling::Mistakes { times: 3.0 },
        label_smoothing: 0.05,
        early_stopping: Some(epochs),
        verbose: false,
        ..Training::default()
    }
}

fn numbers(model: &dyn Model) -> Vec<Vec<f32>> {
    let all = model.tensors().into_iter();
    all.map(|(_, tensor)| Vec::try_from(tensor.detach().reshape([-1])).unwrap()).collect()
}

fn trained(training: &Training) -> (Network, History) {
    let mut model = network(1);
    let history = fit(&mut model, &digits(), training).unwrap();
    (model, history)
}

#[test]
fn all_of_it_together_learns_and_repeats_itself() {
    let training = Training { seed: 5, ..everything(3) };
    let ((model, history), (again, _)) = (trained(&training), trained(&training));
    assert_eq!(numbers(&model), numbers(&again));
    let best = history.best().unwrap().validation.unwrap();
    assert!(best.accuracy > 0.8, "{history:?}");
    // The best epoch's weights are the model's.
    let (_, validation) = digits().split(0.2).unwrap();
    assert_eq!(evaluate(&model, &validation).unwrap(), best);
}

#[test]
fn an_interrupted_training_goes_on_to_the_same_bits() {
    goes_on_to_the_same_bits(&everything(3));
}

#[test]
fn an_interrupted_training_by_sgd_in_half_precision_goes_on_to_the_same_bits() {
    goes_on_to_the_same_bits(&half(3));
}

fn half(epochs: usize) -> Training {
    Training {
        optimizer: Optimizer::sgd(0.05).momentum(0.9).weight_decay(0.001),
        half_precision: true,
        ..everything(epochs)
    }
}

fn goes_on_to_the_same_bits(training: &Training) {
    let folder = tempfile::tempdir().unwrap();
    let kept = Training { checkpoint: Some(folder.path().into()), ..training.clone() };
    // A model that fails once in the third epoch stands for whatever ends a process.
    let mut failing = Failing { network: network(1), steps_left: Cell::new(2 * 19 + 5) };
    assert!(fit(&mut failing, &digits(), &kept).is_err());
    assert!(fs::read_dir(folder.path().join("epoch-0002")).unwrap().count() >= 5);
    let (model, history) = trained(&kept);
    let (whole, expected) = trained(training);
    assert_eq!(history.epochs.len(), expected.epochs.len());
    assert_eq!(numbers(&model), numbers(&whole));
}

struct Failing {
    network: Network,
    steps_left: Cell<usize>,
}

impl Model for Failing {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.network.forward(inputs)
    }

    fn forward_training(&self, inputs: &Tensor, random: &mut Random) -> Result<Tensor> {
        let left = self.steps_left.get();
        self.steps_left.set(left.saturating_sub(1));
        if left == 0 { Err(Error::Figure("on purpose".into())) } else { self.network.forward_training(inputs, random) }
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.network.parameters()
    }

    fn buffers(&self) -> Vec<(String, Tensor)> {
        self.network.buffers()
    }

    fn plan(&self) -> Option<&Plan> {
        Some(self.network.plan())
    }
}

#[test]
fn half_precision_learns_with_weights_of_full_precision_and_leaves_dense_layers_alone() {
    let (model, history) = trained(&half(3));
    assert!(history.best().unwrap().validation.unwrap().accuracy > 0.8, "{history:?}");
    let kinds = model.tensors().into_iter().map(|(_, tensor)| tensor.kind());
    assert!(kinds.into_iter().all(|kind| kind == Kind::Float));
    let (other, _) = trained(&Training { half_precision: false, ..half(3) });
    assert_ne!(numbers(&model), numbers(&other));
    let mlp = |half_precision| {
        let mut mlp = Network::mlp([784, 16, 10], 0).unwrap();
        fit(&mut mlp, &digits(), &Training { half_precision, ..half(1) }).unwrap();
        numbers(&mlp)
    };
    assert_eq!(mlp(true), mlp(false));
}

#[test]
fn early_stopping_stops_and_the_best_weights_come_back() {
    // Steps far too large: the loss soon goes up and down.
    let training = Training { optimizer: Optimizer::adam(0.1), early_stopping: Some(2), ..everything(40) };
    let training = Training { schedule: Schedule::Constant, label_smoothing: 0.0, ..training };
    let (model, history) = trained(&training);
    let best = history.best().unwrap();
    assert!(history.epochs.len() < 40, "{history:?}");
    assert_eq!(history.epochs.len() - best.epoch, 2);
    let (_, validation) = digits().split(0.2).unwrap();
    assert_eq!(evaluate(&model, &validation).unwrap(), best.validation.unwrap());
}

#[test]
fn a_training_that_stopped_early_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let training = Training {
        optimizer: Optimizer::adam(0.1),
        schedule: Schedule::Constant,
        early_stopping: Some(1),
        checkpoint: Some(folder.path().into()),
        ..everything(40)
    };
    let (first, again) = (trained(&training), trained(&training));
    assert_eq!(numbers(&first.0), numbers(&again.0));
    assert_ne!(first.1.epochs[0].seconds, again.1.epochs[0].seconds);
}

#[test]
fn a_batch_of_one_digit_leaves_the_running_means_alone() {
    let few = digits().select(&Tensor::arange(33, (Kind::Int64, Device::Cpu))).unwrap();
    let mut model = Network::new([784], [Dense(8), BatchNorm, Relu, Dense(10)], 1).unwrap();
    // 33 digits: 32, and one more.
    let training = Training { epochs: 2, batch_size: 32, validation_split: 0.0, verbose: false, ..Training::default() };
    fit(&mut model, &few, &training).unwrap();
    assert!(numbers(&model).concat().iter().all(|number| number.is_finite()));
    assert!(evaluate(&model, &few).unwrap().loss.is_finite());
}

#[test]
fn digits_of_another_size_are_refused() {
    // Two halves of a digit are not a digit.
    let halves = Tensor::zeros([4, 392], (Kind::Float, Device::Cpu));
    assert!(network(1).forward(&halves).unwrap_err().to_string().starts_with("libtorch: "));
    for (input, layers) in [(&[][..], &[Relu][..]), (&[784], &[]), (&[0], &[Dense(10)]), (&[784], &[Dense(usize::MAX)])]
    {
        let error = Network::new(input, layers, 0).unwrap_err();
        assert!(matches!(error, Error::InvalidSetting { .. }), "{error}");
    }
}

#[test]
fn chosen_classes_are_seen_more_often() {
    let seen = |sampling: Sampling| {
        let mut counting = Counting { network: network(1), ink: Cell::new(0.0) };
        let training = Training { epochs: 1, sampling, verbose: false, ..Training::default() };
        // The pictures of one class are all ink, those of the others blank: how often each is drawn can be seen.
        let labels = Tensor::arange(1_000, (Kind::Int64, Device::Cpu)).remainder(10);
        let inputs = labels.eq(4).to_kind(Kind::Float).unsqueeze(1).expand([1_000, 784], false).contiguous();
        fit(&mut counting, &Samples::new("fours", inputs, labels).unwrap(), &training).unwrap();
        counting.ink.get() / 784.0 / 800.0
    };
    assert!((seen(Sampling::Even) - 0.1).abs() < 1e-6);
    // A tenth of the digits, drawn four times as often: 4 of 13.
    let share = seen(Sampling::Classes { classes: vec![4], times: 4.0 });
    assert!((share - 4.0 / 13.0).abs() < 0.06, "{share}");
}

struct Counting {
    network: Network,
    ink: Cell<f64>,
}

impl Model for Counting {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.network.forward(inputs)
    }

    fn forward_training(&self, inputs: &Tensor, random: &mut Random) -> Result<Tensor> {
        self.ink.set(self.ink.get() + inputs.sum(Kind::Double).double_value(&[]));
        self.network.forward_training(inputs, random)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.network.parameters()
    }
}

#[test]
fn settings_that_cannot_work_are_errors() {
    let error = |training: Training| fit(&mut network(1), &digits(), &training).unwrap_err().to_string();
    let usual = || Training { verbose: false, ..Training::default() };
    let nothing = Augmentation::default();
    let plateau = Schedule::ReduceOnPlateau { patience: 1, factor: 0.5 };
    for (training, beginning) in [
        (Training { label_smoothing: 1.0, ..usual() }, "label_smoothing is 1; expected from 0 to below 1"),
        (Training { early_stopping: Some(0), ..usual() }, "early_stopping is 0; expected at least 1 epoch"),
        (
            Training { early_stopping: Some(1), validation_split: 0.0, ..usual() },
            "validation_split is 0; expected above 0: early stopping",
        ),
        (Training { schedule: plateau, validation_split: 0.0, ..usual() }, "schedule is ReduceOnPlateau"),
        (Training { schedule: Schedule::OneCycle { rise: 1.5 }, ..usual() }, "schedule is OneCycle { rise: 1.5 }; "),
        (Training { sampling: Sampling::Mistakes { times: 0.5 }, ..usual() }, "sampling times is 0.5; "),
        (Training { sampling: Sampling::Mistakes { times: 1e308 }, ..usual() }, "sampling times is 1000"),
        (Training { augmentation: Augmentation { scale: 1.0, ..nothing }, ..usual() }, "augmentation is Augmentation"),
        (Training { augmentation: Augmentation { shift: f64::NAN, ..nothing }, ..usual() }, "augmentation is Augm"),
    ] {
        let found = error(training);
        assert!(found.starts_with(beginning), "{found}");
    }
}

#[test]
fn a_convolution_without_padding_sees_the_inside_of_a_picture() {
    // 14 pixels high, 56 wide, and behind the first layer five channels.
    let inputs = digits().inputs.narrow(0, 0, 5);
    let pictures = |layer| {
        let layers = [Convolution { channels: 5, size: 3, stride: 1, padding: 1 }, layer];
        Network::new([1, 14, 56], layers, 4).unwrap().forward(&inputs).unwrap()
    };
    let whole = pictures(Convolution { channels: 6, size: 3, stride: 1, padding: 1 });
    for (stride, height, width) in [(1, 12, 54), (2, 6, 27), (3, 4, 18)] {
        // The same seed has the same kernels; squares of 3 pixels a side that lie inside have their middles one from
        // the edge.
        let inside = whole.slice(2, 1, 13, stride).slice(3, 1, 55, stride);
        let narrow = pictures(Convolution { channels: 6, size: 3, stride: stride as usize, padding: 0 });
        assert_eq!(narrow.size(), [5, 6, height, width]);
        let difference = (narrow - inside).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{difference}");
    }
    assert_eq!(pictures(Convolution { channels: 6, size: 4, stride: 2, padding: 0 }).size(), [5, 6, 6, 27]);
    for (channels, size, stride) in [(0, 3, 1), (6, 0, 1), (6, 15, 1), (6, 3, 0), (6, 3, usize::MAX)] {
        let layers = [Convolution { channels, size, stride, padding: 0 }];
        let error = Network::new([1, 14, 56], layers, 0).unwrap_err().to_string();
        assert!(error.starts_with("a layer is Convolution"), "{error}");
        assert!(error.contains("a kernel that fits into the padded picture"), "{error}");
    }
}
