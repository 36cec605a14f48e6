//! Several networks that answer together.

use mnist_classification::{
    prelude::*,
    tch::{Kind, Tensor},
};

/// Trained networks whose probabilities are averaged; `evaluate` and `predict` take it as any other model.
pub struct Ensemble {
    members: Vec<Box<dyn Model>>,
}

impl Ensemble {
    /// Lets these networks answer together.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] when there is none.
    pub fn new(members: Vec<Box<dyn Model>>) -> Result<Self> {
        if members.is_empty() {
            return Err(Error::invalid_setting("an ensemble", "empty", "at least one network"));
        }
        Ok(Self { members })
    }

    fn named(&self, tensors: impl Fn(&dyn Model) -> Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
        let members = self.members.iter().zip(1..);
        let named = |number: i32, (name, tensor): (String, Tensor)| (format!("{number}.{name}"), tensor);
        members.flat_map(|(model, number)| tensors(&**model).into_iter().map(move |each| named(number, each))).collect()
    }
}

impl Model for Ensemble {
    /// The logarithm of the mean probability of each class.
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        let logarithms = |model: &dyn Model| Ok(model.forward(inputs)?.f_log_softmax(1, Kind::Float)?);
        let answers = self.members.iter().map(|model| logarithms(&**model)).collect::<Result<Vec<_>>>()?;
        // Through the logarithms, so that no probability is too small for a float.
        Ok(Tensor::f_stack(&answers, 0)?.f_logsumexp([0].as_slice(), false)? - (answers.len() as f64).ln())
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.named(|model| model.parameters())
    }

    fn buffers(&self) -> Vec<(String, Tensor)> {
        self.named(|model| model.buffers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ensemble_averages_probabilities() {
        let [one, other] = [1, 2].map(|seed| Network::mlp([784, 16, 10], seed).unwrap());
        let inputs = Dataset::drawn(0).unwrap().test.preprocess().inputs.narrow(0, 0, 7);
        let probabilities = |model: &dyn Model| model.forward(&inputs).unwrap().softmax(1, Kind::Float).detach();
        let expected = (probabilities(&one) + probabilities(&other)) / 2.0;
        let ensemble = Ensemble::new(vec![Box::new(one), Box::new(other)]).unwrap();
        let difference = (probabilities(&ensemble) - expected).abs().max().double_value(&[]);
        assert!(difference < 1e-6, "{difference}");
        let empty = Ensemble::new(Vec::new()).err().unwrap().to_string();
        assert_eq!(empty, "an ensemble is empty; expected at least one network");
    }
}
