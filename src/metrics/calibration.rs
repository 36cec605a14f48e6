//! Calibration: whether a model is right as often as it is sure, and a temperature that makes it so.

use tch::{Device, Kind, Tensor};

use crate::{Error, Result, training::Predictions};

/// How many bins the confidence is counted in.
const BINS: usize = 15;
/// Between these a temperature is looked for.
const LOWEST: f64 = 0.01;
const HIGHEST: f64 = 100.0;

/// The samples whose confidence lies within one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many there are.
    pub count: usize,
    /// The mean probability of their predictions; 0 where there are none.
    pub confidence: f64,
    /// The share of right predictions among them; 0 where there are none.
    pub accuracy: f64,
}

/// How a model's confidence, the probability of its prediction, compares with its accuracy.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Fifteen bins of equal width from 0 to 1; a bin takes its lower edge, the last one also 1.
    pub bins: Vec<Bin>,
    /// The expected calibration error (M. Naeini and others, 2015): the mean over the samples of |accuracy −
    /// confidence| of their bins, from 0 to 1.
    pub expected_error: f64,
    /// The mean negative log-likelihood of the true classes, in nats.
    pub loss: f64,
}

impl Calibration {
    /// Measures the predictions.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the predictions do not fit together; [`Error::Empty`] when there is none.
    pub fn of(predictions: &Predictions) -> Result<Self> {
        predictions.check()?;
        let mut bins = vec![Bin::default(); BINS];
        let confidences = Vec::<f64>::try_from(predictions.probabilities.f_amax(1, false)?.to_kind(Kind::Double))?;
        let answers = predictions.predicted.iter().zip(&predictions.truth);
        for (confidence, (predicted, truth)) in confidences.into_iter().zip(answers) {
            let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
            bin.count += 1;
            bin.confidence += confidence;
            bin.accuracy += f64::from(u8::from(predicted == truth));
        }
        for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
            bin.confidence /= bin.count as f64;
            bin.accuracy /= bin.count as f64;
        }
        let gap = |bin: &Bin| (bin.accuracy - bin.confidence).abs() * bin.count as f64;
        let expected_error = bins.iter().map(gap).sum::<f64>() / predictions.truth.len() as f64;
        let loss = -mean_of_truth(&log_probabilities(predictions)?, predictions)?;
        Ok(Self { bins, expected_error, loss })
    }
}

/// Finds the temperature at which the predictions' loss is lowest (C. Guo and others, 2017): above 1 for a model that
/// is too sure. It is fitted on validation samples, and [`at_temperature`] then applies it to others.
///
/// # Errors
/// As [`Calibration::of`]; [`Error::InvalidSetting`] when the loss falls on beyond 0.01 or 100, as it does without any
/// mistake.
pub fn fit_temperature(validation: &Predictions) -> Result<f64> {
    validation.check()?;
    let logits = log_probabilities(validation)?;
    let of_truth = mean_of_truth(&logits, validation)?;
    // The loss is convex in 1 / temperature; its slope there is the mean of the expected logit minus the true class's.
    let slope = |temperature: f64| -> Result<f64> {
        let expected = logits.f_div_scalar(temperature)?.f_softmax(1, Kind::Double)?.f_mul(&logits)?;
        let expected = expected.f_sum_dim_intlist([1].as_slice(), false, Kind::Double)?.f_mean(Kind::Double)?;
        Ok(expected.double_value(&[]) - of_truth)
    };
    let (mut low, mut high) = (LOWEST, HIGHEST);
    while high / low > 1.0 + 1e-9 {
        let middle = (low * high).sqrt();
        // A positive slope says that 1 / temperature should be smaller.
        if slope(middle)? > 0.0 { low = middle } else { high = middle }
    }
    if low > LOWEST && high < HIGHEST {
        return Ok((low * high).sqrt());
    }
    let found = if low > LOWEST { format!("above {HIGHEST}") } else { format!("below {LOWEST}") };
    let expected = format!("{LOWEST} to {HIGHEST}; more samples, with mistakes among them, may give one");
    Err(Error::invalid_setting("the temperature", found, expected))
}

/// Returns the same predictions with the probabilities that the logits divided by `temperature` give; what is predicted
/// stays.
///
/// # Errors
/// As [`Calibration::of`]; [`Error::InvalidSetting`] for a temperature that is not above 0.
pub fn at_temperature(predictions: &Predictions, temperature: f64) -> Result<Predictions> {
    predictions.check()?;
    if !(temperature > 0.0 && temperature.is_finite()) {
        return Err(Error::invalid_setting("the temperature", temperature, "a number above 0"));
    }
    // The logarithms of probabilities are the logits less a number that is the same for all classes, which cancels out.
    let probabilities = log_probabilities(predictions)?.f_div_scalar(temperature)?.f_softmax(1, Kind::Double)?;
    Ok(Predictions {
        name: predictions.name.clone(),
        truth: predictions.truth.clone(),
        predicted: predictions.predicted.clone(),
        probabilities: probabilities.to_kind(predictions.probabilities.kind()),
        classes: predictions.classes.clone(),
    })
}

/// Returns `[samples, classes]`, 64-bit floats.
fn log_probabilities(predictions: &Predictions) -> Result<Tensor> {
    let probabilities = &predictions.probabilities;
    // What was too small for a float is not impossible.
    let smallest = if probabilities.kind() == Kind::Double { f64::MIN_POSITIVE } else { f32::MIN_POSITIVE.into() };
    Ok(probabilities.f_to_device(Device::Cpu)?.to_kind(Kind::Double).f_clamp_min(smallest)?.f_log()?)
}

/// Returns the mean log-probability of the true classes.
fn mean_of_truth(log_probabilities: &Tensor, predictions: &Predictions) -> Result<f64> {
    let truth: Vec<_> = predictions.truth.iter().map(|&class| class as i64).collect();
    let of_truth = log_probabilities.f_gather(1, &Tensor::f_from_slice(&truth)?.f_unsqueeze(1)?, false)?;
    Ok(of_truth.f_mean(Kind::Double)?.double_value(&[]))
}
