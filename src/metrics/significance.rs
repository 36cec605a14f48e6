//! Statistics of a few numbers: mean and deviation, Welch's t test with its interval, Holm's correction.

use puruspe::{betai, invbetai};

/// A difference is clear when its p value is below this; intervals cover the rest, 95 %.
pub const LEVEL: f64 = 0.05;

/// Returns the mean, where there is any number.
pub fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Returns the standard deviation of a sample (divided by n − 1), where there are at least two numbers.
pub fn deviation(numbers: &[f64]) -> Option<f64> {
    let middle = mean(numbers)?;
    let squares: f64 = numbers.iter().map(|number| (number - middle).powi(2)).sum();
    (numbers.len() > 1).then(|| (squares / (numbers.len() - 1) as f64).sqrt())
}

/// Returns the 95 % confidence interval of a mean, by Student's t, where there are at least two numbers.
pub fn mean_interval(numbers: &[f64]) -> Option<[f64; 2]> {
    let (mean, deviation, count) = (mean(numbers)?, deviation(numbers)?, numbers.len() as f64);
    let reach = quantile(count - 1.0) * deviation / count.sqrt();
    Some([mean - reach, mean + reach])
}

/// Welch's t test: do two samples have the same mean? Their variances may differ, and so may their sizes
/// (B. Welch, 1947).
///
/// ```
/// use mnist_classification::metrics::significance::Welch;
/// let test = Welch::new(&[98.4, 98.5, 98.6], &[98.0, 98.1, 98.3, 98.2]).unwrap();
/// assert!((test.difference - 0.35).abs() < 1e-9 && test.p_value < 0.05);
/// assert!(test.interval[0] > 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// The first sample's mean minus the second's.
    pub difference: f64,
    /// The standard error of the difference, √(s₁² / n₁ + s₂² / n₂).
    pub standard_error: f64,
    /// ν, the degrees of freedom (F. Satterthwaite, 1946):
    /// (s₁² / n₁ + s₂² / n₂)² / ((s₁² / n₁)² / (n₁ − 1) + (s₂² / n₂)² / (n₂ − 1)).
    pub degrees_of_freedom: f64,
    /// The two-sided p value: how often chance alone would give so large a difference, in either direction.
    pub p_value: f64,
    /// The 95 % confidence interval of the difference.
    pub interval: [f64; 2],
}

impl Welch {
    /// Compares two samples; nothing where one has fewer than two numbers, or neither varies.
    pub fn new(sample: &[f64], other: &[f64]) -> Option<Self> {
        let squared_error = |numbers: &[f64]| Some(deviation(numbers)?.powi(2) / numbers.len() as f64);
        let (one, two) = (squared_error(sample)?, squared_error(other)?);
        let freedom = |squared: f64, count: usize| squared.powi(2) / (count - 1) as f64;
        let degrees_of_freedom = (one + two).powi(2) / (freedom(one, sample.len()) + freedom(two, other.len()));
        let (difference, standard_error) = (mean(sample)? - mean(other)?, (one + two).sqrt());
        if !(difference.is_finite() && degrees_of_freedom.is_finite()) {
            return None;
        }
        let reach = quantile(degrees_of_freedom) * standard_error;
        let interval = [difference - reach, difference + reach];
        let p_value = p_value(difference / standard_error, degrees_of_freedom);
        Some(Self { difference, standard_error, degrees_of_freedom, p_value, interval })
    }
}

/// Corrects the p values of several tests as S. Holm (1979) does: the smallest is multiplied by their number, the
/// next by one less, and so on; none falls below the one before. The chance of even one false alarm then stays below
/// the level at which the corrected values are judged.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..p_values.len()).collect();
    order.sort_by(|&one, &other| p_values[one].total_cmp(&p_values[other]));
    let (mut corrected, mut highest) = (vec![0.0; p_values.len()], 0.0_f64);
    for (rank, index) in order.into_iter().enumerate() {
        highest = highest.max(p_values[index] * (p_values.len() - rank) as f64).min(1.0);
        corrected[index] = highest;
    }
    corrected
}

/// Returns the probability that Student's t lies further from 0 than this, in either direction: I(ν / (ν + t²); ν/2,
/// 1/2), where I is the regularized incomplete beta function.
fn p_value(t: f64, degrees: f64) -> f64 {
    betai(degrees / 2.0, 0.5, degrees / (degrees + t.powi(2)))
}

