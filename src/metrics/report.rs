//! The classification report: precision, recall and F1 of each digit, as scikit-learn prints them.

use std::{
    fmt::{self, Write},
    path::Path,
};

use polars::prelude::{DataFrame, df};

use super::{CLASSES, ConfusionMatrix};
use crate::{Result, data::MNIST, files};

/// The scores of one digit, or an average of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// Of those taken for this digit, the share that is: TP / (TP + FP).
    pub precision: f64,
    /// Of those that are this digit, the share that was found: TP / (TP + FN).
    pub recall: f64,
    /// The harmonic mean of both: 2 TP / (2 TP + FP + FN).
    pub f1: f64,
    /// How many of the digits are this one.
    pub support: u64,
}

/// Precision, recall, F1 and support of each digit, with accuracy and averages.
///
/// It follows scikit-learn's `classification_report(truth, predicted, labels=range(10), zero_division=0)`:
/// a share of nothing is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassificationReport {
    name: String,
    /// The scores of the digits 0 to 9.
    pub classes: Vec<ClassScores>,
    /// The share of right predictions, from 0 to 1.
    pub accuracy: f64,
    /// The mean over the digits, each counting the same.
    pub macro_average: ClassScores,
    /// The mean over the digits, each counting by its support.
    pub weighted_average: ClassScores,
    nothing_is_right: bool,
}

impl ClassificationReport {
    /// Scores each digit of a confusion matrix.
    pub fn new(confusion: &ConfusionMatrix) -> Self {
        let classes: Vec<_> = (0..CLASSES).map(|class| scores(confusion, class)).collect();
        Self {
            name: confusion.name().into(),
            accuracy: confusion.accuracy(),
            macro_average: average(&classes, |_| 1.0),
            weighted_average: average(&classes, |scores| scores.support as f64),
            classes,
            nothing_is_right: confusion.correct() == 0,
        }
    }

    /// The report as text with `digits` decimals: scikit-learn's, byte for byte.
    pub fn text(&self, digits: usize) -> String {
        let width = "weighted avg".len().max(digits);
        let mut text = format!("{:>width$} ", "");
        for column in ["precision", "recall", "f1-score", "support"] {
            write_cell(&mut text, column);
        }
        text += "\n\n";
        for (class, scores) in self.classes.iter().enumerate() {
            text += &self.row(&class.to_string(), scores, digits);
        }
        text += &format!("\n{:>width$}  {:>9} {:>9}", "accuracy", "", "");
        write_cell(&mut text, &format!("{:.digits$}", self.accuracy));
        write_cell(&mut text, &self.support(self.macro_average.support));
        text.push('\n');
        text += &self.row("macro avg", &self.macro_average, digits);
        text += &self.row("weighted avg", &self.weighted_average, digits);
        text
    }

    fn row(&self, name: &str, scores: &ClassScores, digits: usize) -> String {
        let width = "weighted avg".len().max(digits);
        let mut text = format!("{name:>width$} ");
        for score in [scores.precision, scores.recall, scores.f1] {
            write_cell(&mut text, &format!("{score:.digits$}"));
        }
        write_cell(&mut text, &self.support(scores.support));
        text + "\n"
    }

    /// scikit-learn counts in floats where no prediction at all is right.
    fn support(&self, support: u64) -> String {
        if self.nothing_is_right { format!("{support}.0") } else { support.to_string() }
    }

