//! Training: batches, steps and epochs, with the loss watched on digits that training does not see.

mod checkpoint;
mod evaluation;
mod history;
mod interrupt;
mod mlp;
mod progress;
mod step;
mod threads;

use std::{path::PathBuf, time::Instant};

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use tch::Tensor;

pub use evaluation::{Predictions, Scores, evaluate, predict};
pub use history::{Epoch, History};
pub use step::{Measured, Steps};

use crate::{
    Error, Result,
    data::Samples,
    model::Model,
    optimizer::RmsProp,
    random::{Purpose, generator},
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
    pub optimizer: RmsProp,
    /// The share of the digits, taken from the end, that only measures: from 0 to below 1.
    pub validation_split: f64,
    /// Whether each epoch takes the digits in a new order.
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
            optimizer: RmsProp::default(),
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
/// [`Error::Setting`] for settings that cannot work; [`Error::Mismatch`] when an MLP and the digits do not fit;
/// [`Error::Diverged`] when the loss is NaN or infinite;
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
    let mut steps = Steps::new(&*model, &train, &training.optimizer)?;
    let mut history = History { name: samples.name.clone(), epochs: Vec::new() };
    let mut checkpoint = match &training.checkpoint {
        Some(folder) => Some(Checkpoint::open(folder, training, samples, steps.state(), &mut history)?),
        None => None,
    };
    if let (true, Some(last)) = (training.verbose, history.epochs.last()) {
        println!("Going on after epoch {} of an interrupted training", last.epoch);
    }
    for number in history.epochs.len() + 1..=training.epochs {
        let outcome = run_epoch(number, &mut steps, &train, validation.as_ref(), training);
        if let (Err(error), Some(checkpoint)) = (&outcome, &checkpoint) {
            checkpoint.stop(error)?;
        }
        history.epochs.push(outcome?);
        if let Some(checkpoint) = &mut checkpoint {
            checkpoint.save(&history)?;
        }
    }
    Ok(history)
}

/// Goes through all training digits once, then measures on the validation digits.
fn run_epoch(
    number: usize,
    steps: &mut Steps,
    train: &Samples,
    validation: Option<&Samples>,
    training: &Training,
) -> Result<Epoch> {
    let start = Instant::now();
    let mut progress = Progress::start(training, number, train.len());
    let order = training.order(train.len(), number).to_device(train.labels.device());
    for positions in order.f_split(training.batch_size as i64, 0)? {
        if interrupt::requested() {
            return Err(Error::Interrupted { epoch: number, kept: training.checkpoint.clone() });
        }
        progress.step(steps.step(&positions)?)?;
    }
    let Scores { loss, accuracy } = progress.means()?;
    let validation = validation.map(|samples| evaluate(steps.model(), samples)).transpose()?;
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
        Ok(())
    }

    /// The positions of the training digits in the order in which an epoch takes them.
    fn order(&self, digits: usize, epoch: usize) -> Tensor {
        let mut order: Vec<i64> = (0..digits as i64).collect();
        if self.shuffle {
            order.shuffle(&mut generator(self.seed, Purpose::Shuffle(epoch)));
        }
        Tensor::from_slice(&order)
    }
}

#[cfg(test)]
mod tests;