/// Returns how far from 0 Student's t lies, in either direction, with a probability of [`LEVEL`]: the inverse of
/// [`p_value`].
fn quantile(degrees: f64) -> f64 {
    let share = invbetai(LEVEL, degrees / 2.0, 0.5);
    (degrees * (1.0 - share) / share).sqrt()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// What SciPy makes of the same numbers: `tests/reference/statistics.py` writes it.
    #[derive(Deserialize)]
    struct Reference {
        baseline: Vec<f64>,
        experiments: Vec<Experiment>,
        /// Degrees of freedom and the 97.5 % quantile of Student's t.
        quantiles: Vec<(f64, f64)>,
        /// t, degrees of freedom and the two-sided p value.
        p_values: Vec<(f64, f64, f64)>,
    }

    #[derive(Deserialize)]
    struct Experiment {
        name: String,
        accuracies: Vec<f64>,
        t: f64,
        degrees: f64,
        p_value: f64,
        interval: [f64; 2],
        holm: f64,
    }

    fn reference() -> Reference {
        serde_json::from_str(include_str!("../../tests/reference/statistics.json")).unwrap()
    }

    /// Relative, so that it holds for tiny p values, too.
    fn assert_close(found: f64, expected: f64, what: &str) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{what}: {found}, SciPy {expected}");
    }

    #[test]
    fn welch_and_holm_are_those_of_scipy() {
        let reference = reference();
        let welch = |experiment: &Experiment| Welch::new(&experiment.accuracies, &reference.baseline).unwrap();
        let p_values: Vec<_> = reference.experiments.iter().map(|each| welch(each).p_value).collect();
        assert!(p_values.len() >= 20);
        for (experiment, corrected) in reference.experiments.iter().zip(holm(&p_values)) {
            let (name, welch) = (&experiment.name, welch(experiment));
            assert_close(welch.difference / welch.standard_error, experiment.t, name);
            assert_close(welch.degrees_of_freedom, experiment.degrees, name);
            assert_close(welch.p_value, experiment.p_value, name);
            assert_close(corrected, experiment.holm, name);
            for (found, expected) in welch.interval.into_iter().zip(experiment.interval) {
                assert_close(found, expected, name);
            }
        }
    }

    #[test]
    fn students_t_is_that_of_scipy() {
        let Reference { quantiles, p_values, .. } = reference();
        assert!(quantiles.len() > 100 && p_values.len() > 100);
        for (degrees, expected) in quantiles {
            assert_close(quantile(degrees), expected, &format!("quantile, {degrees} degrees of freedom"));
        }
        for (t, degrees, expected) in p_values {
            assert_close(p_value(t, degrees), expected, &format!("p value, t = {t}, {degrees} degrees of freedom"));
        }
    }

    /// An example small enough to follow by hand.
    #[test]
    fn holm_multiplies_the_smallest_most_and_keeps_the_order() {
        let rounded: Vec<_> = holm(&[0.01, 0.04, 0.03, 0.9]).iter().map(|p| (p * 1e6).round() / 1e6).collect();
        // 4 · 0.01, then 3 · 0.03; 2 · 0.04 would be below that.
        assert_eq!(rounded, [0.04, 0.09, 0.09, 0.9]);
        assert_eq!(holm(&[0.6, 0.7]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn too_few_numbers_give_no_test() {
        assert_eq!(Welch::new(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(Welch::new(&[1.0, 1.0], &[2.0, 2.0]), None);
        assert_eq!(Welch::new(&[1.0, f64::NAN], &[2.0, 3.0]), None);
        assert_eq!((mean(&[]), deviation(&[1.0]), mean_interval(&[1.0])), (None, None, None));
    }

    /// Of 1, 2, 3: the mean 2, the deviation 1, and 4.303 / √3 to either side.
    #[test]
    fn an_interval_of_a_mean_is_students() {
        let [low, high] = mean_interval(&[1.0, 2.0, 3.0]).unwrap();
        assert!((low + 0.484).abs() < 1e-3 && (high - 4.484).abs() < 1e-3, "{low} {high}");
    }
}
