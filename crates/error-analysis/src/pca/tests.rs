//! Components that can be seen by eye, and inputs that have none.

use mnist_classification::model::{Model, Network};

use super::*;

#[test]
fn components_lie_where_the_samples_differ() {
    // Points on a line through (1, 2) in the direction (−3, −4), and a little across it, as (0.4, −0.3) is.
    let points = [[1.0, 2.0], [4.0, 6.0], [-2.0, -2.0], [1.4, 1.7], [0.6, 2.3_f64]];
    let samples = Tensor::from_slice(&points.concat()).reshape([5, 2]);
    let components = Pca::fit(&samples, 2).unwrap();
    let close = |found: &Tensor, expected: &[f64]| {
        let found = Vec::<f64>::try_from(found.reshape([-1])).unwrap();
        assert!(found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-9), "{found:?}");
    };
    close(&components.mean, &[1.0, 2.0]);
    // The largest entry is positive.
    close(&components.directions, &[0.6, 0.8, 0.8, -0.6]);
    // Squares along: 2 · 5²; across: 2 · 0.5².
    let shares = [50.0 / 50.5, 0.5 / 50.5];
    assert!(components.explained.iter().zip(shares).all(|(found, share)| (found - share).abs() < 1e-9));
    close(&components.project(&samples).unwrap(), &[0.0, 0.0, 5.0, 0.0, -5.0, 0.0, 0.0, 0.5, 0.0, -0.5]);
}

#[test]
fn samples_without_components_are_errors() {
    let samples = |rows, features| Tensor::rand([rows, features], (Kind::Float, Device::Cpu));
    let error = |samples: &Tensor, count| Pca::fit(samples, count).unwrap_err().to_string();
    assert_eq!(error(&samples(5, 3), 4), "count is 4; expected 1 to 3, for 5 samples of 3 features");
    assert_eq!(error(&samples(2, 3), 2), "count is 2; expected 1 to 1, for 2 samples of 3 features");
    assert!(error(&samples(5, 3), 0).starts_with("count is 0"));
    assert!(error(&samples(0, 3), 1).starts_with("count is 1") && error(&samples(1, 0), 1).starts_with("count is 1"));
    assert!(error(&samples(6, 2).reshape([3, 2, 2]), 1).starts_with("samples: found the shape [3, 2, 2]"));
    let nan = samples(5, 3) * f64::NAN;
    assert_eq!(error(&nan, 1), "samples: found a value that is NaN or infinite, expected finite numbers");
    // Samples that are all the same differ in no direction.
    let same = Pca::fit(&Tensor::ones([4, 3], (Kind::Float, Device::Cpu)), 1).unwrap();
    assert_eq!(same.explained, [0.0]);
    assert!(same.project(&samples(4, 2)).is_err());
}

#[test]
fn the_last_hidden_layer_is_what_the_last_dense_layer_takes() {
    let samples = Samples::new(
        "example",
        Tensor::rand([300, 6], (Kind::Float, Device::Cpu)),
        Tensor::zeros([300], (Kind::Int64, Device::Cpu)),
    )
    .unwrap();
    let model = Network::mlp([6, 4, 3], 1).unwrap();
    let hidden = last_hidden(&model, &samples).unwrap();
    assert_eq!((hidden.size(), hidden.requires_grad()), (vec![300, 4], false));
    let dense = &model.parameters()[2..];
    let logits = hidden.matmul(&dense[0].1) + &dense[1].1;
    let difference = (logits - model.forward(&samples.inputs).unwrap()).abs().max();
    assert!(difference.double_value(&[]) < 1e-5);
    // Without a hidden layer, it takes the samples themselves.
    assert_eq!(last_hidden(&Network::mlp([6, 3], 1).unwrap(), &samples).unwrap(), samples.inputs);
    let error = last_hidden(&Network::new([6], [Layer::Relu], 1).unwrap(), &samples).unwrap_err().to_string();
    assert_eq!(error, "the network is [6] → Relu; expected one with a dense layer");
    assert!(last_hidden(&Network::mlp([5, 4, 3], 1).unwrap(), &samples).is_err());
}
