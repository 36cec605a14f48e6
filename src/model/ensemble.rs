//! Several networks that answer together.

use tch::{Kind, Tensor};

use super::Model;
use crate::Result;

/// Trained networks whose probabilities are averaged; [`evaluate`](crate::training::evaluate) and
/// [`predict`](crate::training::predict) take it as any other model. It has at least one network.
pub struct Ensemble(pub Vec<Box<dyn Model>>);

impl Model for Ensemble {
    /// The logarithm of the mean probability of each class.
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        let probabilities = |model: &Box<dyn Model>| Ok(model.forward(inputs)?.f_softmax(1, Kind::Float)?);
        let answers = self.0.iter().map(probabilities).collect::<Result<Vec<_>>>()?;
        Ok(Tensor::f_stack(&answers, 0)?.f_mean_dim([0].as_slice(), false, Kind::Float)?.f_log()?)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        let members = self.0.iter().zip(1..);
        let named = |number: i32, (name, tensor): (String, Tensor)| (format!("{number}.{name}"), tensor);
        members
            .flat_map(|(model, number)| model.parameters().into_iter().map(move |each| named(number, each)))
            .collect()
    }
}
