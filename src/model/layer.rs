//! A layer of a network at work: its parameters, its running statistics, and what it computes.

use rand::Rng;
use tch::{Device, Kind, Tensor};

use super::plan::Layer;
use crate::{
    Result,
    random::{Random, uniform},
};

/// The fraction of a batch in the running mean and variance: PyTorch's default.
const MOMENTUM: f64 = 0.1;
/// Keeps a variance above 0: PyTorch's default.
pub const EPSILON: f64 = 1e-5;

/// Tensors with their names within a layer.
pub(super) type Named = Vec<(&'static str, Tensor)>;

/// A layer with its parameters.
#[derive(Debug)]
pub(super) struct BuiltLayer {
    pub(super) layer: Layer,
    /// Such as `conv2d_1`.
    pub(super) name: String,
    /// The shape of a sample after it.
    pub(super) output: Vec<usize>,
    /// Kernel and bias, or scale and offset.
    pub(super) parameters: Named,
    /// Running mean and variance.
    pub(super) statistics: Named,
}

impl BuiltLayer {
    /// Starts with Glorot-uniform kernels drawn from `random`, zero biases, and a batch normalisation that changes
    /// nothing.
    pub(super) fn new(
        layer: Layer,
        name: String,
        input: &[usize],
        output: Vec<usize>,
        random: &mut impl Rng,
    ) -> Result<Self> {
        let constant = |size: usize, value: f64| Tensor::f_full([size as i64], value, (Kind::Float, Device::Cpu));
        let trained = |tensor: Tensor| tensor.set_requires_grad(true);
        let (parameters, statistics) = match layer {
            Layer::Dense(outputs) => {
                let kernel = glorot(&[input[0], outputs], input[0], outputs, random)?;
                (vec![("kernel", trained(kernel)), ("bias", trained(constant(outputs, 0.0)?))], vec![])
            }
            Layer::Convolution { channels, size, .. } => {
                let square = size * size;
                let kernel = glorot(&[channels, size, size, input[0]], input[0] * square, channels * square, random)?;
                (vec![("kernel", trained(kernel)), ("bias", trained(constant(channels, 0.0)?))], vec![])
            }
            Layer::BatchNorm => (
                vec![("gamma", trained(constant(input[0], 1.0)?)), ("beta", trained(constant(input[0], 0.0)?))],
                vec![("moving_mean", constant(input[0], 0.0)?), ("moving_variance", constant(input[0], 1.0)?)],
            ),
            _ => (vec![], vec![]),
        };
        Ok(Self { layer, name, output, parameters, statistics })
    }

    /// Computes the layer's outputs for a batch; `random` is there in training only.
    pub(super) fn forward(&self, inputs: &Tensor, random: Option<&mut Random>) -> Result<Tensor> {
        let parameter = |index: usize| &self.parameters[index].1;
        Ok(match self.layer {
            Layer::Dense(_) => parameter(1).f_addmm(&inputs.to_kind(parameter(0).kind()), parameter(0))?,
            Layer::Convolution { stride, padding, .. } => {
                let [kernel, bias] = [0, 1].map(|index| parameter(index).to_kind(inputs.kind()));
                // With the channels of a pixel side by side in memory, libtorch's convolutions are faster.
                let kernel = kernel.f_permute([0, 3, 1, 2])?;
                inputs.f_conv2d(&kernel, Some(bias), [stride as i64; 2], [padding as i64; 2], [1, 1], 1)?
            }
            Layer::MaxPool(size) => {
                let square = [size as i64; 2];
                inputs.f_max_pool2d(square, square, [0, 0], [1, 1], false)?
            }
            Layer::Flatten => inputs.f_flatten(1, -1)?,
            Layer::Relu => inputs.f_relu()?,
            Layer::Dropout(fraction) => match random {
                Some(random) => {
                    let kept = uniform(&inputs.size(), [0.0, 1.0], inputs.device(), random)?.f_ge(fraction)?;
                    inputs.f_mul(&(kept.to_kind(inputs.kind()) / (1.0 - fraction)))?
                }
                None => inputs.shallow_clone(),
            },
            Layer::BatchNorm => {
                let [mean, variance] = [0, 1].map(|index| Some(&self.statistics[index].1));
                let (scale, offset) = (Some(parameter(0)), Some(parameter(1)));
                // A single value has no variance: it is normalised as outside training, and so is any batch where this
                // layer is frozen, as in Keras.
                let is_trained = random.is_some() && parameter(0).requires_grad();
                let of_batch = is_trained && inputs.numel() > parameter(0).numel();
                inputs.f_batch_norm(scale, offset, mean, variance, of_batch, MOMENTUM, EPSILON, true)?
            }
        })
    }
}

impl Clone for BuiltLayer {
    /// Copies the values into tensors of its own.
    fn clone(&self) -> Self {
        let copied = |tensors: &Named| -> Named {
            let copy = |tensor: &Tensor| tensor.detach().copy().set_requires_grad(tensor.requires_grad());
            tensors.iter().map(|(name, tensor)| (*name, copy(tensor))).collect()
        };
        let (parameters, statistics) = (copied(&self.parameters), copied(&self.statistics));
        Self { layer: self.layer, name: self.name.clone(), output: self.output.clone(), parameters, statistics }
    }
}

/// Draws a kernel of this shape, uniform within ±√(6 / (inputs + outputs)): X. Glorot, Y. Bengio, 2010.
fn glorot(shape: &[usize], inputs: usize, outputs: usize, random: &mut impl Rng) -> Result<Tensor> {
    let limit = (6.0 / (inputs + outputs) as f32).sqrt();
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| random.gen_range(-limit..limit)).collect();
    let shape: Vec<_> = shape.iter().map(|&size| size as i64).collect();
    Ok(Tensor::f_from_slice(&values)?.f_reshape(shape)?)
}
