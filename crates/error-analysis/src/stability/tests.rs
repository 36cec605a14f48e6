//! Three networks on six samples, by hand.

use mnist_classification::notebook::Table;
use tch::{Device, Kind, Tensor};

use super::*;

fn predictions(predicted: &[usize]) -> Predictions {
    let truth = [0, 0, 0, 0, 2, 2][..predicted.len()].to_vec();
    let probabilities = Tensor::full([truth.len() as i64, 3], 1.0 / 3.0, (Kind::Float, Device::Cpu));
    let (name, classes) = ("example".into(), Classes::new(["a", "b", "c"]));
    Predictions { name, truth, predicted: predicted.into(), probabilities, classes }
}

fn example() -> [Predictions; 3] {
    [[0, 0, 1, 0, 2, 0], [0, 0, 1, 1, 2, 0], [0, 0, 1, 0, 2, 1]].map(|predicted| predictions(&predicted))
}

#[test]
fn mistakes_are_always_sometimes_or_never_made() {
    let stability = Stability::of(&example()).unwrap();
    assert_eq!(stability.wrong, [0, 0, 3, 1, 0, 3]);
    assert_eq!(stability.always_wrong(), [2, 5]);
    assert_eq!(stability.sometimes_wrong(), [3]);
    assert_eq!(stability.never_wrong(), [0, 1, 4]);
    // One of six between the first and the second, one between the first and the third, two between the others.
    assert!((stability.changes - 4.0 / 18.0).abs() < 1e-12);
    // Class 0: 3, 2 and 3 of 4; the mean 2/3, the deviation 0.25 / √3, and 4.303 / √3 of it to either side. Class 1 has
    // none.
    let [first, last] = stability.classes[..] else { panic!("two classes: {:?}", stability.classes) };
    assert!((first.mean - 2.0 / 3.0).abs() < 1e-12 && (last.mean - 0.5).abs() < 1e-12);
    let reach = 4.302_652_7 * 0.25 / 3.0;
    assert!((first.interval[0] - (2.0 / 3.0 - reach)).abs() < 1e-6, "{first:?}");
    assert!((first.interval[1] - (2.0 / 3.0 + reach)).abs() < 1e-6, "{first:?}");
    assert_eq!((last.class, last.interval), (2, [0.5, 0.5]));
    assert!(stability.frame().unwrap().csv().starts_with("class,accuracy,low,high\na,0.666"));
}

#[test]
fn predictions_that_cannot_be_compared_are_errors() {
    let error = |all: &[Predictions]| Stability::of(all).unwrap_err().to_string();
    assert_eq!(error(&[]), "number of networks is 0; expected at least 2");
    assert_eq!(error(&example()[..1]), "number of networks is 1; expected at least 2");
    let fewer = error(&[predictions(&[0, 0]), predictions(&[0, 0, 0])]);
    assert_eq!(fewer, "predictions: found example, expected the same samples of example");
    let others = Predictions { truth: vec![0, 1], ..predictions(&[0, 0]) };
    assert!(error(&[predictions(&[0, 0]), others]).starts_with("predictions: found example"));
    let short = Predictions { predicted: vec![0], ..predictions(&[0, 0]) };
    assert_eq!(error(&[predictions(&[0, 0]), short]), "predictions: found 1, expected 2, one per sample");
    assert!(error(&[predictions(&[]), predictions(&[])]).contains("is empty"));
}
