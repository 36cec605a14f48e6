//! Single steps: written out and by autograd, with what changes their samples and labels.

use native::uses_dense_input;
use tch::{Device, Kind, Tensor};

use super::super::{Schedule, Training, fit};
use super::*;
use crate::{
    data::Augmentation,
    model::{Layer, Network},
    optimizer::Optimizer,
    random::{Purpose, generator, uniform},
};

/// Which of three inputs is the largest.
fn samples(count: i64) -> Samples {
    let inputs = uniform(&[count, 3], [0.0, 1.0], Device::Cpu, &mut generator(5, Purpose::DrawnDigits)).unwrap();
    Samples::new("largest of three", inputs.shallow_clone(), inputs.argmax(1, false)).unwrap()
}

fn quiet() -> Training {
    Training { epochs: 1, batch_size: 32, verbose: false, ..Training::default() }
}

fn weights(model: &dyn Model) -> Vec<Vec<f32>> {
    let flat = |(_, tensor): (String, Tensor)| Vec::<f32>::try_from(tensor.detach().reshape([-1])).unwrap();
    model.parameters().into_iter().map(flat).collect()
}

/// Steps small enough that rounding stays small: RMSprop divides small gradients by their size.
fn large_epsilon() -> Training {
    Training { optimizer: Optimizer::rms_prop(0.001).epsilon(1e-3), ..Training::default() }
}

/// A network that training does not know for an MLP, as one written in a notebook.
struct Own(Network);

impl Model for Own {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.0.forward(inputs)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.0.parameters()
    }
}

#[test]
fn the_written_out_step_does_what_autograd_does() {
    let count = 300;
    // Two kernels of several blocks; a third of the pixels is blank everywhere, another third here and there. Always
    // the same numbers: of others, one in a hundred has a sum so near 0 that rounding decides on which side it lies.
    let mut random = generator(7, Purpose::DrawnDigits);
    let mut drawn = |shape: &[i64]| uniform(shape, [0.0, 1.0], Device::Cpu, &mut random).unwrap();
    let inputs = drawn(&[count, 600]);
    let _ = inputs.narrow(1, 0, 200).zero_();
    let _ = inputs.narrow(1, 200, 200).f_mul_(&inputs.narrow(1, 200, 200).gt(0.99)).unwrap();
    let labels = (drawn(&[count]) * 7.0).to_kind(Kind::Int64);
    // Too few blank pixels to leave them out.
    let full = drawn(&[count, 600]);
    let [sparse, dense] = [inputs, full].map(|inputs| Samples::new("noise", inputs, labels.shallow_clone()).unwrap());
    assert!(!uses_dense_input(&sparse.inputs).unwrap() && uses_dense_input(&dense.inputs).unwrap());
    // With a bias below 0, most hidden units are at rest, and left out.
    for (samples, sizes, bias) in [
        (&sparse, &[600, 7][..], 0.0),
        (&sparse, &[600, 300, 7], 0.0),
        (&sparse, &[600, 500, 400, 7], 0.0),
        (&sparse, &[600, 500, 400, 7], -0.2),
        (&dense, &[600, 300, 7], 0.0),
        (&dense, &[600, 300, 100, 7], -0.7),
    ] {
        let network = || {
            let network = Network::mlp(sizes, 3).unwrap();
            let is_bias = |(_, tensor): &(String, Tensor)| tensor.dim() == 1;
            for (_, tensor) in network.parameters().into_iter().filter(is_bias) {
                let _ = tensor.detach().fill_(bias);
            }
            network
        };
        let (mlp, own) = (network(), Own(network()));
        let hidden = mlp.layer_outputs(&samples.inputs).unwrap().remove(0).gt(0.0).to_kind(Kind::Float);
        assert_eq!(hidden.mean(Kind::Float).double_value(&[]) < 0.4, bias < 0.0, "{sizes:?}");
        let training = large_epsilon();
        let mut steps = [&mlp as &dyn Model, &own].map(|model| Trainer::new(model, samples, &training).unwrap());
        for digits in [1, 33, 300, 33, 300] {
            let positions = drawn(&[count]).argsort(0, false).narrow(0, 0, digits);
            let [written_out, autograd] = steps.each_mut().map(|steps| steps.step(&positions, 0.001).unwrap());
            let difference = written_out.loss.double_value(&[]) - autograd.loss.double_value(&[]);
            assert!(difference.abs() < 1e-5, "{difference}");
            assert_eq!(written_out.correct.int64_value(&[]), autograd.correct.int64_value(&[]));
            for ((name, found), (_, expected)) in mlp.parameters().iter().zip(own.parameters()) {
                let error = (found - &expected).abs().max().double_value(&[]);
                assert!(error < 5e-6, "{sizes:?}, {digits} digits, {name}: {error}");
                // RMSprop divides small gradients by their size: rounding would grow from step to step.
                found.detach().copy_(&expected.detach());
            }
        }
    }
}

