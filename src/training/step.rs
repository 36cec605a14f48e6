//! One training step: by autograd for every model, or written out for a plain MLP.

use native::{LARGEST_BATCH, Labelled, MlpStep, RmsProp, keep_freed_memory};
use tch::{Device, Kind, Reduction, Tensor};

use super::{
    Scores, Training,
    evaluation::{check_plan, evaluate_quietly},
    interrupt,
    loss::{correct, cross_entropy},
    state::State,
};
use crate::{
    Error, Result,
    data::Samples,
    model::{Model, Plan},
    optimizer::OptimizerState,
    random::{Purpose, Random, generator},
};

/// Training steps of one model through samples.
pub struct Trainer<'a> {
    pub(super) model: &'a dyn Model,
    pub(super) samples: Samples,
    names: Vec<String>,
    parameters: Vec<Tensor>,
    optimizer: OptimizerState,
    training: Training,
    /// Whether a batch becomes 16-bit floats.
    half_precision: bool,
    /// For dropout and augmentation.
    random: Random,
    fast: Option<MlpStep>,
    validation: Option<Samples>,
}

/// What a step measured on its samples before it changed the parameters. The tensors lie on the model's device, so that
/// a GPU goes on with the next step without waiting until they are read.
#[derive(Debug)]
pub struct StepScores {
    /// How many samples the step took.
    pub samples: usize,
    /// Their mean cross-entropy, in nats.
    pub loss: Tensor,
    /// How many of them were predicted right.
    pub correct: Tensor,
}

impl<'a> Trainer<'a> {
    /// Prepares steps through these samples. A plain MLP in main memory, trained by RMSprop on the samples as they are,
    /// gets its own, faster step.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for settings of the optimizer that cannot work; [`Error::Mismatch`] when an MLP and
    /// the samples do not fit, or lie on different devices; [`Error::Threads`] when the system grants none.
    pub fn new(model: &'a dyn Model, samples: &Samples, training: &Training) -> Result<Self> {
        let all = model.parameters();
        check_devices(&all, samples)?;
        check_plan(model, samples)?;
        // Frozen parameters are part of the model's state, but no step changes them.
        let (names, parameters): (_, Vec<_>) = all.into_iter().filter(|(_, tensor)| tensor.requires_grad()).unzip();
        let optimizer = training.optimizer.start(&parameters)?;
        let fast = fast_rule(model, samples, training)
            .map(|rule| MlpStep::new(&parameters, &optimizer.squares, rule, labelled(samples)))
            .transpose()?;
        if fast.is_none() {
            keep_freed_memory();
        }
        Ok(Self {
            model,
            samples: samples.shallow_clone(),
            names,
            parameters,
            optimizer,
            training: training.clone(),
            half_precision: training.half_precision && model.plan().is_none_or(Plan::has_convolutions),
            random: generator(training.seed, Purpose::Noise(1)),
            fast,
            validation: None,
        })
    }

    /// Prepares [`Trainer::validate`] on these samples.
    pub(super) fn set_validation(&mut self, samples: Samples) -> Result<()> {
        check_devices(&self.model.parameters(), &samples)?;
        check_plan(self.model, &samples)?;
        if let Some(fast) = &mut self.fast {
            fast.set_validation(labelled(&samples))?;
        }
        self.validation = Some(samples);
        Ok(())
    }

    /// Returns the scores of the validation samples, where there are any.
    pub(super) fn validate(&mut self) -> Result<Option<Scores>> {
        match &mut self.fast {
            Some(fast) => {
                let scores = fast.validate(&interrupt::is_asked_for)?;
                Ok(scores.map(|[loss, accuracy]| Scores { loss, accuracy }))
            }
            None => self.validation.as_ref().map(|samples| evaluate_quietly(self.model, samples)).transpose(),
        }
    }

    /// Begins an epoch, counted from 1: its random numbers do not depend on those before it.
    pub(super) fn begin(&mut self, epoch: usize) {
        self.random = generator(self.training.seed, Purpose::Noise(epoch));
    }

    /// Returns what the steps change: the tensors themselves, not copies.
    pub(super) fn state(&self) -> State {
        let weights = self.model.tensors();
        State { weights, averages: self.averages(), best: Vec::new() }
    }

