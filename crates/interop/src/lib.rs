//! Exports networks to other programs and imports theirs.
//!
//! - [`Export`] writes a network: as ONNX, or as weights for PyTorch or Keras. [`Onnx`] has the options.
//! - [`Import`] reads one: an ONNX file as a whole, PyTorch's and Keras' weights into a plan.
//! - [`pytorch_code`] and [`keras_code`] write a plan as Python code: the model that takes the weights.
//!
//! ```
//! use interop::prelude::*;
//! use mnist_classification::{model::Layer::*, prelude::*};
//!
//! let convolution = Convolution { channels: 4, size: 3, stride: 1, padding: 1 };
//! let network = Network::new([1, 28, 28], [convolution, MaxPool(2), BatchNorm, Relu, Flatten, Dense(10)], 0)?;
//! let folder = std::path::Path::new("../../target/doc-example");
//! network.save_onnx(folder.join("model.onnx"))?;
//! network.save_pytorch(folder.join("model.safetensors"))?;
//! network.save_keras(folder.join("model.npz"))?;
//!
//! let same = Network::load_onnx(folder.join("model.onnx"))?;
//! assert_eq!(same.plan(), network.plan());
//! let same = Network::load_pytorch(folder.join("model.safetensors"), network.plan())?;
//! let same = Network::load_keras(folder.join("model.npz"), network.plan())?;
//! # Ok::<(), Error>(())
//! ```

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod archive;
mod code;
mod keras;
mod npz;
mod onnx;
mod parts;
mod pickle;
mod pytorch;

use std::path::Path;

use mnist_classification::{
    Error, Result,
    model::{Model, Network, Plan},
};

pub use code::{keras_code, pytorch_code};
pub use onnx::Onnx;
pub use pytorch::pytorch_modules;

/// What a notebook needs, in one line: `use interop::prelude::*;`
pub mod prelude {
    pub use crate::{Export, Import, Onnx, keras_code, pytorch_code};
}

/// Writes a network in other programs' formats. Files are written whole or not at all.
pub trait Export: Model + Sized {
    /// Writes the network as ONNX: from a batch of samples to logits, without its dropout. [`Onnx`] has options.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a model without a plan, which alone says what it computes; [`Error::Io`] when the
    /// file cannot be written.
    fn save_onnx(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        Onnx::of(self).save(file)
    }

    /// Writes parameters and running statistics as safetensors, with the names and layouts of [`pytorch_code`]'s
    /// `nn.Sequential`: `model.load_state_dict(safetensors.torch.load_file(…))`.
    ///
    /// # Errors
    /// As [`Export::save_onnx`].
    fn save_pytorch(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        pytorch::save(self, file.as_ref())
    }

    /// Writes parameters and running statistics as NumPy's archive, in the order of the weights of the model that
    /// [`keras_code`] has: `model.set_weights(list(numpy.load(…).values()))`.
    ///
    /// # Errors
    /// As [`Export::save_onnx`].
    fn save_keras(&self, file: impl AsRef<Path>) -> Result<(), Error> {
        keras::save(self, file.as_ref())
    }
}

impl<M: Model> Export for M {}

/// Reads a network from other programs' formats.
pub trait Import: Sized {
    /// Reads an ONNX file, as PyTorch, Keras, tf2onnx and [`Export::save_onnx`] write it for layers that a [`Plan`] can
    /// have. A softmax at the end is left out. Pictures are taken as `[channels, height, width]`, also where the file
    /// has the channels last.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`], or [`Error::Malformed`] naming the first node that is no layer of a plan.
    fn load_onnx(file: impl AsRef<Path>) -> Result<Self, Error>;

    /// Reads the weights of a PyTorch model with these layers: a state dict that `safetensors.torch.save_file` or
    /// `torch.save` wrote. Any names will do. Layers of the same shape need names that differ only in their numbers:
    /// these give the order, and [`pytorch_modules`] shows it.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`], or [`Error::Malformed`] naming the tensor that is missing or does not fit;
    /// [`Error::InvalidSetting`] for a plan that cannot work.
    fn load_pytorch(file: impl AsRef<Path>, plan: &Plan) -> Result<Self, Error>;

    /// Reads the weights of a Keras model with these layers: `numpy.savez(file, *model.get_weights())`. Batch
    /// normalisations have Keras' default ε of 0.001, and pictures are `[height, width, channels]`.
    ///
    /// # Errors
    /// As [`Import::load_pytorch`].
    fn load_keras(file: impl AsRef<Path>, plan: &Plan) -> Result<Self, Error>;
}

impl Import for Network {
    fn load_onnx(file: impl AsRef<Path>) -> Result<Self, Error> {
        onnx::load(file.as_ref())
    }

    fn load_pytorch(file: impl AsRef<Path>, plan: &Plan) -> Result<Self, Error> {
        pytorch::load(file.as_ref(), plan)
    }

    fn load_keras(file: impl AsRef<Path>, plan: &Plan) -> Result<Self, Error> {
        keras::load(file.as_ref(), plan)
    }
}
