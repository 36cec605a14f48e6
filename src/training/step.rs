//! One training step: the way that every model can go, with autograd, and the choice of a faster way for a plain MLP.

use tch::{Device, Kind, Reduction, Tensor};

use super::{Training, checkpoint::State, mlp::MlpSteps};
use crate::{
    Result,
    data::{Augmentation, Samples},
    model::Model,
    optimizer::{OptimizerState, Rule},
    random::{Purpose, Random, generator},
};

/// Training steps of one model through digits.
pub struct Steps<'a> {
    model: &'a dyn Model,
    samples: Samples,
    names: Vec<String>,
    parameters: Vec<Tensor>,
    optimizer: OptimizerState,
    augmentation: Augmentation,
    label_smoothing: f64,
    half_precision: bool,
    seed: u64,
    /// For augmentation and dropout.
    random: Random,
    mlp: Option<MlpSteps>,
}

/// What a step saw of its digits before it changed the weights. The numbers lie on the model's device, so that a GPU
/// goes on with the next step without waiting until they are read.
#[derive(Debug)]
pub struct Measured {
    /// How many digits the step took.
    pub digits: usize,
    /// Their mean cross-entropy, in nats.
    pub loss: Tensor,
    /// How many of them were predicted right.
    pub correct: Tensor,
}

impl<'a> Steps<'a> {
    /// Prepares steps through these digits. A plain MLP on the processor, trained by RMSprop on the digits as they are,
    /// gets its own, faster step.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for settings of the optimizer that cannot work;
    /// [`Error::Mismatch`](crate::Error::Mismatch) when an MLP and the digits do not fit;
    /// [`Error::Threads`](crate::Error::Threads) when the system grants none.
    pub fn new(model: &'a dyn Model, samples: &Samples, training: &Training) -> Result<Self> {
        let (names, parameters): (_, Vec<_>) = model.parameters().into_iter().unzip();
        let optimizer = training.optimizer.start(&parameters)?;
        let on_processor = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.kind() == Kind::Float;
        let plain = model.as_mlp().is_some()
            && training.augmentation == Augmentation::default()
            && training.label_smoothing == 0.0
            && parameters.iter().chain([&samples.inputs]).all(on_processor);
        let mlp = match optimizer.rule {
            Rule::RmsProp(rule) if plain => Some(MlpSteps::new(&parameters, samples, rule, &optimizer.squares)?),
            _ => None,
        };
        Ok(Self {
            model,
            samples: samples.shallow_clone(),
            names,
            parameters,
            optimizer,
            augmentation: training.augmentation,
            label_smoothing: training.label_smoothing,
            half_precision: training.half_precision && model.as_mlp().is_none(),
            seed: training.seed,
            random: generator(training.seed, Purpose::Noise(1)),
            mlp,
        })
    }

    pub(super) fn model(&self) -> &'a dyn Model {
        self.model
    }

    pub(super) fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Begins an epoch, counted from 1: its random numbers do not depend on those before it.
    pub(super) fn begin(&mut self, epoch: usize) {
        self.random = generator(self.seed, Purpose::Noise(epoch));
    }

    /// The optimizer's running averages, each under the name of its parameter: the tensors themselves, so that values
    /// copied into them are used by the next step.
    pub fn averages(&self) -> Vec<(String, Tensor)> {
        let OptimizerState { squares, momenta, steps, .. } = &self.optimizer;
        let mut averages = self.named(squares, "");
        if !momenta.is_empty() {
            averages.extend(self.named(momenta, ".momentum"));
            averages.push(("steps".into(), steps.shallow_clone()));
        }
        averages
    }

    /// What the steps change: the tensors themselves, not copies.
    pub(super) fn state(&self) -> State {
        let mut weights = self.named(&self.parameters, "");
        weights.extend(self.model.statistics());
        State { weights, averages: self.averages(), best: Vec::new() }
    }

    fn named(&self, tensors: &[Tensor], ending: &str) -> Vec<(String, Tensor)> {
        let names = self.names.iter().map(|name| name.clone() + ending);
        names.zip(tensors.iter().map(Tensor::shallow_clone)).collect()
    }

    /// Changes the weights by the gradient of the mean cross-entropy over the digits at these positions, `[count]`
    /// 64-bit integers.
    ///
    /// # Errors
    /// [`Error::Mismatch`](crate::Error::Mismatch) for a position that is not there;
    /// [`Error::Torch`](crate::Error::Torch) when model and digits do not fit.
    pub fn step(&mut self, positions: &Tensor, learning_rate: f64) -> Result<Measured> {
        if let Some(mlp) = &mut self.mlp {
            return mlp.step(positions, learning_rate);
        }
        let Samples { inputs, labels, .. } = self.samples.select(positions)?;
        let mut inputs = self.augmentation.apply(&inputs, &mut self.random)?;
        if self.half_precision {
            inputs = inputs.to_kind(Kind::BFloat16);
        }
        let logits = self.model.forward_training(&inputs, &mut self.random)?;
        let loss = logits.f_cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, self.label_smoothing)?;
        let gradients = Tensor::f_run_backward(&[&loss], &self.parameters, false, false)?;
        self.optimizer.update(&mut self.parameters, &gradients, learning_rate)?;
        Ok(Measured { digits: labels.size()[0] as usize, loss: loss.detach(), correct: correct(&logits, &labels)? })
    }
}

/// How many digits have their highest logit at their label.
pub(super) fn correct(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(logits.f_argmax(1, false)?.f_eq_tensor(labels)?.f_sum(Kind::Int64)?)
}