    /// Returns the optimizer's running averages under their parameters' names, a momentum with `.momentum` after it:
    /// the tensors themselves, not copies.
    pub fn averages(&self) -> Vec<(String, Tensor)> {
        let named = |tensors: &[Tensor], ending: &str| -> Vec<(String, Tensor)> {
            let names = self.names.iter().map(|name| name.clone() + ending);
            names.zip(tensors.iter().map(Tensor::shallow_clone)).collect()
        };
        let OptimizerState { squares, momenta, steps, .. } = &self.optimizer;
        let mut averages = named(squares, "");
        if !momenta.is_empty() {
            averages.extend(named(momenta, ".momentum"));
            averages.push(("steps".into(), steps.shallow_clone()));
        }
        averages
    }

    /// Tells whether no parameter and no running statistic is NaN or infinite.
    pub(super) fn are_finite(&self) -> Result<bool> {
        let is_finite = |tensor: &Tensor| Ok::<_, Error>(tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? == 1);
        let statistics = self.model.buffers();
        let mut tensors = self.parameters.iter().chain(statistics.iter().map(|(_, tensor)| tensor));
        tensors.try_fold(true, |all, tensor| Ok(all && is_finite(tensor)?))
    }

    /// Changes the parameters by the gradient of the mean cross-entropy over the samples at these positions, `[count]`
    /// 64-bit integers. Parameters on which the loss does not depend stay as they are.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a position that is not there; [`Error::NoGradient`] when the loss depends on no
    /// parameter; [`Error::Torch`] when model and samples do not fit.
    pub fn step(&mut self, positions: &Tensor, learning_rate: f64) -> Result<StepScores> {
        if let Some(fast) = &mut self.fast {
            let (loss, correct) = fast.step(positions, learning_rate)?;
            return Ok(StepScores { samples: positions.numel(), loss: loss.into(), correct: correct.into() });
        }
        let Self { model, training, random, parameters, .. } = self;
        let batch = self.samples.select(positions)?;
        let mut inputs = training.augmentation.apply(&batch.inputs, &batch.shape, random)?;
        if self.half_precision {
            inputs = inputs.to_kind(Kind::BFloat16);
        }
        let labels = &batch.labels;
        // A panic within tch::no_grad, in another cell of a notebook, leaves gradients switched off.
        let (logits, loss) = tch::with_grad(|| -> Result<_> {
            let logits = model.forward_training(&inputs, random)?;
            let loss = cross_entropy(&logits, labels, Reduction::Mean, training.label_smoothing)?;
            Ok((logits, loss))
        })?;
        // libtorch ends the process where there is nothing to go back through.
        if !loss.requires_grad() {
            return Err(Error::NoGradient);
        }
        let gradients = Tensor::f_run_backward(&[&loss], parameters, false, false)?;
        self.optimizer.update(parameters, &gradients, learning_rate)?;
        Ok(StepScores { samples: labels.size()[0] as usize, loss: loss.detach(), correct: correct(&logits, labels)? })
    }
}

/// Returns the rule of a training that takes the written-out step.
fn fast_rule(model: &dyn Model, samples: &Samples, training: &Training) -> Option<RmsProp> {
    let is_plain = |tensor: &Tensor| tensor.device() == Device::Cpu && tensor.kind() == Kind::Float;
    let is_fast = model.plan().is_some_and(Plan::is_mlp)
        && training.augmentation == Default::default()
        && training.label_smoothing == 0.0
        && training.batch_size <= LARGEST_BATCH
        && is_plain(&samples.inputs)
        && model.parameters().iter().all(|(_, parameter)| is_plain(parameter) && parameter.requires_grad());
    training.optimizer.plain_rms_prop().filter(|_| is_fast)
}

fn labelled(samples: &Samples) -> Labelled<'_> {
    Labelled { inputs: &samples.inputs, labels: &samples.labels }
}

fn check_devices(parameters: &[(String, Tensor)], samples: &Samples) -> Result<()> {
    let here = samples.inputs.device();
    let Some((_, parameter)) = parameters.iter().find(|(_, parameter)| parameter.device() != here) else {
        return Ok(());
    };
    let [found, here] = [parameter.device(), here].map(|device| format!("{device:?}").to_lowercase());
    Err(Error::mismatch("the model's device", found, format!("{here}, where the samples are; to_device moves either")))
}

#[cfg(test)]
mod tests;
