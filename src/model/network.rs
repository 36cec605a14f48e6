//! A network as a list of layers, for what a plain [`Mlp`](super::Mlp) does not have: convolutions, batch normalisation,
//! dropout.

use std::{fs, path::Path};

use rand::Rng;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::{Model, Summary, glorot, weights};
use crate::{
    Error, Result, files,
    random::{Purpose, Random, generator, uniform},
};

/// A layer of a [`Network`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Layer {
    /// Fully connected, with this many outputs.
    Dense(usize),
    /// A convolution: `channels` pictures of the same size, each from squares of `size` × `size` pixels; beyond the edge
    /// there are zeros.
    Convolution {
        /// How many pictures come out.
        channels: usize,
        /// The side of the squares, an odd number.
        size: usize,
    },
    /// A convolution from those squares alone that lie wholly in the picture, `stride` pixels apart: of a side, (side −
    /// `size`) / `stride` + 1 pixels are left, the quotient rounded down.
    NarrowConvolution {
        /// How many pictures come out.
        channels: usize,
        /// The side of the squares.
        size: usize,
        /// From one square to the next.
        stride: usize,
    },
    /// Keeps the largest of each square of so many pixels a side; what is left at the edge falls away.
    MaxPool(usize),
    /// All numbers of a digit in a row.
    Flatten,
    /// max(x, 0).
    Relu,
    /// Sets this share of the numbers to 0 while training, and enlarges the others so that their sum stays (N. Srivastava
    /// and others, 2014).
    Dropout(f64),
    /// Gives each feature or channel mean 0 and variance 1 over the batch, then a learned scale and offset (S. Ioffe,
    /// C. Szegedy, 2015). Outside training the running means of a tenth per step take the batch's place.
    BatchNorm,
}

/// Layers one after the other.
///
/// ```
/// use mnist_classification::{model::{Layer::*, Network}, prelude::*};
/// let layers = [Convolution { channels: 8, size: 3 }, MaxPool(2), Relu, Flatten, Dense(10)];
/// let network = Network::new(&[1, 28, 28], &layers, 0)?;
/// assert_eq!(network.summary().parameters(), (9 + 1) * 8 + (8 * 14 * 14 + 1) * 10);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Network {
    plan: Plan,
    layers: Vec<Built>,
}

/// All that tells one network from another but the numbers: `network.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Plan {
    /// The shape of a digit: `[features]`, or `[channels, height, width]`.
    input: Vec<usize>,
    layers: Vec<Layer>,
}

