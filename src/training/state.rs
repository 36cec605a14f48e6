//! The tensors that a training changes, with the weights of the best epoch where they are asked for.

use tch::Tensor;

use crate::Result;

/// What changes in a training, each tensor with its name: the tensors themselves, not copies.
pub(super) struct State {
    /// The model's parameters and running statistics.
    pub(super) weights: Vec<(String, Tensor)>,
    /// The optimizer's running averages.
    pub(super) averages: Vec<(String, Tensor)>,
    /// Parameters and running statistics of the best epoch, where they are asked for.
    pub(super) best: Vec<(String, Tensor)>,
}

impl State {
    /// Lists the parts that have any tensors, each with its name.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, &Vec<(String, Tensor)>)> {
        let parts = [("weights", &self.weights), ("averages", &self.averages), ("best", &self.best)];
        parts.into_iter().filter(|(_, tensors)| !tensors.is_empty())
    }

    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.parts().flat_map(|(_, tensors)| tensors.iter().map(|(_, tensor)| tensor))
    }

    /// Copies the values as they are now.
    pub(super) fn copy(&self) -> Vec<Tensor> {
        self.tensors().map(|tensor| tensor.detach().copy()).collect()
    }

    /// Puts the values of an earlier [`State::copy`] back.
    pub(super) fn restore(&self, copies: &[Tensor]) -> Result<()> {
        copy_all(copies.iter().zip(self.tensors()))
    }

    /// Starts to keep the best epoch's weights, with those of now.
    pub(super) fn track_best(&mut self) {
        self.best = self.weights.iter().map(|(name, tensor)| (name.clone(), tensor.detach().copy())).collect();
    }

    /// Notes the weights of now as the best.
    pub(super) fn record_best(&self) -> Result<()> {
        copy_all(self.weights.iter().zip(&self.best).map(|((_, from), (_, to))| (from, to)))
    }

    /// Gives the model the best weights.
    pub(super) fn restore_best(&self) -> Result<()> {
        copy_all(self.best.iter().zip(&self.weights).map(|((_, from), (_, to))| (from, to)))
    }
}

fn copy_all<'a>(mut pairs: impl Iterator<Item = (&'a Tensor, &'a Tensor)>) -> Result<()> {
    let _guard = tch::no_grad_guard();
    pairs.try_for_each(|(from, to)| Ok(to.shallow_clone().f_copy_(from)?))
}
