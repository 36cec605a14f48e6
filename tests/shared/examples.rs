//! Small samples, predictions and a model that the tests of several crates share, each a part of them.

#![allow(dead_code)]

use mnist_classification::{
    Result,
    data::{Classes, Images},
    model::Model,
    training::Predictions,
};
use tch::{Device, Kind, Tensor};

/// A model of one's own, whose logits are a product with its kernel, `[inputs, classes]`.
pub struct Linear(pub Tensor);

impl Model for Linear {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        Ok(inputs.f_matmul(&self.0)?)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        vec![("kernel".into(), self.0.shallow_clone())]
    }
}

/// Four digits of 2 × 3 pixels, each with one pixel of ink.
pub fn four_digits() -> Images {
    let mut pixels = vec![0_u8; 24];
    (0..4).for_each(|index| pixels[index * 6 + index] = 200);
    let images = Tensor::from_slice(&pixels).reshape([4, 2, 3]);
    let labels = Tensor::from_slice(&[1_i64, 2, 3, 4]);
    Images { name: "four <digits>".into(), images, labels, classes: Classes::numbered(10) }
}

/// Predictions of these digits: the second and fourth are wrong, and the fourth is the surer mistake.
pub fn four_predictions() -> Predictions {
    let confidence = [(1, 0.9), (7, 0.5), (3, 0.99), (9, 0.6)];
    let probabilities = Tensor::zeros([4, 10], (Kind::Float, Device::Cpu));
    for (index, &(class, probability)) in confidence.iter().enumerate() {
        let _ = probabilities.get(index as i64).get(class as i64).fill_(probability);
    }
    let predicted = confidence.map(|(class, _)| class).to_vec();
    let (name, truth, classes) = ("four <digits>".into(), vec![1, 2, 3, 4], Classes::numbered(10));
    Predictions { name, truth, predicted, probabilities, classes }
}

/// Predictions of class 1 among two, with these confidences; each right or wrong.
pub fn binary_predictions(answers: &[(f64, bool)]) -> Predictions {
    let rows: Vec<_> = answers.iter().flat_map(|(confidence, _)| [1.0 - confidence, *confidence]).collect();
    Predictions {
        name: "example".into(),
        truth: answers.iter().map(|(_, right)| usize::from(*right)).collect(),
        predicted: vec![1; answers.len()],
        probabilities: Tensor::from_slice(&rows).reshape([-1, 2]),
        classes: Classes::numbered(2),
    }
}
