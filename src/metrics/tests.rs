//! Confidence against accuracy, worked out by hand.

use tch::Tensor;

use super::calibration::{Bin, Calibration, at_temperature, fit_temperature};
use crate::{examples::binary_predictions as predictions, training::Predictions};

#[test]
fn bins_hold_each_sample_once_and_certainty_lies_in_the_last() {
    let calibration = Calibration::of(&predictions(&[(0.61, true), (0.65, false), (0.95, true), (1.0, true)])).unwrap();
    // 0.6 to 0.667 is the tenth of fifteen bins, 0.933 to 1 the last.
    let expected = [
        (9, Bin { count: 2, confidence: 0.63, accuracy: 0.5 }),
        (14, Bin { count: 2, confidence: 0.975, accuracy: 1.0 }),
    ];
    for (place, bin) in calibration.bins.iter().enumerate() {
        let expected = expected.iter().find(|(other, _)| *other == place).map_or(Bin::default(), |(_, bin)| *bin);
        assert_eq!((bin.count, bin.accuracy), (expected.count, expected.accuracy), "bin {place}");
        assert!((bin.confidence - expected.confidence).abs() < 1e-12, "bin {place}: {bin:?}");
    }
    assert!((calibration.expected_error - (2.0 * 0.13 + 2.0 * 0.025) / 4.0).abs() < 1e-12);
    let loss = -(0.61_f64.ln() + 0.35_f64.ln() + 0.95_f64.ln()) / 4.0;
    assert!((calibration.loss - loss).abs() < 1e-12);
}

/// Three of four are right at a confidence of 0.9: the loss is lowest where it says 0.75, ln 9 / T = ln 3, so T = 2.
#[test]
fn a_temperature_brings_confidence_to_the_accuracy() {
    let sure = predictions(&[(0.9, true), (0.9, true), (0.9, false), (0.9, true)]);
    let temperature = fit_temperature(&sure).unwrap();
    assert!((temperature - 2.0).abs() < 1e-6, "{temperature}");
    let calibrated = at_temperature(&sure, temperature).unwrap();
    assert!((calibrated.probabilities.double_value(&[0, 1]) - 0.75).abs() < 1e-6);
    assert_eq!((&calibrated.predicted, &calibrated.truth), (&sure.predicted, &sure.truth));
    assert!(Calibration::of(&calibrated).unwrap().expected_error < 1e-6);
    assert!((fit_temperature(&calibrated).unwrap() - 1.0).abs() < 1e-6);
}

#[test]
fn predictions_that_do_not_fit_are_errors() {
    let text = |error: crate::Error| error.to_string();
    let right = predictions(&[(0.9, true), (0.8, true)]);
    assert!(
        text(fit_temperature(&right).unwrap_err()).starts_with("the temperature is below 0.01; expected 0.01 to 100")
    );
    let wrong = predictions(&[(0.9, false), (0.8, false)]);
    assert!(text(fit_temperature(&wrong).unwrap_err()).starts_with("the temperature is above 100"));
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = text(at_temperature(&right, temperature).unwrap_err());
        assert_eq!(error, format!("the temperature is {temperature}; expected a number above 0"));
    }
    let short = Predictions { predicted: vec![1], ..predictions(&[(0.9, true), (0.8, true)]) };
    let flat = Predictions { probabilities: Tensor::from_slice(&[0.9, 0.1]), ..predictions(&[(0.9, true)]) };
    let above = predictions(&[(1.5, true)]);
    for broken in [predictions(&[]), short, flat, above] {
        assert!(Calibration::of(&broken).is_err() && fit_temperature(&broken).is_err());
        assert!(at_temperature(&broken, 1.0).is_err());
    }
}
