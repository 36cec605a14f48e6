//! What counts of right answers say: the interval of their share, and McNemar's test of two models on the same samples.

use mnist_classification::{Error, Result, training::Predictions};
use puruspe::betai;

/// Returns the 95 % interval of a share, from `count` of `all` (E. Wilson, 1927). Unlike the usual formula it stays
/// within 0 and 1.
///
/// ```
/// use error_analysis::proportion_interval;
/// let [low, high] = proportion_interval(950, 1_000);
/// assert!((low - 0.9347).abs() < 1e-4 && (high - 0.9619).abs() < 1e-4);
/// ```
pub fn proportion_interval(count: usize, all: usize) -> [f64; 2] {
    // The 97.5 % quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let (share, all) = (count as f64 / all as f64, all as f64);
    let (middle, scale) = (share + Z * Z / (2.0 * all), 1.0 + Z * Z / all);
    let reach = Z * (share * (1.0 - share) / all + (Z / (2.0 * all)).powi(2)).sqrt();
    [(middle - reach) / scale, (middle + reach) / scale]
}

/// The samples that one of two models alone gets wrong, and what they say of the difference between the models.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemar {
    /// How many samples only the first model gets wrong.
    pub only_one: usize,
    /// How many only the second one gets wrong.
    pub only_other: usize,
    /// The two-sided p value: how often a fair coin would fall so unevenly (Q. McNemar, 1947; the exact form).
    pub p_value: f64,
}

/// Compares two models that answered the same samples.
///
/// # Errors
/// [`Error::Mismatch`] when the samples are others.
pub fn mcnemar(one: &Predictions, other: &Predictions) -> Result<McNemar> {
    if one.truth != other.truth {
        return Err(Error::mismatch("samples of the second model", "other labels", "those of the first"));
    }
    let answers = one.predicted.iter().zip(&other.predicted).zip(&one.truth);
    let is_wrong: Vec<_> = answers.map(|((one, other), truth)| (one != truth, other != truth)).collect();
    let count = |wanted| is_wrong.iter().filter(|&&wrong| wrong == wanted).count();
    let (only_one, only_other) = (count((true, false)), count((false, true)));
    let (few, all) = (only_one.min(only_other) as f64, (only_one + only_other) as f64);
    // The coin shows the rarer side at most so often: I(1/2; all − few, few + 1).
    let p_value = if 2.0 * few >= all { 1.0 } else { (2.0 * betai(all - few, few + 1.0, 0.5)).min(1.0) };
    Ok(McNemar { only_one, only_other, p_value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_models_are_compared_by_what_one_of_them_alone_gets_wrong() {
        let predictions = |predicted: Vec<usize>| {
            let truth = vec![0; predicted.len()];
            let probabilities = tch::Tensor::zeros([1, 2], (tch::Kind::Float, tch::Device::Cpu));
            let (name, classes) = ("example".into(), mnist_classification::data::Classes::numbered(2));
            Predictions { name, truth, predicted, probabilities, classes }
        };
        let answers = |wrong: [usize; 3]| -> [Vec<usize>; 2] {
            let [both, only_one, only_other] = wrong;
            let of = |first: usize, second: usize| {
                [vec![1; both], vec![first; only_one], vec![second; only_other], vec![0; 9]]
            };
            [of(1, 0).concat(), of(0, 1).concat()]
        };
        // SciPy: binomtest(min(b, c), b + c).pvalue.
        for (wrong, p_value) in [([2, 2, 10], 0.038574), ([5, 3, 3], 1.0), ([1, 0, 6], 0.03125), ([0, 0, 0], 1.0)] {
            let [one, other] = answers(wrong).map(predictions);
            let found = mcnemar(&one, &other).unwrap();
            assert_eq!((found.only_one, found.only_other), (wrong[1], wrong[2]));
            assert!((found.p_value - p_value).abs() < 1e-6, "{found:?}");
        }
        let other = Predictions { truth: vec![1], ..predictions(vec![0]) };
        assert!(mcnemar(&predictions(vec![0]), &other).is_err());
        assert!(proportion_interval(0, 10)[0].abs() < 1e-12);
        assert!((proportion_interval(10, 10)[0] - 0.722_467).abs() < 1e-6);
    }
}
