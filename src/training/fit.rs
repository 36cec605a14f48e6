//! The training loop: epochs of steps, each followed by its validation, kept in a checkpoint where one is asked for.

use std::{ops::ControlFlow, time::Instant};

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
/// As in Keras, the last [`validation_split`](Training::validation_split) of the samples is set aside before shuffling, and
/// an epoch's loss and accuracy are running means over its steps, each measured before its update.
///
/// # Errors
/// [`Error::Empty`] without samples; [`Error::InvalidSetting`] for settings that cannot work; [`Error::Mismatch`] when the
/// samples do not fit the model's plan, the augmentation or the model's device; [`Error::Diverged`] when the loss or a
/// parameter is NaN or infinite, after which the model is as it was before; [`Error::NoGradient`] when the loss depends on no
/// parameter; [`Error::Interrupted`] when the notebook's user stopped it; [`Error::Malformed`] when the
/// [`checkpoint`](Training::checkpoint) is of another training, [`Error::Io`] when it cannot be written; [`Error::Torch`]
/// when another model and the samples do not fit.
pub fn fit(model: &mut dyn Model, samples: &Samples, training: &Training) -> Result<History> {
    fit_with(model, samples, training, |_, _| ControlFlow::Continue(()))
}

/// As [`fit`], and calls `after_epoch` with each epoch and the model as it is then: to show it, or to end the training early
/// by a rule of one's own.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use mnist_classification::{prelude::*, training::fit_with};
/// let digits = Dataset::drawn(0)?.train.preprocess();
/// let training = Training { epochs: 9, verbose: false, ..Training::default() };
/// let history = fit_with(&mut Mlp::new(&[784, 16, 10], 0)?, &digits, &training, |epoch, _| {
///     if epoch.accuracy > 0.9 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// })?;
/// assert!(history.epochs.len() < 9);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`fit`].
pub fn fit_with(
    model: &mut dyn Model,
    samples: &Samples,
    training: &Training,
    mut after_epoch: impl FnMut(&Epoch, &dyn Model) -> ControlFlow<()>,
) -> Result<History> {
    samples.check()?;
    training.check(samples.classes.len())?;
    let model: &dyn Model = model;
    let mut session = Session::open(model, samples, training)?;
    while !session.is_over() {
        let epoch = run_epoch(&session.history, &mut session.trainer, training);
        if let Err(error) = epoch.and_then(|epoch| session.keep(epoch)) {
            return Err(session.roll_back(error)?);
        }
        if session.history.epochs.last().is_some_and(|epoch| after_epoch(epoch, model).is_break()) {
            break;
        }
    }
    session.finish()
}

/// Goes through all training samples once, then evaluates the validation samples.
fn run_epoch(history: &History, trainer: &mut Trainer, training: &Training) -> Result<Epoch> {
    let start = Instant::now();
    let (done, number, samples) = (history.epochs.len() as f64, history.epochs.len() + 1, trainer.samples().len());
    let mut progress = Progress::start(training, number, samples);
    trainer.begin(number);
    let order = order(training, trainer.model(), trainer.samples(), number)?;
    let order = order.to_device(trainer.samples().labels.device());
    for (step, positions) in order.f_split(training.batch_size as i64, 0)?.iter().enumerate() {
        interrupt::check()?;
        let part = (step * training.batch_size) as f64 / samples as f64;
        let multiplier = training.schedule.multiplier(done + part, training.epochs, history);
        let learning_rate = training.optimizer.learning_rate * multiplier;
        progress.step(trainer.step(positions, learning_rate)?)?;
    }
    let Scores { loss, accuracy } = progress.means()?;
    let validation = trainer.validate()?;
    // The last step may have done the damage: no training loss was measured after it.
    let last_loss = validation.map_or(loss, |scores| scores.loss);
    if !last_loss.is_finite() || !trainer.are_finite()? {
        let loss = if last_loss.is_finite() { f64::NAN } else { last_loss };
        let (step, learning_rate) = (samples.div_ceil(training.batch_size), training.optimizer.learning_rate);
        return Err(Error::Diverged { loss, epoch: number, step, learning_rate });
    }
    let epoch = Epoch { epoch: number, loss, accuracy, validation, seconds: start.elapsed().as_secs_f64() };
    progress.finish(&epoch);
    Ok(epoch)
}

/// The positions of the samples in the order in which an epoch, counted from 1, takes them.
pub(super) fn order(training: &Training, model: &dyn Model, samples: &Samples, epoch: usize) -> Result<Tensor> {
    let random = generator(training.seed, Purpose::Shuffle(epoch));
    training.sampling.order(model, samples, training.shuffle, random)
}
