//! The networks, forward from pixels to logits: the original's fully connected layers, and lists of layers of any kind.

mod ensemble;
mod network;
mod summary;
pub(crate) mod weights;

use std::path::Path;

use rand::Rng;
use tch::{Device, Tensor};

pub use ensemble::Ensemble;
pub use network::{Layer, Network};
pub use summary::Summary;

use crate::{
    Error, Result,
    random::{Purpose, Random, generator},
};

/// What [`fit`](crate::training::fit), [`evaluate`](crate::training::evaluate) and
/// [`predict`](crate::training::predict) need of a network. A network of your own implements two methods.
pub trait Model {
    /// From a batch of inputs, `[batch, features]`, to logits, `[batch, classes]`: the scores before the softmax.
    ///
    /// # Errors
    /// [`Error::Torch`] when the inputs do not fit.
    fn forward(&self, inputs: &Tensor) -> Result<Tensor>;

    /// The weights that training changes, each with its name, in the order of the layers.
    fn parameters(&self) -> Vec<(String, Tensor)>;

    /// As [`Model::forward`], in training: for networks with layers that then do something else, such as dropout.
    /// `random` is the training's own, so that the same seed gives the same network.
    ///
    /// # Errors
    /// As [`Model::forward`].
    fn forward_training(&self, inputs: &Tensor, _random: &mut Random) -> Result<Tensor> {
        self.forward(inputs)
    }

    /// Numbers that belong to the network and change in training, but not by gradients, each with its name: the running
    /// means of batch normalisation.
    fn statistics(&self) -> Vec<(String, Tensor)> {
        Vec::new()
    }

    /// This network where it is a plain [`Mlp`]: training has a faster step for that.
    fn as_mlp(&self) -> Option<&Mlp> {
        None
    }
}

/// A multi-layer perceptron: fully connected layers with ReLU between them.
///
/// ```
/// use mnist_classification::prelude::*;
/// let model = Mlp::new(&[784, 512, 256, 128, 10], 0)?;
/// assert_eq!(model.summary().parameters(), 567_434);
/// # Ok::<(), mnist_classification::Error>(())
/// ```
#[derive(Debug)]
pub struct Mlp {
    layers: Vec<Dense>,
}

/// A fully connected layer as Keras keeps it.
#[derive(Debug)]
struct Dense {
    /// `[inputs, outputs]`.
    kernel: Tensor,
    /// `[outputs]`.
    bias: Tensor,
}

impl Mlp {
    /// Makes a network with these layer sizes, the inputs first and the classes last.
    ///
    /// Weights start as Keras' `Dense` starts them: Glorot-uniform kernels (X. Glorot, Y. Bengio, 2010: uniform
    /// within ±√(6 / (inputs + outputs))), drawn from `seed`, and zero biases.
    ///
    /// # Errors
    /// [`Error::Setting`] for fewer than two sizes, or a size of zero.
    pub fn new(sizes: &[usize], seed: u64) -> Result<Self> {
        if sizes.len() < 2 || sizes.contains(&0) {
            let expected = "at least two sizes above 0, such as [784, 512, 256, 128, 10]".into();
            return Err(Error::Setting { setting: "sizes", found: format!("{sizes:?}"), expected });
        }
        let mut random = generator(seed, Purpose::Weights);
        let layers = sizes.windows(2).map(|pair| Dense::new(pair[0], pair[1], &mut random)).collect::<Result<_>>()?;
        Ok(Self { layers })
    }

    /// The layers with their shapes and numbers of weights, as Keras prints them.
    pub fn summary(&self) -> Summary {
        let layers = self.layers.iter().enumerate();
        Summary::new(layers.map(|(index, Dense { kernel, bias })| {
            let outputs = vec![bias.numel()];
            (format!("dense_{} (Dense)", index + 1), outputs, kernel.numel() + bias.numel(), 0)
        }))
    }

