//! One training step: the way that every model can go, with autograd, and the choice of a faster way for a plain MLP.

use tch::{Device, Kind, Reduction, Tensor};

use super::{checkpoint::State, mlp::MlpSteps};
use crate::{
    Result,
    data::Samples,
    model::Model,
    optimizer::{RmsProp, RmsPropState},
};

/// Training steps of one model through digits.
pub struct Steps<'a> {
    model: &'a dyn Model,
    samples: Samples,
    names: Vec<String>,
    parameters: Vec<Tensor>,
    optimizer: RmsPropState,
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
    /// Prepares steps through these digits. A plain MLP on the processor gets its own, faster step.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for settings of the optimizer that cannot work.
    pub fn new(model: &'a dyn Model, samples: &Samples, optimizer: &RmsProp) -> Result<Self> {
        let (names, parameters): (_, Vec<_>) = model.parameters().into_iter().unzip();
        let optimizer = optimizer.start(&parameters)?;
        let on_processor = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.kind() == Kind::Float;
        let mlp = match model.as_mlp() {
            Some(_) if parameters.iter().chain([&samples.inputs]).all(on_processor) => {
                Some(MlpSteps::new(&parameters, samples, &optimizer)?)
            }
            _ => None,
        };
        Ok(Self { model, samples: samples.shallow_clone(), names, parameters, optimizer, mlp })
    }

    pub(super) fn model(&self) -> &'a dyn Model {
        self.model
    }

    /// What the steps change: the tensors themselves, not copies.
    pub(super) fn state(&self) -> State {
        let named =
            |tensors: &[Tensor]| self.names.iter().cloned().zip(tensors.iter().map(Tensor::shallow_clone)).collect();
        State { weights: named(&self.parameters), averages: named(self.optimizer.averages()) }
    }

    /// Changes the weights by the gradient of the mean cross-entropy over the digits at these positions, `[count]`
    /// 64-bit integers.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when model and digits do not fit.
    pub fn step(&mut self, positions: &Tensor) -> Result<Measured> {
        if let Some(mlp) = &mut self.mlp {
            return mlp.step(positions);
        }
        let Samples { inputs, labels, .. } = self.samples.select(positions)?;
        let logits = self.model.forward(&inputs)?;
        let loss = logits.f_cross_entropy_loss::<Tensor>(&labels, None, Reduction::Mean, -100, 0.0)?;
        let gradients = Tensor::f_run_backward(&[&loss], &self.parameters, false, false)?;
        self.optimizer.update(&mut self.parameters, &gradients)?;
        Ok(Measured { digits: labels.size()[0] as usize, loss: loss.detach(), correct: correct(&logits, &labels)? })
    }
}

/// How many digits have their highest logit at their label.
pub(super) fn correct(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(logits.f_argmax(1, false)?.f_eq_tensor(labels)?.f_sum(Kind::Int64)?)
}
