//! The confusion matrix: how often each class was taken for each.

use std::fmt;

use polars::prelude::{Column, DataFrame, df};

use crate::{Error, Result, data::Classes, training::Predictions};

/// Counts of true against predicted classes: rows are the truth, columns the prediction, as in scikit-learn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    name: String,
    classes: Classes,
    counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Counts each pair of a true and a predicted class. `name` says where the samples come from.
    ///
    /// ```
    /// use mnist_classification::{data::Classes, metrics::ConfusionMatrix};
    /// let confusion = ConfusionMatrix::new("example", &Classes::numbered(10), &[7, 7, 1], &[7, 1, 1])?;
    /// assert_eq!(confusion.count(7, 1), 1);
    /// # Ok::<(), mnist_classification::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the two differ in length, are empty, or hold a class that is not among `classes`.
    pub fn new(name: &str, classes: &Classes, truth: &[usize], predicted: &[usize]) -> Result<Self> {
        if truth.len() != predicted.len() {
            let expected = format!("{}, one per sample", truth.len());
            return Err(Error::mismatch("predictions", format!("{} predictions", predicted.len()), expected));
        }
        if truth.is_empty() {
            return Err(Error::mismatch("samples", "none", "at least one"));
        }
        if let Some(class) = truth.iter().chain(predicted).find(|&&class| class >= classes.len()) {
            let expected = format!("0 to {}, the classes of the data", classes.len().saturating_sub(1));
            return Err(Error::mismatch("class", class, expected));
        }
        let mut counts = vec![vec![0; classes.len()]; classes.len()];
        for (&truth, &predicted) in truth.iter().zip(predicted) {
            counts[truth][predicted] += 1;
        }
        Ok(Self { name: name.into(), classes: classes.clone(), counts })
    }

    /// Counts the pairs of a model's predictions.
    ///
    /// # Errors
    /// As [`ConfusionMatrix::new`].
    pub fn of(predictions: &Predictions) -> Result<Self> {
        let Predictions { name, classes, truth, predicted, .. } = predictions;
        Self::new(name, classes, truth, predicted)
    }

    /// Says where the samples come from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the classes of rows and columns.
    pub fn classes(&self) -> &Classes {
        &self.classes
    }

    /// Counts how often the class `truth` was taken for `predicted`; 0 for a class that is not there.
    pub fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts.get(truth).and_then(|row| row.get(predicted)).copied().unwrap_or(0)
    }

    /// Counts the right predictions.
    pub fn correct(&self) -> u64 {
        self.counts.iter().enumerate().map(|(class, row)| row[class]).sum()
    }

    /// Counts the samples.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Returns the share of right predictions, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct() as f64 / self.total() as f64
    }

    /// Counts the samples that are a `class`: the sum of its row; 0 for a class that is not there.
    pub fn support(&self, class: usize) -> u64 {
        self.counts.get(class).map_or(0, |row| row.iter().sum())
    }

    /// Counts the samples that were taken for a `class`: the sum of its column.
    pub(super) fn predicted(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }

    /// Returns each true class with each predicted class and the count of this pair, row by row.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (usize, usize, u64)> {
        let classes = self.classes.len();
        let pairs = (0..classes * classes).map(move |cell| (cell / classes, cell % classes));
        pairs.map(|(truth, predicted)| (truth, predicted, self.counts[truth][predicted]))
    }

    /// Lists the `limit` most confused pairs of classes with their mistakes in both directions, most mistakes first.
    /// Columns: `pair` ("4-9", by the names of the classes), `mistakes`, `first as second` (4 taken for 9), `second as
    /// first`.
    ///
    /// # Errors
    /// [`Error::Polars`] as polars reports it.
    pub fn most_confused(&self, limit: usize) -> Result<DataFrame> {
        let above_diagonal = self.cells().filter(|(first, second, _)| first < second);
        let both_ways = above_diagonal.map(|(first, second, there)| (first, second, there, self.counts[second][first]));
        let mut pairs: Vec<_> = both_ways.filter(|(_, _, there, back)| there + back > 0).collect();
        // A stable sort: equal pairs stay in the order of their classes.
        pairs.sort_by_key(|(_, _, there, back)| std::cmp::Reverse(there + back));
        pairs.truncate(limit);
        let name = |class: usize| self.classes.name(class);
        Ok(df![
            "pair" => pairs.iter().map(|pair| format!("{}-{}", name(pair.0), name(pair.1))).collect::<Vec<_>>(),
            "mistakes" => pairs.iter().map(|(_, _, there, back)| there + back).collect::<Vec<_>>(),
            "first as second" => pairs.iter().map(|pair| pair.2).collect::<Vec<_>>(),
            "second as first" => pairs.iter().map(|pair| pair.3).collect::<Vec<_>>(),
        ]?)
    }

    /// Returns the matrix as a frame with a row per class: `true class`, then a column for each predicted class. Where
    /// a class has that name, the first column gets a longer one.
    ///
    /// # Errors
    /// [`Error::Polars`] as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        let names = self.classes.names();
        let mut title = String::from("true class");
        while names.contains(&title) {
            title += " (row)";
        }
        let mut columns = vec![Column::new(title.into(), names)];
        for (class, name) in names.iter().enumerate() {
            let column: Vec<_> = self.counts.iter().map(|row| row[class]).collect();
            columns.push(Column::new(name.into(), column));
        }
        Ok(DataFrame::new(names.len(), columns)?)
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
    use crate::notebook::Table;

    #[test]
    fn pairs_count_both_directions_and_the_worst_comes_first() {
        let confusion =
            ConfusionMatrix::new("example", &Classes::numbered(10), &[4, 9, 4, 3, 1], &[9, 4, 9, 5, 1]).unwrap();
        let expected = "pair,mistakes,first as second,second as first\n4-9,3,2,1\n3-5,1,1,0\n";
        assert_eq!(confusion.most_confused(5).unwrap().csv(), expected);
        assert_eq!(confusion.most_confused(1).unwrap().height(), 1);
        assert_eq!((confusion.accuracy(), confusion.correct()), (0.2, 1));
    }

    #[test]
    fn any_classes_are_counted_under_their_names() {
        let clothes = Classes::new(["T-shirt", "Trouser", "Shirt"]);
        let confusion = ConfusionMatrix::new("example", &clothes, &[0, 0, 1, 2], &[2, 0, 1, 0]).unwrap();
        let frame = "true class,T-shirt,Trouser,Shirt\nT-shirt,1,0,1\nTrouser,0,1,0\nShirt,1,0,0\n";
        assert_eq!(confusion.frame().unwrap().csv(), frame);
        let awkward = Classes::new(["true class", "accuracy", "macro avg"]);
        let confusion_of_awkward = ConfusionMatrix::new("example", &awkward, &[0, 1], &[2, 1]).unwrap();
        let frame = confusion_of_awkward.frame().unwrap().csv();
        assert!(frame.starts_with("true class (row),true class,accuracy,macro avg\ntrue class,0,0,1\n"), "{frame}");
        let pairs = "pair,mistakes,first as second,second as first\nT-shirt-Shirt,2,1,1\n";
        assert_eq!(confusion.most_confused(5).unwrap().csv(), pairs);
        assert_eq!((confusion.count(0, 2), confusion.count(3, 0)), (1, 0));
    }

    #[test]
    fn lists_that_do_not_fit_are_errors() {
        let ten = Classes::numbered(10);
        let error = |truth: &[usize], predicted: &[usize]| {
            ConfusionMatrix::new("", &ten, truth, predicted).unwrap_err().to_string()
        };
        assert_eq!(error(&[1, 2], &[1]), "predictions: found 1 predictions, expected 2, one per sample");
        assert_eq!(error(&[1], &[10]), "class: found 10, expected 0 to 9, the classes of the data");
        assert_eq!(error(&[], &[]), "samples: found none, expected at least one");
    }
}