/// A layer with its numbers.
#[derive(Debug)]
struct Built {
    layer: Layer,
    /// Such as `conv2d_1`.
    name: String,
    /// The shape of a digit behind it.
    output: Vec<usize>,
    /// Kernel and bias, or scale and offset.
    parameters: Vec<(&'static str, Tensor)>,
    /// Running means.
    statistics: Vec<(&'static str, Tensor)>,
}

/// What the side of a picture, a stride, or a number of channels or outputs may be, and how many numbers a kernel may have.
const SIZES: std::ops::RangeInclusive<usize> = 1..=65_536;
const LARGEST_KERNEL: usize = 1 << 30;

/// How much of a batch goes into the running means, and what keeps a variance above 0: PyTorch's defaults.
const MOMENTUM: f64 = 0.1;
const EPSILON: f64 = 1e-5;

impl Network {
    /// Makes a network for digits of this shape, `[features]` or `[channels, height, width]`, with Glorot-uniform kernels
    /// drawn from `seed`, as [`Mlp::new`](super::Mlp::new) has them.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the first layer that cannot take what the one before gives.
    pub fn new(input: &[usize], layers: &[Layer], seed: u64) -> Result<Self> {
        if input.is_empty() || layers.is_empty() || !input.iter().all(|size| SIZES.contains(size)) {
            let (found, expected) =
                (format!("{input:?} and {} layers", layers.len()), format!("sizes in {SIZES:?}, and a layer"));
            return Err(Error::Setting { setting: "a network's input", found, expected });
        }
        let mut random = generator(seed, Purpose::Weights);
        let mut built: Vec<Built> = Vec::new();
        for &layer in layers {
            let shape = built.last().map_or(input, |before| &before.output);
            let output = layer.output(shape)?;
            let (parameters, statistics) = layer.numbers(shape, &mut random)?;
            let (_, begin) = layer.kind();
            let before = built.iter().filter(|other| other.layer.kind() == layer.kind()).count();
            let name = format!("{begin}_{}", before + 1);
            built.push(Built { layer, name, output, parameters, statistics });
        }
        Ok(Self { plan: Plan { input: input.into(), layers: layers.into() }, layers: built })
    }

    /// The layers with their shapes, channels first, and numbers of weights, in the form in which Keras prints them.
    pub fn summary(&self) -> Summary {
        let count = |tensors: &[(&str, Tensor)]| tensors.iter().map(|(_, tensor)| tensor.numel()).sum();
        let row = |built: &Built| {
            let title = format!("{} ({})", built.name, built.layer.kind().0);
            (title, built.output.clone(), count(&built.parameters), count(&built.statistics))
        };
        Summary::new(self.layers.iter().map(row))
    }

    /// Writes the network into a folder: `network.json`, its layers, and `weights.safetensors`, its numbers.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Torch`] when a file cannot be written.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        weights::write(&folder.join("weights.safetensors"), &self.numbers())?;
        files::write_json(folder.join("network.json"), &self.plan)
    }

    /// Reads a network that [`Network::save`] wrote.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Malformed`] when a file of the folder is not such a network's.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let file = folder.join("network.json");
        let expected = || "the layers of a network, as Network::save writes them".to_string();
        let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::Missing { file: file.clone(), expected: expected() },
            _ => Error::io(&file)(error),
        })?;
        let malformed = |found: String| Error::Malformed { file: file.clone(), found, expected: expected() };
        let plan: Plan = serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let network = Self::new(&plan.input, &plan.layers, 0).map_err(|error| malformed(error.to_string()))?;
        weights::read_into(&folder.join("weights.safetensors"), &network.numbers())?;
        Ok(network)
    }

    fn numbers(&self) -> Vec<(String, Tensor)> {
        self.parameters().into_iter().chain(self.statistics()).collect()
    }

    /// Through all layers; in training there are random numbers.
    fn through(&self, inputs: &Tensor, mut random: Option<&mut Random>) -> Result<Tensor> {
        // Every digit must have all of its numbers: reshaping would take two halves for one.
        let digits = inputs.size().first().copied().unwrap_or_default();
        let shape: Vec<_> = [digits].into_iter().chain(self.plan.input.iter().map(|&size| size as i64)).collect();
        let forward = |inputs: Tensor, layer: &Built| layer.forward(&inputs, random.as_deref_mut());
        self.layers.iter().try_fold(inputs.f_reshape(shape)?, forward)
    }

    fn named(&self, tensors: impl Fn(&Built) -> &Vec<(&'static str, Tensor)>) -> Vec<(String, Tensor)> {
        let layers = self.layers.iter();
        let name = |built: &Built, part: &str| format!("{}.{part}", built.name);
        layers
            .flat_map(|built| {
                tensors(built).iter().map(move |(part, tensor)| (name(built, part), tensor.shallow_clone()))
            })
            .collect()
    }
}

impl Model for Network {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.through(inputs, None)
    }

    fn forward_training(&self, inputs: &Tensor, random: &mut Random) -> Result<Tensor> {
        self.through(inputs, Some(random))
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.named(|built| &built.parameters)
    }

    fn statistics(&self) -> Vec<(String, Tensor)> {
        self.named(|built| &built.statistics)
    }
}

/// The numbers of a layer: what training changes, and what it only counts.
type Numbers = (Vec<(&'static str, Tensor)>, Vec<(&'static str, Tensor)>);