#[test]
fn the_last_batch_of_an_epoch_may_be_smaller() {
    let (mlp, own) = (Network::mlp([3, 16, 3], 1).unwrap(), Own(Network::mlp([3, 16, 3], 1).unwrap()));
    let (samples, training) = (samples(100), large_epsilon());
    for model in [&mlp as &dyn Model, &own] {
        let mut steps = Trainer::new(model, &samples, &training).unwrap();
        for positions in Tensor::arange(100, (Kind::Int64, Device::Cpu)).split(32, 0) {
            assert_eq!(steps.step(&positions, 0.001).unwrap().samples, positions.numel());
        }
    }
    for (found, expected) in weights(&mlp).concat().into_iter().zip(weights(&own.0).concat()) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn a_position_that_is_not_there_and_too_large_a_batch_are_errors() {
    let (mlp, samples) = (Network::mlp([3, 16, 3], 1).unwrap(), samples(100));
    let mut steps = Trainer::new(&mlp, &samples, &Training::default()).unwrap();
    let mut error = |positions: &Tensor| steps.step(positions, 0.001).unwrap_err().to_string();
    assert!(error(&Tensor::from_slice(&[100_i64])).contains("found 100, expected 0 to 99"));
    let large = Tensor::zeros([65_537], (Kind::Int64, Device::Cpu));
    assert!(error(&large).contains("found 65537, expected 1 to 65536 samples"));
    assert!(error(&large.narrow(0, 0, 0)).contains("found 0, expected 1 to 65536 samples"));
    // Settings that ask for so many take autograd's step.
    let training = Training { batch_size: 70_000, ..Training::default() };
    assert_eq!(Trainer::new(&mlp, &samples, &training).unwrap().step(&large, 0.001).unwrap().samples, 65_537);
}

#[test]
fn parameters_that_the_loss_does_not_need_stay_and_a_loss_without_any_is_an_error() {
    struct Spare(Network, Tensor);
    impl Model for Spare {
        fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
            self.0.forward(inputs)
        }

        fn parameters(&self) -> Vec<(String, Tensor)> {
            let spare = ("spare".into(), self.1.shallow_clone());
            [spare].into_iter().chain(self.0.parameters()).collect()
        }
    }
    let spare = || Tensor::ones([2, 2], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    for optimizer in
        [Optimizer::rms_prop(0.01), Optimizer::adam(0.01), Optimizer::sgd(0.01).momentum(0.9).weight_decay(0.1)]
    {
        let mut model = Spare(Network::mlp([3, 3], 1).unwrap(), spare());
        let before = weights(&model.0);
        fit(&mut model, &samples(100), &Training { optimizer, ..quiet() }).unwrap();
        assert_eq!(model.1, spare());
        assert_ne!(weights(&model.0), before);
    }

    struct Fixed(Network);
    impl Model for Fixed {
        fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
            let _guard = tch::no_grad_guard();
            self.0.forward(inputs)
        }

        fn parameters(&self) -> Vec<(String, Tensor)> {
            self.0.parameters()
        }
    }
    let error = fit(&mut Fixed(Network::mlp([3, 3], 1).unwrap()), &samples(100), &quiet()).unwrap_err();
    assert!(matches!(error, Error::NoGradient), "{error}");
}