    /// The report as a frame: `class`, `precision`, `recall`, `f1`, `support`; ten digits, then the two averages.
    ///
    /// # Errors
    /// [`Error::Frame`](crate::Error::Frame) as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        let names = (0..CLASSES).map(|class| class.to_string()).chain(["macro avg".into(), "weighted avg".into()]);
        let rows: Vec<_> = self.classes.iter().chain([&self.macro_average, &self.weighted_average]).collect();
        Ok(df![
            "class" => names.collect::<Vec<_>>(),
            "precision" => rows.iter().map(|scores| scores.precision).collect::<Vec<_>>(),
            "recall" => rows.iter().map(|scores| scores.recall).collect::<Vec<_>>(),
            "f1" => rows.iter().map(|scores| scores.f1).collect::<Vec<_>>(),
            "support" => rows.iter().map(|scores| scores.support).collect::<Vec<_>>(),
        ]?)
    }

    /// The digits from the highest F1 to the lowest.
    pub fn best_classes(&self) -> Vec<usize> {
        let mut classes: Vec<_> = (0..CLASSES).collect();
        classes.sort_by(|&first, &second| self.classes[second].f1.total_cmp(&self.classes[first].f1));
        classes
    }

    /// Writes the report, with four decimals and the name of the data where that is not MNIST, to a text file.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the file cannot be written; then nothing is left of it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write(path, self.to_string())
    }

    /// Shows the report in a notebook: evcxr calls this for the last value of a cell.
    pub fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/plain\n{self}\nEVCXR_END_CONTENT");
    }
}

/// The text with four decimals; where the digits are not MNIST's, a line before it says what they are.
impl fmt::Display for ClassificationReport {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        if self.name != MNIST {
            writeln!(formatter, "{}\n", self.name)?;
        }
        formatter.write_str(&self.text(4))
    }
}

fn write_cell(text: &mut String, cell: &str) {
    // Writing to a String cannot fail.
    let _ = write!(text, " {cell:>9}");
}

fn scores(confusion: &ConfusionMatrix, class: usize) -> ClassScores {
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let (right, truly, predicted) = (confusion.count(class, class), confusion.truly(class), confusion.predicted(class));
    ClassScores {
        precision: share(right, predicted),
        recall: share(right, truly),
        f1: share(2 * right, truly + predicted),
        support: truly,
    }
}

fn average(classes: &[ClassScores], weight: impl Fn(&ClassScores) -> f64) -> ClassScores {
    let whole = sum(classes.iter().map(&weight));
    let mean = |score: fn(&ClassScores) -> f64| sum(classes.iter().map(|class| score(class) * weight(class))) / whole;
    ClassScores {
        precision: mean(|class| class.precision),
        recall: mean(|class| class.recall),
        f1: mean(|class| class.f1),
        support: classes.iter().map(|class| class.support).sum(),
    }
}

/// Adds in the order in which NumPy adds ten numbers, so that the last digit of an average is scikit-learn's:
/// the first eight in pairs, then the rest (`pairwise_sum` in NumPy's `loops_utils.h.src`).
fn sum(numbers: impl Iterator<Item = f64>) -> f64 {
    let numbers: Vec<_> = numbers.collect();
    let (pairs, rest) = numbers.split_at(numbers.len().min(8));
    let mut sums = pairs.to_vec();
    while sums.len() > 1 {
        sums = sums.chunks(2).map(|pair| pair.iter().sum()).collect();
    }
    sums.iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(truth: &[usize], predicted: &[usize]) -> ClassificationReport {
        ClassificationReport::new(&ConfusionMatrix::new("example", truth, predicted).unwrap())
    }

    #[test]
    fn scores_follow_their_formulas() {
        let report = report(&[0, 0, 0, 1], &[0, 0, 1, 1]);
        let zero = ClassScores { precision: 1.0, recall: 2.0 / 3.0, f1: 0.8, support: 3 };
        assert_eq!(report.classes[0], zero);
        assert_eq!(report.classes[1], ClassScores { precision: 0.5, recall: 1.0, f1: 2.0 / 3.0, support: 1 });
        assert_eq!(report.classes[2], ClassScores { precision: 0.0, recall: 0.0, f1: 0.0, support: 0 });
        assert_eq!(report.best_classes()[..2], [0, 1]);
    }

    #[test]
    fn other_digits_than_mnist_are_named() {
        assert!(report(&[0], &[0]).to_string().starts_with("example\n\n"));
        assert!(!report(&[0], &[0]).text(2).contains("example"));
    }

    #[test]
    fn frame_has_the_digits_and_both_averages() {
        let frame = report(&[0, 1], &[0, 1]).frame().unwrap();
        assert_eq!((frame.height(), frame.width()), (12, 5));
    }
}
