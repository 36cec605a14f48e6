//! How good predictions are: counts of what was taken for what, scores for each class, and how far confidence can be
//! trusted.

pub mod calibration;
mod confusion;
mod report;
pub mod significance;

pub use confusion::ConfusionMatrix;
pub use report::{ClassScores, ClassificationReport};

#[cfg(test)]
mod tests;