/// As a panic in a cell of a notebook leaves it.
#[test]
fn training_works_after_a_panic_within_no_grad() {
    let panicked = std::panic::catch_unwind(|| tch::no_grad(|| panic!("on purpose")));
    assert!(panicked.is_err());
    let mut own = Own(Network::mlp([3, 16, 3], 1).unwrap());
    fit(&mut own, &samples(100), &quiet()).unwrap();
}

/// Pictures of 8 × 8 pixels in three classes.
fn pictures() -> Samples {
    let inputs = uniform(&[64, 64], [0.0, 1.0], Device::Cpu, &mut generator(6, Purpose::DrawnDigits)).unwrap();
    let labels = Tensor::arange(64, (Kind::Int64, Device::Cpu)).remainder(3);
    Samples { shape: vec![8, 8], ..Samples::new("pictures", inputs, labels).unwrap() }
}

/// The mean cross-entropy with labels of which this share is spread over all three classes, written out.
fn loss_of(logits: &Tensor, labels: &Tensor, smoothing: f64) -> f64 {
    let target = labels.one_hot(3) * (1.0 - smoothing) + smoothing / 3.0;
    let logarithms = logits.log_softmax(1, Kind::Double);
    -(target * logarithms).sum_dim_intlist(1, false, Kind::Double).mean(Kind::Double).double_value(&[])
}

#[test]
fn a_step_learns_from_augmented_samples_and_smoothed_labels() {
    let augmentation = Augmentation { shift: 2.0, ..Augmentation::default() };
    let training = Training { augmentation, label_smoothing: 0.3, seed: 4, ..quiet() };
    let (model, samples) = (Network::new([64], [Layer::Dense(3)], 1).unwrap(), pictures());
    let changed = augmentation.apply(&samples.inputs, &samples.shape, &mut generator(4, Purpose::Noise(1))).unwrap();
    let expected = loss_of(&model.forward(&changed).unwrap(), &samples.labels, 0.3);
    let plain = loss_of(&model.forward(&samples.inputs).unwrap(), &samples.labels, 0.0);
    let all = Tensor::arange(64, (Kind::Int64, Device::Cpu));
    let found = Trainer::new(&model, &samples, &training).unwrap().step(&all, 0.1).unwrap().loss.double_value(&[]);
    assert!((found - expected).abs() < 1e-5 && (found - plain).abs() > 1e-3, "{found}, {expected}, {plain}");
}

#[test]
fn the_learning_rate_follows_its_schedule_within_an_epoch() {
    let training = Training { schedule: Schedule::Cosine, epochs: 2, validation_split: 0.0, ..quiet() };
    let samples = samples(96);
    let mut model = Network::mlp([3, 8, 3], 1).unwrap();
    fit(&mut model, &samples, &training).unwrap();

    let stepped = Network::mlp([3, 8, 3], 1).unwrap();
    let mut steps = Trainer::new(&stepped, &samples, &training).unwrap();
    for epoch in [1, 2] {
        let order = training.order(&stepped, &samples, epoch).unwrap();
        for (step, positions) in order.split(32, 0).iter().enumerate() {
            // Six steps in all, each with the rate at which it begins.
            let done = (3 * (epoch - 1) + step) as f64 / 6.0;
            steps.step(positions, 0.001 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())).unwrap();
        }
    }
    for (found, expected) in weights(&model).concat().into_iter().zip(weights(&stepped).concat()) {
        assert!((found - expected).abs() < 1e-7, "{found}, {expected}");
    }
}
