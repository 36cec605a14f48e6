//! How the learning rate changes over a training.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::History;
use crate::{Error, Result};

/// How the learning rate changes over a training; the optimizer's own is the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Schedule {
    /// It stays.
    #[default]
    Constant,
    /// It is multiplied by `factor` after every `epochs` epochs.
    Step {
        /// How many epochs it stays.
        epochs: usize,
        /// What it is multiplied with, between 0 and 1.
        factor: f64,
    },
    /// It falls to 0 along half a cosine (I. Loshchilov, F. Hutter, 2016, without restarts).
    Cosine,
    /// It rises from a 25th along half a cosine, then falls to 0 along another (L. Smith, N. Topin, 2017; the cosines
    /// and the 25th are PyTorch's).
    OneCycle {
        /// The share of the training in which it rises, between 0 and 1.
        rise: f64,
    },
    /// It is multiplied by `factor` whenever the validation loss did not fall for `patience` epochs; Keras'
    /// `ReduceLROnPlateau`.
    ReduceOnPlateau {
        /// How many epochs in a row it waits.
        patience: usize,
        /// What it is multiplied with, between 0 and 1.
        factor: f64,
    },
}

/// The smallest decrease of the validation loss that counts, in nats (Keras' `min_delta`).
const FALLEN: f64 = 1e-4;

impl Schedule {
    /// Returns the factor of the learning rate after `done` of `epochs` epochs, parts of an epoch among them.
    pub(super) fn multiplier(&self, done: f64, epochs: usize, history: &History) -> f64 {
        let progress = done / epochs as f64;
        match *self {
            Self::Constant => 1.0,
            Self::Step { epochs, factor } => factor.powf((done / epochs as f64).floor()),
            Self::Cosine => falling(progress),
            Self::OneCycle { rise } if progress < rise => 1.0 - 0.96 * falling(progress / rise),
            Self::OneCycle { rise } => falling((progress - rise) / (1.0 - rise)),
            Self::ReduceOnPlateau { patience, factor } => factor.powf(plateaus(history, patience)),
        }
    }

    /// Tells whether another number of epochs changes the learning rate of those before.
    pub fn depends_on_epochs(&self) -> bool {
        matches!(self, Self::Cosine | Self::OneCycle { .. })
    }

    /// # Errors
    /// [`Error::InvalidSetting`] for a schedule that cannot work.
    pub(super) fn check(&self, has_validation: bool) -> Result<()> {
        let expected = match *self {
            Self::Step { epochs: 0, .. } => "epochs of at least 1",
            Self::Step { factor, .. } | Self::ReduceOnPlateau { factor, .. } if !inside(factor) => {
                "a factor between 0 and 1"
            }
            Self::OneCycle { rise } if !inside(rise) => "a rise between 0 and 1",
            Self::ReduceOnPlateau { patience: 0, .. } => "a patience of at least 1",
            Self::ReduceOnPlateau { .. } if !has_validation => "validation samples to see a plateau on",
            _ => return Ok(()),
        };
        Err(Error::invalid_setting("schedule", format!("{self:?}"), expected))
    }
}

fn inside(share: f64) -> bool {
    share > 0.0 && share < 1.0
}

/// Falls from 1 at 0 to 0 at 1 along half a cosine.
fn falling(progress: f64) -> f64 {
    0.5 * (1.0 + (PI * progress).cos())
}

/// Counts how often the validation loss did not fall for `patience` epochs.
fn plateaus(history: &History, patience: usize) -> f64 {
    let (mut best, mut waited, mut plateaus) = (f64::INFINITY, 0, 0.0);
    for loss in history.epochs.iter().filter_map(|epoch| Some(epoch.validation?.loss)) {
        if loss < best - FALLEN {
            (best, waited) = (loss, 0);
        } else {
            waited += 1;
        }
        if waited == patience {
            waited = 0;
            plateaus += 1.0;
        }
    }
    plateaus
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::{Epoch, Scores};

    fn history(losses: &[f64]) -> History {
        let epoch = |(index, &loss): (usize, &f64)| Epoch {
            epoch: index + 1,
            loss,
            accuracy: 0.0,
            validation: Some(Scores { loss, accuracy: 0.0 }),
            learning_rate: 0.0,
            metrics: Default::default(),
            seconds: 0.0,
        };
        History { name: String::new(), epochs: losses.iter().enumerate().map(epoch).collect() }
    }

    fn shares(schedule: Schedule, done: &[f64]) -> Vec<f64> {
        let share = |&done: &f64| (1e6 * schedule.multiplier(done, 10, &history(&[]))).round() / 1e6;
        done.iter().map(share).collect()
    }

    #[test]
    fn learning_rates_follow_their_curves() {
        assert_eq!(shares(Schedule::Constant, &[0.0, 9.9]), [1.0, 1.0]);
        let step = Schedule::Step { epochs: 3, factor: 0.5 };
        assert_eq!(shares(step, &[0.0, 2.99, 3.0, 6.0, 9.5]), [1.0, 1.0, 0.5, 0.25, 0.125]);
        assert_eq!(shares(Schedule::Cosine, &[0.0, 5.0, 10.0]), [1.0, 0.5, 0.0]);
        let cycle = Schedule::OneCycle { rise: 0.4 };
        assert_eq!(shares(cycle, &[0.0, 2.0, 4.0, 7.0, 10.0]), [0.04, 0.52, 1.0, 0.5, 0.0]);
    }

    #[test]
    fn a_plateau_is_patience_epochs_without_a_lower_loss() {
        let plateau = Schedule::ReduceOnPlateau { patience: 2, factor: 0.1 };
        let share = |losses: &[f64]| plateau.multiplier(losses.len() as f64, 10, &history(losses));
        assert_eq!(share(&[3.0, 2.0, 2.5]), 1.0);
        assert_eq!(share(&[3.0, 2.0, 2.5, 1.0, 1.1]), 1.0);
        assert_eq!(share(&[3.0, 2.0, 2.5, 2.0]), 0.1);
        assert!((share(&[3.0, 2.0, 2.5, 2.0, 2.0, 2.0]) - 0.01).abs() < 1e-12);
    }
}
