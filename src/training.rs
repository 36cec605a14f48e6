//! Training: batches, steps and epochs, with the loss watched on samples that training does not see.

mod checkpoint;
mod description;
mod evaluation;
mod fit;
mod history;
pub(crate) mod interrupt;
mod loss;
mod progress;
mod sampling;
mod schedule;
mod session;
mod settings;
mod state;
mod step;

pub use description::{DataDescription, Description};
pub use evaluation::{Predictions, Scores, evaluate, evaluate_and_predict, predict};
pub use fit::{fit, fit_with};
pub use history::{Epoch, History};
pub use sampling::Sampling;
pub use schedule::Schedule;
pub use settings::Training;
pub use step::{StepScores, Trainer};

#[cfg(test)]
mod tests;
