//! What training reported, epoch by epoch.

use std::path::Path;

use polars::prelude::{DataFrame, df};
use serde::{Deserialize, Serialize};

use super::Scores;
use crate::{Result, files};

/// The epochs of one training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Where the samples come from.
    pub name: String,
    /// The epochs in order.
    pub epochs: Vec<Epoch>,
}

/// One pass over the training samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, counted from 1.
    pub epoch: usize,
    /// The running mean of the loss over the epoch's steps, in nats.
    pub loss: f64,
    /// The running mean of the accuracy, from 0 to 1.
    pub accuracy: f64,
    /// Loss and accuracy on the validation samples after the epoch, where there are any.
    pub validation: Option<Scores>,
    /// How long the epoch took, with its validation, in seconds.
    pub seconds: f64,
}

impl History {
    /// A row per epoch: `epoch`, `loss`, `accuracy`, `val_loss`, `val_accuracy`, `seconds`.
    ///
    /// # Errors
    /// [`Error::Polars`](crate::Error::Polars) as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        fn column<T>(history: &History, value: impl Fn(&Epoch) -> T) -> Vec<T> {
            history.epochs.iter().map(value).collect()
        }
        Ok(df![
            "epoch" => column(self, |epoch| epoch.epoch as u32),
            "loss" => column(self, |epoch| epoch.loss),
            "accuracy" => column(self, |epoch| epoch.accuracy),
            "val_loss" => column(self, |epoch| epoch.validation.map(|scores| scores.loss)),
            "val_accuracy" => column(self, |epoch| epoch.validation.map(|scores| scores.accuracy)),
            "seconds" => column(self, |epoch| epoch.seconds),
        ]?)
    }

    /// The epoch whose validation loss is lowest, where there are validation samples.
    pub fn best(&self) -> Option<&Epoch> {
        self.epochs.get(self.best_position()?)
    }

    /// How many epochs there were after the best, where there are validation samples.
    pub(super) fn epochs_since_best(&self) -> Option<usize> {
        self.best_position().map(|best| self.epochs.len() - 1 - best)
    }

    fn best_position(&self) -> Option<usize> {
        let validated =
            self.epochs.iter().enumerate().filter_map(|(position, epoch)| Some((position, epoch.validation?)));
        let lowest = validated.min_by(|(_, first), (_, second)| first.loss.total_cmp(&second.loss));
        lowest.map(|(position, _)| position)
    }

    /// Writes the history, with the name of its data, as JSON.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the file cannot be written; then nothing is left of it.
    pub fn save_json(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write_json(path, self)
    }
}
