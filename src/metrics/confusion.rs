//! The confusion matrix: how often each digit was taken for each.

use std::fmt;

use polars::prelude::{Column, DataFrame, NamedFrom, Series, df};

use super::CLASSES;
use crate::{Error, Result, training::Predictions};

/// Counts of true against predicted digits: rows are the truth, columns the prediction, as in scikit-learn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    name: String,
    counts: [[u64; CLASSES]; CLASSES],
}

impl ConfusionMatrix {
    /// Counts each pair of a true and a predicted digit. `name` says where the digits come from.
    ///
    /// ```
    /// use mnist_classification::metrics::ConfusionMatrix;
    /// let confusion = ConfusionMatrix::new("example", &[7, 7, 1], &[7, 1, 1])?;
    /// assert_eq!(confusion.count(7, 1), 1);
    /// # Ok::<(), mnist_classification::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the two differ in length, are empty, or hold a class over 9.
    pub fn new(name: &str, truth: &[usize], predicted: &[usize]) -> Result<Self> {
        let mismatch = |what, found, expected| Error::Mismatch { what, found, expected };
        if truth.len() != predicted.len() {
            let (found, expected) =
                (format!("{} predictions", predicted.len()), format!("{}, one per digit", truth.len()));
            return Err(mismatch("predictions", found, expected));
        }
        if truth.is_empty() {
            return Err(mismatch("digits", "none".into(), "at least one".into()));
        }
        if let Some(class) = truth.iter().chain(predicted).find(|&&class| class >= CLASSES) {
            return Err(mismatch("class", class.to_string(), "0 to 9".into()));
        }
        let mut counts = [[0; CLASSES]; CLASSES];
        for (&truth, &predicted) in truth.iter().zip(predicted) {
            counts[truth][predicted] += 1;
        }
        Ok(Self { name: name.into(), counts })
    }

    /// Counts the pairs of a model's predictions.
    ///
    /// # Errors
    /// As [`ConfusionMatrix::new`].
    pub fn of(predictions: &Predictions) -> Result<Self> {
        Self::new(&predictions.name, &predictions.truth, &predictions.predicted)
    }

    /// Where the digits come from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often the digit `truth` was taken for `predicted`; 0 for a class over 9.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts.get(truth).and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// How many predictions were right.
    pub fn correct(&self) -> u64 {
        (0..CLASSES).map(|class| self.counts[class][class]).sum()
    }

    /// How many digits there were.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// The share of right predictions, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct() as f64 / self.total() as f64
    }

    /// How many of the digits are a `class`: the sum of its row.
    pub(super) fn truly(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    /// How many of the digits were taken for a `class`: the sum of its column.
    pub(super) fn predicted(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// The `limit` most confused pairs of digits with their mistakes in both directions, most mistakes first.
    /// Columns: `pair` ("4-9"), `mistakes`, `first as second` (4 taken for 9), `second as first`.
    ///
    /// # Errors
    /// [`Error::Frame`] as polars reports it.
    pub fn most_confused(&self, limit: usize) -> Result<DataFrame> {
        let mut pairs: Vec<_> = (0..CLASSES)
            .flat_map(|first| (first + 1..CLASSES).map(move |second| (first, second)))
            .map(|(first, second)| (first, second, self.counts[first][second], self.counts[second][first]))
            .filter(|(_, _, there, back)| there + back > 0)
            .collect();
        // A stable sort: equal pairs stay in the order of their digits.
        pairs.sort_by_key(|(_, _, there, back)| std::cmp::Reverse(there + back));
        pairs.truncate(limit);
        Ok(df![
            "pair" => pairs.iter().map(|(first, second, ..)| format!("{first}-{second}")).collect::<Vec<_>>(),
            "mistakes" => pairs.iter().map(|(_, _, there, back)| there + back).collect::<Vec<_>>(),
            "first as second" => pairs.iter().map(|pair| pair.2).collect::<Vec<_>>(),
            "second as first" => pairs.iter().map(|pair| pair.3).collect::<Vec<_>>(),
        ]?)
    }

    /// The matrix as a frame of ten rows: `true`, then a column for each predicted digit.
    ///
    /// # Errors
    /// [`Error::Frame`] as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        let truth = Series::new("true".into(), (0..CLASSES as u64).collect::<Vec<_>>());
        let mut columns = vec![Column::from(truth)];
        for class in 0..CLASSES {
            let column: Vec<_> = self.counts.iter().map(|row| row[class]).collect();
            columns.push(Series::new(class.to_string().into(), column).into());
        }
        Ok(DataFrame::new(CLASSES, columns)?)
    }
}

/// The counts in columns, as NumPy prints them.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let width = self.counts.iter().flatten().max().map_or(1, |count| count.to_string().len());
        for row in &self.counts {
            let cells: Vec<_> = row.iter().map(|count| format!("{count:>width$}")).collect();
            writeln!(formatter, "{}", cells.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Table;

    #[test]
    fn pairs_count_both_directions_and_the_worst_comes_first() {
        let confusion = ConfusionMatrix::new("example", &[4, 9, 4, 3, 1], &[9, 4, 9, 5, 1]).unwrap();
        let expected = "pair,mistakes,first as second,second as first\n4-9,3,2,1\n3-5,1,1,0\n";
        assert_eq!(confusion.most_confused(5).unwrap().csv(), expected);
        assert_eq!(confusion.most_confused(1).unwrap().height(), 1);
        assert_eq!((confusion.accuracy(), confusion.correct()), (0.2, 1));
    }

    #[test]
    fn lists_that_do_not_fit_are_errors() {
        let error =
            |truth: &[usize], predicted: &[usize]| ConfusionMatrix::new("", truth, predicted).unwrap_err().to_string();
        assert_eq!(error(&[1, 2], &[1]), "predictions: found 1 predictions, expected 2, one per digit");
        assert_eq!(error(&[1], &[10]), "class: found 10, expected 0 to 9");
        assert_eq!(error(&[], &[]), "digits: found none, expected at least one");
    }
}
