//! The classification report: precision, recall and F1 of each class, as scikit-learn prints them.

use std::{fmt, path::Path};

use polars::prelude::{DataFrame, df};

use super::ConfusionMatrix;
use crate::{
    Result,
    data::{Classes, MNIST},
    files,
    notebook::show,
};

/// The scores of one class, or an average of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// Of those taken for this class, the share that is: TP / (TP + FP).
    pub precision: f64,
    /// Of those that are of this class, the share that was found: TP / (TP + FN).
    pub recall: f64,
    /// The harmonic mean of both: 2 TP / (2 TP + FP + FN).
    pub f1: f64,
    /// How many of the samples are of this class.
    pub support: u64,
}

/// Precision, recall, F1 and support of each class, with accuracy and averages.
///
/// It follows scikit-learn's `classification_report(truth, predicted, labels=range(n), target_names=names,
/// zero_division=0)`: a share of nothing is 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassificationReport {
    name: String,
    names: Classes,
    /// The scores of the classes, in order.
    pub classes: Vec<ClassScores>,
    /// The share of right predictions, from 0 to 1.
    pub accuracy: f64,
    /// The mean over the classes, each counting the same.
    pub macro_average: ClassScores,
    /// The mean over the classes, each counting by its support.
    pub weighted_average: ClassScores,
}

impl ClassificationReport {
    /// Scores each class of a confusion matrix.
    pub fn new(confusion: &ConfusionMatrix) -> Self {
        let classes: Vec<_> = (0..confusion.classes().len()).map(|class| scores(confusion, class)).collect();
        Self {
            name: confusion.name().into(),
            names: confusion.classes().clone(),
            accuracy: confusion.accuracy(),
            macro_average: average(&classes, |_| 1.0),
            weighted_average: average(&classes, |scores| scores.support as f64),
            classes,
        }
    }

    /// Returns the report as text with `digits` decimals: scikit-learn's, byte for byte.
    pub fn text(&self, digits: usize) -> String {
        let names = self.names.names();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let width = longest.max("weighted avg".len()).max(digits);
        let line = |name: &str, cells: [String; 4]| {
            let cells = cells.map(|cell| format!(" {cell:>9}"));
            format!("{name:>width$} {}\n", cells.concat())
        };
        let share = |number: f64| format!("{number:.digits$}");
        // scikit-learn counts in floats where no prediction at all is right.
        let support = |count: u64| if self.accuracy == 0.0 { format!("{count}.0") } else { count.to_string() };
        let row = |name: &str, scores: &ClassScores| {
            let &ClassScores { precision, recall, f1, support: count } = scores;
            line(name, [share(precision), share(recall), share(f1), support(count)])
        };
        let header = line("", ["precision", "recall", "f1-score", "support"].map(String::from));
        let classes: String = names.iter().zip(&self.classes).map(|(name, scores)| row(name, scores)).collect();
        let all = support(self.macro_average.support);
        let accuracy = line("accuracy", [String::new(), String::new(), share(self.accuracy), all]);
        let averages = row("macro avg", &self.macro_average) + &row("weighted avg", &self.weighted_average);
        format!("{header}\n{classes}\n{accuracy}{averages}")
    }

    /// Returns the report as a frame: `class`, `precision`, `recall`, `f1`, `support`; a row per class, then the two
    /// averages.
    ///
    /// # Errors
    /// [`Error::Polars`](crate::Error::Polars) as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        let names = self.names.names().iter().cloned().chain(["macro avg".into(), "weighted avg".into()]);
        let rows: Vec<_> = self.classes.iter().chain([&self.macro_average, &self.weighted_average]).collect();
        let column = |score: fn(&ClassScores) -> f64| rows.iter().map(|scores| score(scores)).collect::<Vec<_>>();
        Ok(df![
            "class" => names.collect::<Vec<_>>(),
            "precision" => column(|scores| scores.precision),
            "recall" => column(|scores| scores.recall),
            "f1" => column(|scores| scores.f1),
            "support" => rows.iter().map(|scores| scores.support).collect::<Vec<_>>(),
        ]?)
    }

    /// Lists the classes from the highest F1 to the lowest.
    pub fn best_classes(&self) -> Vec<usize> {
        let mut classes: Vec<_> = (0..self.classes.len()).collect();
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
        show(&[("text/plain", &self.to_string())]);
    }
}

/// The text with four decimals; where the samples are not MNIST's, a line before it says what they are.
impl fmt::Display for ClassificationReport {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        if self.name != MNIST {
            writeln!(formatter, "{}\n", self.name)?;
        }
        formatter.write_str(&self.text(4))
    }
}