impl Layer {
    /// Its type in Keras, and how its name begins.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Dense(_) => ("Dense", "dense"),
            Self::Convolution { .. } | Self::NarrowConvolution { .. } => ("Conv2D", "conv2d"),
            Self::MaxPool(_) => ("MaxPooling2D", "max_pooling2d"),
            Self::Flatten => ("Flatten", "flatten"),
            Self::Relu => ("ReLU", "re_lu"),
            Self::Dropout(_) => ("Dropout", "dropout"),
            Self::BatchNorm => ("BatchNormalization", "batch_norm"),
        }
    }

    /// The shape of a digit behind this layer.
    fn output(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(match (*self, input) {
            (Self::Dense(outputs), &[inputs]) if SIZES.contains(&outputs) && inputs <= LARGEST_KERNEL / outputs => {
                vec![outputs]
            }
            (Self::Convolution { channels, size }, &[before, height, width])
                if SIZES.contains(&channels)
                    && size % 2 == 1
                    && size <= 2 * height.max(width)
                    && size * size <= LARGEST_KERNEL / channels / before =>
            {
                vec![channels, height, width]
            }
            (Self::NarrowConvolution { channels, size, stride }, &[before, height, width])
                if SIZES.contains(&channels)
                    && (1..=height.min(width)).contains(&size)
                    && SIZES.contains(&stride)
                    && size * size <= LARGEST_KERNEL / channels / before =>
            {
                vec![channels, (height - size) / stride + 1, (width - size) / stride + 1]
            }
            (Self::MaxPool(size), &[channels, height, width]) if (1..=height.min(width)).contains(&size) => {
                vec![channels, height / size, width / size]
            }
            (Self::Flatten, _) => vec![input.iter().product()],
            (Self::Dropout(share), _) if (0.0..1.0).contains(&share) => input.into(),
            (Self::Relu, _) | (Self::BatchNorm, [_] | [_, _, _]) => input.into(),
            _ => {
                let expected = format!(
                    "a layer of usual size that takes digits of shape {input:?}: Dense takes one row, which Flatten makes; \
                     Convolution, of odd size, MaxPool, and NarrowConvolution of a size that fits in, with a stride of at \
                     least 1, take [channels, height, width]; a share to drop is from 0 to below 1"
                );
                return Err(Error::Setting { setting: "a layer", found: format!("{self:?}"), expected });
            }
        })
    }

    fn numbers(&self, input: &[usize], random: &mut impl Rng) -> Result<Numbers> {
        let constant = |size: usize, value: f64| Tensor::f_full([size as i64], value, (Kind::Float, Device::Cpu));
        let trained = |tensor: Tensor| tensor.set_requires_grad(true);
        Ok(match *self {
            Self::Dense(outputs) => {
                let kernel = glorot(&[input[0], outputs], input[0], outputs, random)?;
                (vec![("kernel", trained(kernel)), ("bias", trained(constant(outputs, 0.0)?))], vec![])
            }
            Self::Convolution { channels, size } | Self::NarrowConvolution { channels, size, .. } => {
                let square = size * size;
                let kernel = glorot(&[channels, size, size, input[0]], input[0] * square, channels * square, random)?;
                (vec![("kernel", trained(kernel)), ("bias", trained(constant(channels, 0.0)?))], vec![])
            }
            Self::BatchNorm => (
                vec![("gamma", trained(constant(input[0], 1.0)?)), ("beta", trained(constant(input[0], 0.0)?))],
                vec![("moving_mean", constant(input[0], 0.0)?), ("moving_variance", constant(input[0], 1.0)?)],
            ),
            _ => (vec![], vec![]),
        })
    }
}

impl Built {
    fn forward(&self, inputs: &Tensor, random: Option<&mut Random>) -> Result<Tensor> {
        let number = |index: usize| &self.parameters[index].1;
        Ok(match self.layer {
            Layer::Dense(_) => number(1).f_addmm(&inputs.to_kind(number(0).kind()), number(0))?,
            Layer::Convolution { size, .. } => self.convolve(inputs, 1, size / 2)?,
            Layer::NarrowConvolution { stride, .. } => self.convolve(inputs, stride, 0)?,
            Layer::MaxPool(size) => {
                let square = [size as i64; 2];
                inputs.f_max_pool2d(square, square, [0, 0], [1, 1], false)?
            }
            Layer::Flatten => inputs.f_flatten(1, -1)?,
            Layer::Relu => inputs.f_relu()?,
            Layer::Dropout(share) => match random {
                Some(random) => {
                    let kept = uniform(&inputs.size(), [0.0, 1.0], inputs.device(), random)?.f_ge(share)?;
                    inputs.f_mul(&(kept.to_kind(inputs.kind()) / (1.0 - share)))?
                }
                None => inputs.shallow_clone(),
            },
            Layer::BatchNorm => {
                let [mean, variance] = [0, 1].map(|index| Some(&self.statistics[index].1));
                let (scale, offset) = (Some(number(0)), Some(number(1)));
                // A single number has no variance: a batch of one digit is normalised as outside training.
                let of_batch = random.is_some() && inputs.numel() > number(0).numel();
                inputs.f_batch_norm(scale, offset, mean, variance, of_batch, MOMENTUM, EPSILON, true)?
            }
        })
    }

    /// A convolution with squares `stride` pixels apart and so many rows of zeros beyond each edge.
    fn convolve(&self, inputs: &Tensor, stride: usize, zeros: usize) -> Result<Tensor> {
        let [kernel, bias] = [0, 1].map(|index| self.parameters[index].1.to_kind(inputs.kind()));
        // With the channels of a pixel side by side in memory, libtorch's convolutions are faster.
        let kernel = kernel.f_permute([0, 3, 1, 2])?;
        Ok(inputs.f_conv2d(&kernel, Some(bias), [stride as i64; 2], [zeros as i64; 2], [1, 1], 1)?)
    }
}
