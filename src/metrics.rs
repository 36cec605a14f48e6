//! How good predictions are: counts of what was taken for what, and scores for each class.

mod confusion;
mod report;

pub use confusion::ConfusionMatrix;
pub use report::{ClassScores, ClassificationReport};
