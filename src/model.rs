//! The networks, forward from samples to logits.

mod batch_norm;
pub(crate) mod layer;
mod network;
mod plan;
mod summary;
pub(crate) mod weights;

use std::path::Path;

use tch::{Device, Tensor};

pub use network::Network;
pub use plan::{Layer, Plan};
pub use summary::Summary;

use crate::{Result, random::Random};

/// What [`fit`](crate::training::fit), [`evaluate`](crate::training::evaluate) and
/// [`predict`](crate::training::predict) need of a network. A network of your own implements the first two methods.
pub trait Model {
    /// Maps a batch of samples, `[batch, features]`, to logits, `[batch, classes]`: the scores before the softmax.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when the inputs do not fit.
    fn forward(&self, inputs: &Tensor) -> Result<Tensor>;

    /// Returns the parameters, which training changes by their gradients, each with its name, in the order of the
    /// layers.
    fn parameters(&self) -> Vec<(String, Tensor)>;

    /// Maps a batch in training, as [`Model::forward`]: for networks with layers that then do something else, such as
    /// dropout. `random` is the training's own, so that the same seed gives the same network.
    ///
    /// # Errors
    /// As [`Model::forward`].
    fn forward_training(&self, inputs: &Tensor, _random: &mut Random) -> Result<Tensor> {
        self.forward(inputs)
    }

    /// Returns the running statistics, which training changes without gradients, each with its name: batch
    /// normalisation's means and variances.
    fn buffers(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    /// Returns the plan that the network was made from, where there is one. It tells one network from another, and
    /// promises what `forward` and `forward_training` compute: training has a faster step for some plans.
    fn plan(&self) -> Option<&Plan> {
        None
    }

    /// Returns parameters, then running statistics.
    fn tensors(&self) -> Vec<(String, Tensor)> {
        self.parameters().into_iter().chain(self.buffers()).collect()
    }

    /// Writes parameters and running statistics as one safetensors file, under names such as `dense_1.kernel`
    /// (`[inputs, outputs]`), and the plan, where there is one, as the file's metadata. `path` ends in `.safetensors`,
    /// or is a folder, which then gets the file `weights.safetensors`.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) for a name that ends as another format's;
    /// [`Error::Io`](crate::Error::Io) when the file cannot be written; a file that was there stays as it was.
    fn save(&self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        weights::check_name(path.as_ref())?;
        weights::write(&weights::file(path.as_ref()), &self.tensors(), self.plan())
    }

    /// Reads what [`Model::save`] wrote of a model of this kind. A network needs no other one to be read:
    /// [`Network::load`].
    ///
    /// # Errors
    /// As [`Network::load`]; the model then stays as it was.
    fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()>
    where
        Self: Sized,
    {
        weights::Stored::read(&weights::file(path.as_ref()))?.copy_into(&self.tensors())
    }

    /// Moves parameters and running statistics to a device.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when the device cannot be used.
    fn to_device(&self, device: Device) -> Result<()> {
        let _guard = tch::no_grad_guard();
        // The tensors stay the same for whoever holds them; what they hold moves, as PyTorch's `Module.to` does it.
        self.tensors()
            .into_iter()
            .try_for_each(|(_, mut tensor)| Ok(tensor.f_set_data(&tensor.f_detach()?.f_to(device)?)?))
    }
}

#[cfg(test)]
mod tests;
