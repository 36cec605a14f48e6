//! Suspects worked out by hand, and the votes on MNIST's labels.

use mnist_classification::data::Classes;
use tch::Tensor;

use super::*;

/// Predictions with these labels and these probabilities of three classes.
fn predictions(truth: &[usize], rows: &[[f64; 3]]) -> Predictions {
    let probabilities = Tensor::from_slice(&rows.concat()).reshape([-1, 3]);
    let (name, classes) = ("example".into(), Classes::numbered(3));
    Predictions { name, truth: truth.into(), predicted: vec![0; truth.len()], probabilities, classes }
}

fn example() -> Predictions {
    let rows = [[0.9, 0.1, 0.0], [0.5, 0.4, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.0, 0.9, 0.1]];
    predictions(&[0, 0, 0, 1, 1], &rows)
}

#[test]
fn margins_follow_their_formula_and_the_lowest_come_first() {
    let margins = margins(&example()).unwrap();
    let expected = [0.8, 0.1, -0.7, -0.4, 0.8];
    assert!(margins.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{margins:?}");
    assert_eq!(lowest_margins(&example(), 3).unwrap(), [2, 3, 1]);
    assert_eq!(lowest_margins(&example(), 9).unwrap().len(), 5);
}

#[test]
fn predictions_without_labels_or_with_others_are_errors() {
    let broken = [
        (predictions(&[], &[]), "the data set \"example\" is empty"),
        (predictions(&[0, 1], &[[1.0, 0.0, 0.0]]), "probabilities: found the shape [1, 3], expected [2, 3]"),
        (predictions(&[3], &[[1.0, 0.0, 0.0]]), "class: found 3, expected one of the 3 classes"),
        (predictions(&[0], &[[f64::NAN, 0.0, 0.0]]), "probabilities: found a value that is none"),
    ];
    for (predictions, begin) in broken {
        let error = lowest_margins(&predictions, 1).unwrap_err().to_string();
        assert!(error.starts_with(begin), "{error}");
    }
    let one = Predictions {
        probabilities: Tensor::from_slice(&[1.0]).reshape([1, 1]),
        classes: Classes::numbered(1),
        ..predictions(&[0], &[[1.0, 0.0, 0.0]])
    };
    assert_eq!(margins(&one).unwrap_err().to_string(), "number of classes: found 1, expected at least 2");
}

#[test]
fn fifteen_labels_of_mnist_are_doubted() {
    let votes = Votes::mnist().unwrap();
    assert_eq!(votes.len(), 100);
    let doubted: Vec<_> = votes.iter().filter(|votes| votes.is_doubted()).map(|votes| votes.sample).collect();
    assert_eq!(doubted, [947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729]);
    for votes in votes {
        let twice = if votes.label == votes.guess { votes.for_guess } else { 0 };
        assert_eq!(votes.for_label + votes.for_guess + votes.for_neither - twice, 5, "{votes:?}");
    }
}
