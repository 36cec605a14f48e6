//! Labels that may be wrong: those that the predictions contradict, and what people said of MNIST's.
//!
//! The predictions must come from networks that did not learn from these labels, or they repeat them.

use mnist_classification::{Error, Result, training::Predictions};
use serde::Deserialize;
use tch::Kind;

/// Computes, for each sample, the probability of its label minus the highest of the other classes: from −1, a label
/// that the model is sure is wrong, to 1 (C. Northcutt and others, 2021).
///
/// # Errors
/// [`Error::Mismatch`] when the predictions do not fit together or there is one class only; [`Error::Empty`] when there
/// is no sample.
pub fn margins(predictions: &Predictions) -> Result<Vec<f64>> {
    predictions.check()?;
    if predictions.classes.len() < 2 {
        return Err(Error::mismatch("number of classes", "1", "at least 2"));
    }
    let margin = |(mut row, &label): (Vec<f64>, &usize)| {
        let probability = row.swap_remove(label);
        probability - row.into_iter().fold(f64::NEG_INFINITY, f64::max)
    };
    let rows = Vec::<Vec<f64>>::try_from(predictions.probabilities.to_kind(Kind::Double))?;
    Ok(rows.into_iter().zip(&predictions.truth).map(margin).collect())
}

/// Lists the samples with the `count` lowest [`margins`], the lowest first.
///
/// # Errors
/// As [`margins`].
pub fn lowest_margins(predictions: &Predictions, count: usize) -> Result<Vec<usize>> {
    let margins = margins(predictions)?;
    let mut order: Vec<_> = (0..margins.len()).collect();
    order.sort_by(|&one, &other| margins[one].total_cmp(&margins[other]));
    order.truncate(count);
    Ok(order)
}

/// The votes of five people on a suspicious label among MNIST's test digits: each chose the label, another class that a
/// model had guessed, or neither.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Votes {
    /// The digit's position among the test digits, from 0.
    pub sample: usize,
    /// MNIST's label.
    pub label: usize,
    /// The class that the model guessed; of thirteen digits it is the label itself.
    pub guess: usize,
    /// How many said that the label is right.
    pub for_label: u32,
    /// How many said that the guess is right: the same people where the guess is the label.
    pub for_guess: u32,
    /// How many said that neither is.
    pub for_neither: u32,
}

impl Votes {
    /// Reads the votes on the 100 most suspicious labels of MNIST's test digits (C. Northcutt, A. Athalye, J. Mueller,
    /// 2021), in the order of the digits.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the table that is built into the library is damaged.
    pub fn mnist() -> Result<Vec<Self>> {
        serde_json::from_str(include_str!("../../../assets/label-votes.json"))
            .map_err(|error| Error::malformed("assets/label-votes.json", error, "votes about labels"))
    }

    /// Tells whether fewer than three of the five people agree with the label.
    pub fn is_doubted(&self) -> bool {
        self.for_label < 3
    }
}

#[cfg(test)]
mod tests;