    /// Moves the weights to a device.
    pub fn to_device(self, device: Device) -> Self {
        let moved = |tensor: Tensor| tensor.to_device(device).set_requires_grad(true);
        let layers = self.layers.into_iter();
        Self {
            layers: layers.map(|Dense { kernel, bias }| Dense { kernel: moved(kernel), bias: moved(bias) }).collect(),
        }
    }

    /// Writes the weights as safetensors: `dense_1.kernel` `[784, 512]`, `dense_1.bias` `[512]`, and so on.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Torch`] when the file cannot be written; a file that was there stays as it was.
    pub fn save_weights(&self, path: impl AsRef<Path>) -> Result<()> {
        weights::write(path.as_ref(), &self.parameters())
    }

    /// Replaces the weights by those of a file that [`Mlp::save_weights`] wrote for the same layer sizes.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::Malformed`] naming the first tensor that does not fit; the weights stay then.
    pub fn load_weights(&mut self, path: impl AsRef<Path>) -> Result<()> {
        weights::read_into(path.as_ref(), &self.parameters())
    }

    /// Makes a network with the weights, and so the layer sizes, of a file that [`Mlp::save_weights`] wrote.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Malformed`] when the file does not hold such weights.
    pub fn from_weights(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let stored = weights::read(path)?;
        let kernel = |number| {
            let (_, kernel) = stored.iter().find(|(name, _)| *name == format!("dense_{number}.kernel"))?;
            <[i64; 2]>::try_from(kernel.size()).ok().filter(|[inputs, outputs]| *inputs > 0 && *outputs > 0)
        };
        let shapes: Vec<_> = (1..).map_while(kernel).collect();
        let Some([inputs, _]) = shapes.first() else {
            let expected = "dense_1.kernel of shape [inputs, outputs]".into();
            return Err(Error::Malformed { file: path.into(), found: "no such tensor".into(), expected });
        };
        let sizes: Vec<_> =
            [inputs].into_iter().chain(shapes.iter().map(|[_, outputs]| outputs)).map(|&size| size as usize).collect();
        let mut model = Self::new(&sizes, 0)?;
        model.load_weights(path)?;
        Ok(model)
    }
}

impl Model for Mlp {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        let mut activations = inputs.shallow_clone();
        for (index, Dense { kernel, bias }) in self.layers.iter().enumerate() {
            if index > 0 {
                activations = activations.relu();
            }
            activations = bias.f_addmm(&activations, kernel)?;
        }
        Ok(activations)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        let layers = self.layers.iter().enumerate();
        let named = layers.flat_map(|(index, Dense { kernel, bias })| {
            let name = |tensor| format!("dense_{}.{tensor}", index + 1);
            [(name("kernel"), kernel.shallow_clone()), (name("bias"), bias.shallow_clone())]
        });
        named.collect()
    }

    fn as_mlp(&self) -> Option<&Mlp> {
        Some(self)
    }
}

impl Dense {
    fn new(inputs: usize, outputs: usize, random: &mut impl Rng) -> Result<Self> {
        let kernel = glorot(&[inputs, outputs], inputs, outputs, random)?;
        let bias = Tensor::f_zeros([outputs as i64], (tch::Kind::Float, Device::Cpu))?;
        Ok(Self { kernel: kernel.set_requires_grad(true), bias: bias.set_requires_grad(true) })
    }
}

/// A kernel of this shape, uniform within ±√(6 / (inputs + outputs)): X. Glorot, Y. Bengio, 2010.
fn glorot(shape: &[usize], inputs: usize, outputs: usize, random: &mut impl Rng) -> Result<Tensor> {
    let limit = (6.0 / (inputs + outputs) as f32).sqrt();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.gen_range(-limit..limit)).collect();
    let shape: Vec<_> = shape.iter().map(|&size| size as i64).collect();
    Ok(Tensor::f_from_slice(&values)?.f_reshape(shape)?)
}

#[cfg(test)]
mod tests;
