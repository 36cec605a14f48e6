//! What training reported, epoch by epoch.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use polars::prelude::{Column, DataFrame, df};
use serde::{Deserialize, Deserializer, Serialize};

use super::Scores;
use crate::{Error, Result, files};

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
    /// The learning rate of its last step.
    pub learning_rate: f64,
    /// Further metrics by their names, each a column of [`History::frame`]; `after_epoch` of
    /// [`fit_with`](super::fit_with) adds them.
    #[serde(deserialize_with = "with_nan")]
    pub metrics: BTreeMap<String, f64>,
    /// How long the epoch took, with its validation, in seconds.
    pub seconds: f64,
}

/// Reads metrics; JSON has null for NaN.
fn with_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let metrics = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(metrics.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

impl History {
    /// Makes a frame with a row per epoch: `epoch`, `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate`,
    /// `seconds`, and a column for each of the epochs' [metrics](Epoch::metrics).
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a metric with the name of another column; [`Error::Polars`] as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        fn column<T>(history: &History, value: impl Fn(&Epoch) -> T) -> Vec<T> {
            history.epochs.iter().map(value).collect()
        }
        let mut frame = df![
            "epoch" => column(self, |epoch| epoch.epoch as u32),
            "loss" => column(self, |epoch| epoch.loss),
            "accuracy" => column(self, |epoch| epoch.accuracy),
            "val_loss" => column(self, |epoch| epoch.validation.map(|scores| scores.loss)),
            "val_accuracy" => column(self, |epoch| epoch.validation.map(|scores| scores.accuracy)),
            "learning_rate" => column(self, |epoch| epoch.learning_rate),
            "seconds" => column(self, |epoch| epoch.seconds),
        ]?;
        let names: BTreeSet<_> = self.epochs.iter().flat_map(|epoch| epoch.metrics.keys()).collect();
        for name in names {
            if frame.column(name).is_ok() {
                return Err(Error::invalid_setting("a metric's name", name, "a name that no other column has"));
            }
            let values = column(self, |epoch| epoch.metrics.get(name).copied());
            frame.with_column(Column::new(name.as_str().into(), values))?;
        }
        Ok(frame)
    }

    /// Returns the epoch whose validation loss is lowest, where there are validation samples.
    pub fn best(&self) -> Option<&Epoch> {
        let validated = self.epochs.iter().filter_map(|epoch| Some((epoch, epoch.validation?.loss)));
        validated.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(epoch, _)| epoch)
    }

    /// Counts the epochs after the best, where there are validation samples.
    pub(super) fn epochs_since_best(&self) -> Option<usize> {
        let best = self.best()?;
        self.epochs.iter().rev().position(|epoch| std::ptr::eq(epoch, best))
    }

    /// Writes the history, with the name of its data, as JSON.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; then nothing is left of it.
    pub fn save_json(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write_json(path, self)
    }

    /// Reads a history that [`History::save_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::Malformed`] for another file.
    pub fn load_json(path: impl AsRef<Path>) -> Result<Self> {
        files::read_json(path, "the history of a training, as History::save_json writes it")
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, ops::ControlFlow};

    use super::*;
    use crate::{
        data::Dataset,
        model::Network,
        training::{Schedule, Training, fit_with},
    };

    #[test]
    fn a_history_has_learning_rates_and_added_metrics_and_is_read_back() {
        let schedule = Schedule::Step { epochs: 1, factor: 0.5 };
        let training = Training { epochs: 3, schedule, verbose: false, ..Training::default() };
        let (mut model, digits) = (Network::mlp([784, 10], 1).unwrap(), Dataset::drawn(0).unwrap().test.preprocess());
        let history = fit_with(&mut model, &digits, &training, None, |epoch, _| {
            if epoch.epoch > 1 {
                epoch.metrics.insert("twice the loss".into(), 2.0 * epoch.loss);
            }
            Ok(if epoch.epoch == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
        .unwrap();
        let frame = history.frame().unwrap();
        let names: Vec<_> = frame.get_column_names().into_iter().map(|name| name.as_str()).collect();
        let usual = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"];
        assert_eq!(names, [&usual[..], &["twice the loss"]].concat());
        let column = |name: &str| frame.column(name).unwrap().f64().unwrap().iter().collect::<Vec<_>>();
        assert_eq!(column("learning_rate"), [Some(0.001), Some(0.0005)]);
        assert_eq!(column("twice the loss"), [None, Some(2.0 * history.epochs[1].loss)]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.json");
        history.save_json(&file).unwrap();
        assert_eq!(History::load_json(&file).unwrap(), history);
        let mut odd = history.clone();
        odd.epochs[1].metrics.insert("a share of none".into(), f64::NAN);
        odd.save_json(&file).unwrap();
        assert!(History::load_json(&file).unwrap().epochs[1].metrics["a share of none"].is_nan());
        odd.epochs[0].metrics.insert("loss".into(), 1.0);
        assert!(odd.frame().unwrap_err().to_string().starts_with("a metric's name is loss; "));
        fs::write(&file, "[1]").unwrap();
        assert!(History::load_json(&file).unwrap_err().to_string().contains("expected the history of a training"));
        assert!(matches!(History::load_json(folder.path().join("none")), Err(Error::Missing { .. })));
    }
}
