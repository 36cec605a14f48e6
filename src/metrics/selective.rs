//! Selective prediction: how accurate a model is that may decline the samples it is least sure of.

use tch::Kind;

use crate::{Error, Result, training::Predictions};

/// Predictions from the surest to the least sure one (Y. Geifman, R. El-Yaniv, 2017).
#[derive(Clone, Debug, PartialEq)]
pub struct Selective {
    /// Of the surest predictions, one after the other, how many are wrong up to there.
    mistakes: Vec<usize>,
}

impl Selective {
    /// Orders the predictions by the probability that is left for the other classes, which keeps its digits where that of
    /// the prediction rounds to 1. Of equally sure ones the wrong ones come first, so that no order flatters.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the predictions do not fit together; [`Error::Empty`] when there is none.
    pub fn of(predictions: &Predictions) -> Result<Self> {
        predictions.check()?;
        let rows = Vec::<Vec<f64>>::try_from(predictions.probabilities.to_kind(Kind::Double))?;
        let answers = rows.iter().zip(&predictions.predicted).zip(&predictions.truth);
        let mut answers: Vec<_> =
            answers.map(|((row, answer), truth)| (doubt(row, *answer), answer == truth)).collect();
        answers.sort_by(|(one, right), (other, also)| one.total_cmp(other).then(right.cmp(also)));
        let mut wrong = 0;
        let count = |(_, right): (f64, bool)| {
            wrong += usize::from(!right);
            wrong
        };
        Ok(Self { mistakes: answers.into_iter().map(count).collect() })
    }

    /// The accuracy, from 0 to 1, on the samples that are left when this share of them, the least sure ones, is declined.
    /// At least one is answered.
    ///
    /// # Errors
    /// [`Error::Setting`] for a share that is not from 0 to 1.
    pub fn accuracy(&self, declined: f64) -> Result<f64> {
        if !(0.0..=1.0).contains(&declined) {
            let (found, expected) = (declined.to_string(), "a share from 0 to 1".into());
            return Err(Error::Setting { setting: "declined", found, expected });
        }
        let all = self.mistakes.len();
        let answered = (all - (declined * all as f64) as usize).max(1);
        Ok((answered - self.mistakes[answered - 1]) as f64 / answered as f64)
    }

    /// The share of samples that are surer than the surest mistake: so many may be answered without a mistake.
    pub fn before_first_mistake(&self) -> f64 {
        self.mistakes.iter().take_while(|&&wrong| wrong == 0).count() as f64 / self.mistakes.len() as f64
    }
}

/// The probability of all classes but the answer.
fn doubt(probabilities: &[f64], answer: usize) -> f64 {
    probabilities.iter().enumerate().filter(|(class, _)| *class != answer).map(|(_, probability)| probability).sum()
}
