//! The training loop: epochs of steps, each followed by its validation, kept in a checkpoint where one is asked for.

use std::{collections::BTreeMap, ops::ControlFlow, time::Instant};

use tch::Tensor;

use super::{Epoch, History, Scores, Trainer, Training, interrupt, progress::Progress, session::Session};
use crate::{
    Error, Result,
    data::Samples,
    model::Model,
    random::{Purpose, generator},
};

/// Trains a model on labelled samples and reports each epoch.
///
/// As in Keras, the last [`validation_split`](Training::validation_split) of the samples is set aside before shuffling,
/// and an epoch's loss and accuracy are running means over its steps, each measured before its update.
///
/// Each call is a training of its own: the optimizer's running averages begin at 0, and order, dropout and augmentation
/// are again those of epoch 1. (Keras keeps the optimizer's state between two calls.) A network that is trained already
/// goes on from its weights, and the first line says so. More epochs of the same training are the same call with a
/// [`checkpoint`](Training::checkpoint) and a higher number.
///
/// # Errors
/// [`Error::Empty`] without samples; [`Error::InvalidSetting`] for settings that cannot work; [`Error::Mismatch`] when
/// the samples do not fit the model's plan, the augmentation or the model's device; [`Error::Diverged`] when the loss
/// or a parameter is NaN or infinite, after which the model is as it was before; [`Error::NoGradient`] when the loss
/// depends on no parameter; [`Error::Interrupted`] when the notebook's user stopped it; [`Error::Malformed`] when the
/// [`checkpoint`](Training::checkpoint) is of another training, [`Error::Io`] when it cannot be written;
/// [`Error::Torch`] when another model and the samples do not fit.
pub fn fit(model: &mut dyn Model, samples: &Samples, training: &Training) -> Result<History> {
    fit_with(model, samples, training, None, |_, _| Ok(ControlFlow::Continue(())))
}

/// Trains as [`fit`] does, with validation samples of one's own in place of a part of `samples` (Keras'
/// `validation_data`), where there are any. `after_epoch` is called with each epoch and the model as it is then: to
/// show it, to add a [metric](Epoch::metrics), or to end the training early by a rule of one's own.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use mnist_classification::prelude::*;
/// let (train, validation) = Dataset::drawn(0)?.train.preprocess().split(0.2)?;
/// let training = Training { epochs: 9, verbose: false, ..Training::default() };
/// let mut model = Network::mlp([784, 16, 10], 0)?;
/// let history = fit_with(&mut model, &train, &training, Some(&validation), |epoch, model| {
///     let mistakes = predict(model, &validation)?.mistakes()?.len();
///     epoch.metrics.insert("mistakes".into(), mistakes as f64);
///     Ok(if epoch.accuracy > 0.9 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
/// })?;
/// assert!(history.epochs.len() < 9);
/// assert!(history.frame()?.column("mistakes").is_ok());
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`fit`], and what `after_epoch` returns; then the epoch is not kept.
pub fn fit_with(
    model: &mut dyn Model,
    samples: &Samples,
    training: &Training,
    validation: Option<&Samples>,
    mut after_epoch: impl FnMut(&mut Epoch, &dyn Model) -> Result<ControlFlow<()>>,
) -> Result<History> {
    let mut session = Session::open(model, samples, validation, training)?;
    let mut flow = ControlFlow::Continue(());
    while flow.is_continue() && !session.is_over() {
        let epoch = run_epoch(&session.history, &mut session.trainer, training).and_then(|mut epoch| {
            flow = after_epoch(&mut epoch, model)?;
            session.keep(epoch)
        });
        if let Err(error) = epoch {
            return Err(session.roll_back(error)?);
        }
    }
    session.finish()
}

/// Goes through all training samples once, then evaluates the validation samples.
fn run_epoch(history: &History, trainer: &mut Trainer, training: &Training) -> Result<Epoch> {
    let start = Instant::now();
    let (done, number, samples) = (history.epochs.len() as f64, history.epochs.len() + 1, trainer.samples.len());
    let mut progress = Progress::start(training, number, samples);
    let mut learning_rate = training.optimizer.learning_rate;
    trainer.begin(number);
    let order = training.order(trainer.model, &trainer.samples, number)?;
    let order = order.to_device(trainer.samples.labels.device());
    for (step, positions) in order.f_split(training.batch_size as i64, 0)?.iter().enumerate() {
        interrupt::check()?;
        let part = (step * training.batch_size) as f64 / samples as f64;
        let multiplier = training.schedule.multiplier(done + part, training.epochs, history);
        learning_rate = training.optimizer.learning_rate * multiplier;
        progress.step(trainer.step(positions, learning_rate)?, learning_rate)?;
    }
    let Scores { loss, accuracy } = progress.means()?;
    let validation = trainer.validate()?;
    // The last step may have done the damage: no training loss was measured after it.
    let last_loss = validation.map_or(loss, |scores| scores.loss);
    if !last_loss.is_finite() || !trainer.are_finite()? {
        let loss = if last_loss.is_finite() { f64::NAN } else { last_loss };
        return Err(Error::Diverged {
            loss,
            epoch: number,
            step: samples.div_ceil(training.batch_size),
            learning_rate,
        });
    }
    let (metrics, seconds) = (BTreeMap::new(), start.elapsed().as_secs_f64());
    let epoch = Epoch { epoch: number, loss, accuracy, validation, learning_rate, metrics, seconds };
    progress.finish(&epoch);
    Ok(epoch)
}

impl Training {
    /// Returns the positions of the training samples, without those for validation, in the order in which [`fit`] takes
    /// them in an epoch, counted from 1.
    ///
    /// # Errors
    /// As [`predict`](super::predict), where the sampling favours the model's mistakes.
    pub fn order(&self, model: &dyn Model, samples: &Samples, epoch: usize) -> Result<Tensor> {
        self.sampling.order(model, samples, self.shuffle, generator(self.seed, Purpose::Shuffle(epoch)))
    }
}
