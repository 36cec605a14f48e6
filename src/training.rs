//! Training: batches, steps and epochs, with the loss watched on digits that training does not see.

mod checkpoint;
mod evaluation;
mod history;
mod interrupt;
mod mlp;
mod progress;
mod sampling;
mod schedule;
mod step;
mod threads;

use std::{path::PathBuf, time::Instant};

use serde::{Deserialize, Serialize};

pub use evaluation::{Predictions, Scores, evaluate, evaluate_and_predict, predict};
pub use history::{Epoch, History};
pub use sampling::Sampling;
pub use schedule::Schedule;
pub use step::{Measured, Steps};

use crate::{
    Error, Result,
    data::{Augmentation, Samples},
    model::Model,
    optimizer::Optimizer,
};
use checkpoint::Checkpoint;
use progress::Progress;

/// How to train. The default is the original notebook's training.
///
/// ```
/// use mnist_classification::prelude::*;
/// let short = Training { epochs: 2, seed: 7, ..Training::default() };
/// assert_eq!((short.batch_size, short.optimizer.learning_rate), (128, 0.001));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// How often training goes through all digits.
    pub epochs: usize,
    /// How many digits make a step; the last step of an epoch takes what is left.
    pub batch_size: usize,
    /// How gradients change the weights.
    pub optimizer: Optimizer,
    /// How the learning rate changes over the training.
    pub schedule: Schedule,
    /// How the digits are changed before each step learns from them.
    pub augmentation: Augmentation,
    /// How often an epoch takes which digits.
    pub sampling: Sampling,
    /// The share of each label that is spread over all classes, from 0 to below 1: 0.1 asks for a probability of 0.91 in
    /// place of 1, and the training loss is that of these labels (C. Szegedy and others, 2016).
    pub label_smoothing: f64,
    /// Whether a network learns from digits of 16 bits a number (bfloat16): its convolutions then compute in them. Weights,
    /// their updates and what is measured on other digits keep 32 bits. Faster where the processor has instructions for it
    /// (AVX512-BF16), perhaps slower elsewhere; an [`Mlp`](crate::model::Mlp) does not change.
    pub half_precision: bool,
    /// After how many epochs in a row without a lower validation loss training stops; then, and at the end, the weights of
    /// the best epoch come back. Keras' `EarlyStopping` with `restore_best_weights`.
    pub early_stopping: Option<usize>,
    /// The share of the digits, taken from the end, that only measures: from 0 to below 1.
    pub validation_split: f64,
    /// Whether each epoch takes the digits in a new order; where [`sampling`](Self::sampling) favours some, it always does.
    pub shuffle: bool,
    /// What the order of the digits is drawn from.
    pub seed: u64,
    /// Whether to print progress.
    #[serde(skip)]
    pub verbose: bool,
    /// A folder that keeps the training after each epoch, if any. Where it holds one that was interrupted, by
    /// whatever, [`fit`] goes on from there, and ends with the same bits as if it had never stopped.
    #[serde(skip)]
    pub checkpoint: Option<PathBuf>,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            epochs: 15,
            batch_size: 128,
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            augmentation: Augmentation::default(),
            sampling: Sampling::default(),
            label_smoothing: 0.0,
            half_precision: false,
            early_stopping: None,
            validation_split: 0.2,
            shuffle: true,
            seed: 0,
            verbose: true,
            checkpoint: None,
        }
    }
}

