//! Selective prediction: how accurate a model is that may decline the samples it is least sure of.

use mnist_classification::{Error, Result, training::Predictions};
use tch::Kind;

/// Predictions from the surest to the least sure one (Y. Geifman, R. El-Yaniv, 2017).
#[derive(Clone, Debug, PartialEq)]
pub struct SelectiveAccuracy {
    /// Of the surest predictions, one after the other, how many are wrong up to there.
    mistakes: Vec<usize>,
}

impl SelectiveAccuracy {
    /// Orders the predictions by the probability that is left for the other classes, which keeps its digits where that
    /// of the prediction rounds to 1. Among equally sure ones, mistakes come first (pessimistic).
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the predictions do not fit together; [`Error::Empty`] when there is none.
    pub fn of(predictions: &Predictions) -> Result<Self> {
        predictions.check()?;
        let rows = Vec::<Vec<f64>>::try_from(predictions.probabilities.to_kind(Kind::Double))?;
        let answers = rows.iter().zip(&predictions.predicted).zip(&predictions.truth);
        let mut answers: Vec<_> = answers.map(|((row, class), truth)| (doubt(row, *class), class == truth)).collect();
        answers.sort_by(|(one, right), (other, also)| one.total_cmp(other).then(right.cmp(also)));
        let count = |wrong: &mut usize, (_, right): (f64, bool)| {
            *wrong += usize::from(!right);
            Some(*wrong)
        };
        Ok(Self { mistakes: answers.into_iter().scan(0, count).collect() })
    }

    /// Returns the accuracy, from 0 to 1, on the samples that are left when this share of them, the least sure ones, is
    /// declined. At least one is answered.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a share that is not from 0 to 1.
    pub fn accuracy(&self, declined: f64) -> Result<f64> {
        if !(0.0..=1.0).contains(&declined) {
            return Err(Error::invalid_setting("declined", declined, "a share from 0 to 1"));
        }
        let all = self.mistakes.len();
        let answered = (all - (declined * all as f64) as usize).max(1);
        Ok((answered - self.mistakes[answered - 1]) as f64 / answered as f64)
    }

    /// Returns the share of samples that are surer than the surest mistake: so many may be answered without a mistake.
    pub fn before_first_mistake(&self) -> f64 {
        self.mistakes.iter().take_while(|&&wrong| wrong == 0).count() as f64 / self.mistakes.len() as f64
    }
}

/// Sums the probabilities of all classes but the answer.
fn doubt(probabilities: &[f64], answer: usize) -> f64 {
    probabilities.iter().enumerate().filter(|(class, _)| *class != answer).map(|(_, probability)| probability).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::binary_predictions as predictions;

    #[test]
    fn the_surest_predictions_are_answered_first() {
        let answers = [
            (0.7, true),
            (0.99, true),
            (0.6, false),
            (0.9, false),
            (0.9, true),
            (0.95, true),
            (0.8, true),
            (0.5, false),
        ];
        let selective = SelectiveAccuracy::of(&predictions(&answers)).unwrap();
        let accuracy = |declined: f64| selective.accuracy(declined).unwrap();
        assert_eq!((accuracy(0.0), accuracy(0.25), accuracy(0.75), accuracy(1.0)), (5.0 / 8.0, 5.0 / 6.0, 1.0, 1.0));
        // Of the two at 0.9, the mistake counts first.
        assert_eq!((accuracy(0.625), selective.before_first_mistake()), (2.0 / 3.0, 0.25));
        assert_eq!(SelectiveAccuracy::of(&predictions(&[(0.9, true)])).unwrap().before_first_mistake(), 1.0);
        for share in [-0.1, 1.1, f64::NAN] {
            let error = selective.accuracy(share).unwrap_err().to_string();
            assert_eq!(error, format!("declined is {share}; expected a share from 0 to 1"));
        }
    }

    #[test]
    fn predictions_that_do_not_fit_are_errors() {
        assert!(SelectiveAccuracy::of(&predictions(&[])).is_err());
        let short = Predictions { predicted: vec![1], ..predictions(&[(0.9, true), (0.8, true)]) };
        assert!(SelectiveAccuracy::of(&short).is_err());
    }
}
