//! How good predictions are: counts of what was taken for what, and scores for each digit.

mod confusion;
mod report;

pub use confusion::ConfusionMatrix;
pub use report::{ClassScores, ClassificationReport};

/// How many digits there are.
pub const CLASSES: usize = 10;
