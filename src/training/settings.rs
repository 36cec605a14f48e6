//! How to train: the settings of one training, with the original notebook's as the default.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Epoch, History, Sampling, Schedule};
use crate::{
    Error, Result,
    data::{Augmentation, Samples},
    optimizer::Optimizer,
};

/// How to train. The default is the original notebook's training.
///
/// ```
/// use mnist_classification::prelude::*;
/// let short = Training { epochs: 2, seed: 7, ..Training::default() };
/// assert_eq!((short.batch_size, short.optimizer.learning_rate), (128, 0.001));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Training {
    /// How often training goes through all samples.
    pub epochs: usize,
    /// How many samples make a step; the last step of an epoch takes what is left.
    pub batch_size: usize,
    /// How gradients change the parameters.
    pub optimizer: Optimizer,
    /// How the learning rate changes over the training.
    pub schedule: Schedule,
    /// How the samples are changed before each step learns from them.
    pub augmentation: Augmentation,
    /// How often an epoch takes which samples.
    pub sampling: Sampling,
    /// The share of each label that is spread over all classes, from 0 to below 1: 0.1 asks for a probability of 0.91
    /// in place of 1, and the training loss is that of these labels (C. Szegedy and others, 2016).
    pub label_smoothing: f64,
    /// Whether convolutions compute in 16 bits (bfloat16) while training. Parameters, their updates and all evaluation
    /// stay in 32 bits. Faster on some processors with instructions for it (AVX512-BF16), slower on others:
    /// measure it, as Improvements.ipynb does. A network without convolutions does not
    /// change.
    pub half_precision: bool,
    /// After how many epochs in a row without a lower validation loss training stops; then, and at the end, the weights
    /// of the best epoch come back. Keras' `EarlyStopping` with `restore_best_weights`.
    pub early_stopping: Option<usize>,
    /// The share of the samples, taken from the end, that is only evaluated: from 0 to below 1.
    pub validation_split: f64,
    /// Whether each epoch takes the samples in a new order; where [`sampling`](Self::sampling) favours some, it always
    /// does.
    pub shuffle: bool,
    /// What the order of the samples, sampling, dropout and augmentation are drawn from.
    pub seed: u64,
    /// Whether to print progress.
    #[serde(skip)]
    pub verbose: bool,
    /// A folder that keeps the training after each epoch, if any. Where it holds one that was interrupted, by whatever,
    /// [`fit`](super::fit) goes on from there, and ends with the same bits as if it had never stopped. Where it holds a
    /// finished one, more [`epochs`](Self::epochs) continue it, unless it stopped early; where the schedule depends on
    /// their number, that is an error. Another training starts anew; with its first epoch the finished one moves to the
    /// folder `replaced` in it, in place of one that was there.
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

impl Training {
    /// # Errors
    /// [`Error::InvalidSetting`] for settings that cannot work on samples of so many classes.
    pub(super) fn check(&self, classes: usize, has_own_validation: bool) -> Result<()> {
        for (setting, value) in [("epochs", self.epochs), ("batch_size", self.batch_size)] {
            if value == 0 {
                return Err(Error::invalid_setting(setting, "0", "at least 1"));
            }
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            let expected = "from 0 to below 1, such as 0.1";
            return Err(Error::invalid_setting("label_smoothing", self.label_smoothing, expected));
        }
        let has_validation = has_own_validation || self.validation_split > 0.0;
        match self.early_stopping {
            Some(0) => return Err(Error::invalid_setting("early_stopping", 0, "at least 1 epoch")),
            Some(_) if !has_validation => {
                let expected = "above 0: early stopping looks at validation samples";
                return Err(Error::invalid_setting("validation_split", self.validation_split, expected));
            }
            _ => {}
        }
        self.augmentation.check()?;
        self.sampling.check(classes)?;
        self.schedule.check(has_validation)
    }

    /// Returns the samples that are trained on, and those that are only evaluated, if any.
    pub(super) fn split(&self, samples: &Samples) -> Result<(Samples, Option<Samples>)> {
        match self.validation_split {
            0.0 => Ok((samples.shallow_clone(), None)),
            share => samples.split(share).map(|(train, validation)| (train, Some(validation))),
        }
    }

    /// Returns the epoch whose weights the model has after a training: the best with early stopping, else the last.
    pub fn kept_epoch<'a>(&self, history: &'a History) -> Option<&'a Epoch> {
        if self.early_stopping.is_some() { history.best() } else { history.epochs.last() }
    }

    /// Tells whether a training with this history is finished.
    pub(super) fn is_over(&self, history: &History) -> bool {
        let waited = history.epochs_since_best();
        history.epochs.len() >= self.epochs
            || self.early_stopping.is_some_and(|patience| waited.is_some_and(|waited| waited >= patience))
    }
}