fn scores(confusion: &ConfusionMatrix, class: usize) -> ClassScores {
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let (support, predicted) = (confusion.support(class), confusion.predicted(class));
    let [precision, recall] = [predicted, support].map(|whole| share(confusion.count(class, class), whole));
    let f1 = share(2 * confusion.count(class, class), support + predicted);
    ClassScores { precision, recall, f1, support }
}

fn average(classes: &[ClassScores], weight: impl Fn(&ClassScores) -> f64) -> ClassScores {
    let sum = |number: &dyn Fn(&ClassScores) -> f64| pairwise_sum(&classes.iter().map(number).collect::<Vec<_>>());
    let whole = sum(&weight);
    let mean = |score: fn(&ClassScores) -> f64| sum(&|class| score(class) * weight(class)) / whole;
    ClassScores {
        precision: mean(|class| class.precision),
        recall: mean(|class| class.recall),
        f1: mean(|class| class.f1),
        support: classes.iter().map(|class| class.support).sum(),
    }
}

/// Adds in the order in which NumPy adds, so that the last digit of an average is scikit-learn's: few numbers one after
/// the other, more in eight sums side by side, many in two halves (`pairwise_sum` in NumPy's `loops_utils.h.src`).
fn pairwise_sum(numbers: &[f64]) -> f64 {
    match numbers.len() {
        0..8 => numbers.iter().sum(),
        8..=128 => {
            let (eights, rest) = numbers.as_chunks::<8>();
            let add = |sums: [f64; 8], eight: &[f64; 8]| std::array::from_fn(|place| sums[place] + eight[place]);
            let [a, b, c, d, e, f, g, h] = eights[1..].iter().fold(eights[0], add);
            rest.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, number| sum + number)
        }
        count => {
            let (first, second) = numbers.split_at(count / 2 - count / 2 % 8);
            pairwise_sum(first) + pairwise_sum(second)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(truth: &[usize], predicted: &[usize]) -> ClassificationReport {
        ClassificationReport::new(&ConfusionMatrix::new("example", &Classes::numbered(10), truth, predicted).unwrap())
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

    #[test]
    fn names_of_classes_widen_the_report_as_in_sklearn() {
        let names = Classes::new(["T-shirt/top", "Trouser", "Robe de soirée"]);
        let confusion = ConfusionMatrix::new("", &names, &[0, 0, 0, 1, 2, 2], &[0, 0, 1, 1, 2, 0]).unwrap();
        let expected = "                precision    recall  f1-score   support

   T-shirt/top     0.6667    0.6667    0.6667         3
       Trouser     0.5000    1.0000    0.6667         1
Robe de soirée     1.0000    0.5000    0.6667         2

      accuracy                         0.6667         6
     macro avg     0.7222    0.7222    0.6667         6
  weighted avg     0.7500    0.6667    0.6667         6
";
        assert_eq!(ClassificationReport::new(&confusion).text(4), expected);
    }

    /// The averages of scikit-learn 1.9.1 with NumPy 2.4.6, all bits of them.
    #[test]
    fn averages_over_any_number_of_classes_are_those_of_sklearn() {
        let averages = [
            (2, [0.8748125937031483, 0.833, 0.828208918528851], [0.8748125937031485, 0.833, 0.828208918528851]),
            (
                7,
                [0.7139550590254816, 0.7139480238071787, 0.7139468633540365],
                [0.7140023474178403, 0.714, 0.7139964992633268],
            ),
            (
                26,
                [0.8393273393273393, 0.6916329284750339, 0.7256533075162754],
                [0.8402619047619048, 0.692, 0.7262845482858502],
            ),
            (
                47,
                [0.7582705262455812, 0.6808510638297872, 0.6972512772512773],
                [0.759353448275862, 0.681, 0.6978492492492491],
            ),
            (
                300,
                [0.5827804232804232, 0.6713888888888889, 0.607999455853171],
                [0.5833079365079366, 0.671, 0.6084464176002876],
            ),
        ];
        for (classes, macro_average, weighted_average) in averages {
            let truth: Vec<_> = (0..1_000).map(|index| index % classes).collect();
            let predicted = |index: usize| if index.is_multiple_of(3) { index * index * 7 + index / 3 } else { index };
            let predicted: Vec<_> = (0..1_000).map(|index| predicted(index) % classes).collect();
            let confusion = ConfusionMatrix::new("", &Classes::numbered(classes), &truth, &predicted).unwrap();
            let report = ClassificationReport::new(&confusion);
            for (found, expected) in
                [(report.macro_average, macro_average), (report.weighted_average, weighted_average)]
            {
                assert_eq!([found.precision, found.recall, found.f1], expected, "{classes} classes");
            }
        }
    }
}
