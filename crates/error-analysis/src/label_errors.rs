//! Labels that may be wrong: those that the predictions contradict, and what people said of MNIST's.
//!
//! The predictions must come from networks that did not learn from these labels, or they repeat them.

use std::path::Path;

use mnist_classification::{Error, Result, training::Predictions};
use serde::Deserialize;
use tch::Kind;

/// Of each sample, the probability of its label minus the highest of the other classes: from −1, a label that the model is
/// sure is wrong, to 1 (C. Northcutt and others, 2021).
///
/// # Errors
/// [`Error::Mismatch`] when the predictions do not fit together or there is one class only; [`Error::Empty`] when there is
/// no sample.
pub fn margins(predictions: &Predictions) -> Result<Vec<f64>> {
    let margin = |(row, &label): (Vec<f64>, &usize)| {
        let others = row.iter().enumerate().filter(|(class, _)| *class != label).map(|(_, probability)| *probability);
        row[label] - others.fold(f64::NEG_INFINITY, f64::max)
    };
    let rows = rows(predictions)?;
    if predictions.classes.len() < 2 {
        return Err(Error::mismatch("number of classes", "1", "at least 2"));
    }
    Ok(rows.into_iter().zip(&predictions.truth).map(margin).collect())
}

/// The samples with the `count` lowest [`margins`], the lowest first.
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

/// A row of probabilities per sample.
fn rows(predictions: &Predictions) -> Result<Vec<Vec<f64>>> {
    predictions.check()?;
    Ok(Vec::<Vec<f64>>::try_from(predictions.probabilities.to_kind(Kind::Double))?)
}

/// What five people said of a suspicious label among MNIST's test digits: each chose the label, another class that a model
/// had guessed, or neither.
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
    /// The votes on the 100 most suspicious labels of MNIST's test digits (C. Northcutt, A. Athalye, J. Mueller, 2021), in
    /// the order of the digits.
    ///
    /// # Errors
    /// [`Error::Malformed`] when the table that is built into the library is damaged.
    pub fn mnist() -> Result<Vec<Self>> {
        let malformed = |error: serde_json::Error| Error::Malformed {
            file: Path::new("assets/label-votes.json").into(),
            found: error.to_string(),
            expected: "votes about labels".into(),
        };
        serde_json::from_str(include_str!("../../../assets/label-votes.json")).map_err(malformed)
    }

    /// Whether fewer than three of the five people agree with the label.
    pub fn is_doubted(&self) -> bool {
        self.for_label < 3
    }
}

#[cfg(test)]
mod tests;
