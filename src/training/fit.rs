//! The training loop: epochs of steps, each followed by its validation, kept in a checkpoint where one is asked for.

use std::time::Instant;

use tch::Tensor;

use super::{
    Epoch, History, Scores, Trainer, Training,
    checkpoint::Checkpoint,
    description::Description,
    interrupt,
    progress::{self, Progress},
};
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
/// [`Error::Empty`] without samples; [`Error::InvalidSetting`] for settings that cannot work; [`Error::Mismatch`] when the samples
/// do not fit an MLP, the augmentation or the model's device; [`Error::Diverged`] when the loss or a parameter is NaN or infinite, after which the
/// model is as it was before; [`Error::NoGradient`] when the loss depends on no parameter; [`Error::Interrupted`] when the
/// notebook's user stopped it; [`Error::Malformed`] when the [`checkpoint`](Training::checkpoint) is of another training,
/// [`Error::Io`] when it cannot be written; [`Error::Torch`] when another model and the samples do not fit.
pub fn fit(model: &mut dyn Model, samples: &Samples, training: &Training) -> Result<History> {
    samples.check()?;
    training.check(samples.classes.len())?;
    let (train, validation) = training.split(samples)?;
    let mut steps = Trainer::new(&*model, &train, training)?;
    if let Some(validation) = validation {
        steps.set_validation(validation)?;
    }
    let mut history = History { name: samples.name.clone(), epochs: Vec::new() };
    let mut state = steps.state();
    let before = state.copy();
    if training.early_stopping.is_some() {
        state.keep_best();
    }
    let mut checkpoint = match &training.checkpoint {
        Some(folder) => {
            let description = Description::of(&*model, samples, training)?;
            Some(Checkpoint::open(folder, description, &steps, state.shallow_clone(), &mut history)?)
        }
        None => None,
    };
    if let (true, Some(last)) = (training.verbose, history.epochs.last()) {
        progress::print(format_args!("Going on after epoch {} of an earlier training\n", last.epoch));
    }
    while !training.is_over(&history) {
        let number = history.epochs.len() + 1;
        let finished = run_epoch(&history, &mut steps, training).and_then(|epoch| {
            history.epochs.push(epoch);
            if history.epochs_since_best() == Some(0) {
                state.note_best()?;
            }
            checkpoint.as_mut().map_or(Ok(()), |checkpoint| checkpoint.save(&steps, &history))
        });
        let Err(error) = finished else { continue };
        let diverged = matches!(error, Error::Diverged { .. });
        if diverged {
            state.put_back(&before)?;
        }
        match checkpoint {
            // The same would come of its epochs again.
            Some(checkpoint) if diverged => checkpoint.discard()?,
            Some(checkpoint) => checkpoint.put_back()?,
            None => {}
        }
        return Err(match error {
            Error::Stopped => Error::Interrupted { epoch: number, kept: training.checkpoint.clone() },
            other => other,
        });
    }
    state.restore_best()?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.finish()?;
    }
    Ok(history)
}

/// Goes through all training samples once, then evaluates the validation samples.
fn run_epoch(history: &History, steps: &mut Trainer, training: &Training) -> Result<Epoch> {
    let start = Instant::now();
    let (done, number, samples) = (history.epochs.len() as f64, history.epochs.len() + 1, steps.samples().len());
    let mut progress = Progress::start(training, number, samples);
    steps.begin(number);
    let order = order(training, steps.model(), steps.samples(), number)?;
    let order = order.to_device(steps.samples().labels.device());
    for (step, positions) in order.f_split(training.batch_size as i64, 0)?.iter().enumerate() {
        interrupt::check()?;
        let part = (step * training.batch_size) as f64 / samples as f64;
        let share = training.schedule.share(done + part, training.epochs, history);
        let learning_rate = training.optimizer.learning_rate * share;
        progress.step(steps.step(positions, learning_rate)?)?;
    }
    let Scores { loss, accuracy } = progress.means()?;
    let validation = steps.validate()?;
    // The last step may have done the damage: no training loss was measured after it.
    let last_loss = validation.map_or(loss, |scores| scores.loss);
    if !last_loss.is_finite() || !steps.are_finite()? {
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