/// Trains a model on labelled digits and reports each epoch.
///
/// As in Keras, the last [`validation_split`](Training::validation_split) of the digits is set aside before
/// shuffling, and an epoch's loss and accuracy are running means over its steps, each measured before its update.
///
/// # Errors
/// [`Error::Setting`] for settings that cannot work; [`Error::Mismatch`] when an MLP and the digits do not fit, or pictures
/// to augment are not square; [`Error::Diverged`] when the loss is NaN or infinite;
/// [`Error::Interrupted`] when the notebook's user stopped it; [`Error::Malformed`] when the
/// [`checkpoint`](Training::checkpoint) is of another training, [`Error::Io`] when it cannot be written;
/// [`Error::Torch`] when another model and the digits do not fit.
pub fn fit(model: &mut dyn Model, samples: &Samples, training: &Training) -> Result<History> {
    training.check()?;
    let (train, validation) = if training.validation_split == 0.0 {
        (samples.shallow_clone(), None)
    } else {
        let (train, validation) = samples.split(training.validation_split)?;
        (train, Some(validation))
    };
    let mut steps = Steps::new(&*model, &train, training)?;
    let mut history = History { name: samples.name.clone(), epochs: Vec::new() };
    let mut state = steps.state();
    if training.early_stopping.is_some() {
        state.keep_best();
    }
    let mut checkpoint = match &training.checkpoint {
        Some(folder) => Some(Checkpoint::open(folder, training, samples, state.shallow_clone(), &mut history)?),
        None => None,
    };
    if let (true, Some(last)) = (training.verbose, history.epochs.last()) {
        println!("Going on after epoch {} of an interrupted training", last.epoch);
    }
    while !training.is_over(&history) {
        let number = history.epochs.len() + 1;
        let finished = run_epoch(&history, &mut steps, validation.as_ref(), training).and_then(|epoch| {
            history.epochs.push(epoch);
            if history.epochs_since_best() == Some(0) {
                state.note_best()?;
            }
            checkpoint.as_mut().map_or(Ok(()), |checkpoint| checkpoint.save(&history))
        });
        if let Err(error) = finished {
            if let Error::Diverged { .. } = error {
                state.restore_best()?;
            }
            if let Some(checkpoint) = &checkpoint {
                checkpoint.stop(&error)?;
            }
            return Err(match error {
                Error::Stopped => Error::Interrupted { epoch: number, kept: training.checkpoint.clone() },
                other => other,
            });
        }
    }
    state.restore_best()?;
    Ok(history)
}

/// Goes through all training digits once, then measures on the validation digits.
fn run_epoch(history: &History, steps: &mut Steps, validation: Option<&Samples>, training: &Training) -> Result<Epoch> {
    let start = Instant::now();
    let (done, number, digits) = (history.epochs.len() as f64, history.epochs.len() + 1, steps.samples().len());
    let mut progress = Progress::start(training, number, digits);
    steps.begin(number);
    let order = sampling::order(training, steps.model(), steps.samples(), number)?;
    let order = order.to_device(steps.samples().labels.device());
    for (step, positions) in order.f_split(training.batch_size as i64, 0)?.iter().enumerate() {
        interrupt::check()?;
        let part = (step * training.batch_size) as f64 / digits as f64;
        let share = training.schedule.share(done + part, training.epochs, history);
        let learning_rate = training.optimizer.learning_rate * share;
        progress.step(steps.step(positions, learning_rate)?)?;
    }
    let Scores { loss, accuracy } = progress.means()?;
    let validation = validation.map(|samples| evaluate(steps.model(), samples)).transpose()?;
    // The last step may have done the damage: no loss in training was measured after it.
    if let Some(Scores { loss, .. }) = validation.filter(|scores| !scores.loss.is_finite()) {
        let (step, learning_rate) = (digits.div_ceil(training.batch_size), training.optimizer.learning_rate);
        return Err(Error::Diverged { loss, epoch: number, step, learning_rate });
    }
    let epoch = Epoch { epoch: number, loss, accuracy, validation, seconds: start.elapsed().as_secs_f64() };
    progress.finish(&epoch);
    Ok(epoch)
}

impl Training {
    fn check(&self) -> Result<()> {
        let expected = "at least 1";
        for (setting, value) in [("epochs", self.epochs), ("batch_size", self.batch_size)] {
            if value == 0 {
                return Err(Error::Setting { setting, found: "0".into(), expected: expected.into() });
            }
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            let (found, expected) = (self.label_smoothing.to_string(), "from 0 to below 1, such as 0.1".into());
            return Err(Error::Setting { setting: "label_smoothing", found, expected });
        }
        let has_validation = self.validation_split > 0.0;
        if self.early_stopping.is_some_and(|patience| patience == 0 || !has_validation) {
            let found = format!("{:?}", self.early_stopping);
            let expected = "at least 1 epoch, and validation digits to look at".into();
            return Err(Error::Setting { setting: "early_stopping", found, expected });
        }
        self.augmentation.check()?;
        self.sampling.check()?;
        self.schedule.check(has_validation)
    }

    /// Whether a training with this history is finished.
    fn is_over(&self, history: &History) -> bool {
        let waited = history.epochs_since_best();
        history.epochs.len() >= self.epochs
            || self.early_stopping.is_some_and(|patience| waited.is_some_and(|waited| waited >= patience))
    }
}

#[cfg(test)]
mod tests;
