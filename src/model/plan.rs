//! The plan of a network: the shape of a sample and the layers that it goes through, without any parameters.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A layer of a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Layer {
    /// Fully connected, with this many outputs.
    Dense(usize),
    /// A convolution whose output has the input's height and width: beyond the edge there are zeros.
    Convolution {
        /// The number of output channels.
        channels: usize,
        /// The side of the kernel in pixels, an odd number.
        size: usize,
    },
    /// A convolution without padding: of a side, (side − `size`) / `stride` + 1 pixels are left, the quotient rounded down.
    NarrowConvolution {
        /// The number of output channels.
        channels: usize,
        /// The side of the kernel in pixels.
        size: usize,
        /// The distance from one position of the kernel to the next, in pixels.
        stride: usize,
    },
    /// Keeps the largest value of each square with this side; pixels left over at the edge are dropped.
    MaxPool(usize),
    /// Turns `[channels, height, width]` into one row.
    Flatten,
    /// max(x, 0).
    Relu,
    /// Sets this share of the values to 0 in training, and scales the others so that their expected sum stays
    /// (N. Srivastava and others, 2014).
    Dropout(f64),
    /// Normalises each feature or channel to mean 0 and variance 1 over the batch, then applies a learned scale and offset
    /// (S. Ioffe, C. Szegedy, 2015). Outside training the running mean and variance, with a momentum of 0.1, replace the
    /// batch's.
    BatchNorm,
}

/// All that tells one network from another but the values of its parameters.
///
/// ```
/// use mnist_classification::model::Plan;
/// let plan = Plan::mlp(&[784, 32, 10])?;
/// assert_eq!(plan.to_string(), "[784] → Dense(32) → Relu → Dense(10)");
/// # Ok::<(), mnist_classification::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The shape of a sample: `[features]`, or `[channels, height, width]`.
    pub input: Vec<usize>,
    /// The layers, the first one first.
    pub layers: Vec<Layer>,
}

/// What the side of a picture, a stride, or a number of channels or outputs may be, and how many values a kernel may have.
const SIZES: std::ops::RangeInclusive<usize> = 1..=65_536;
const LARGEST_KERNEL: usize = 1 << 30;

impl Plan {
    /// A multi-layer perceptron: dense layers of these sizes, the inputs first and the classes last, with ReLU between
    /// them.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for fewer than two sizes, or a size of zero.
    pub fn mlp(sizes: &[usize]) -> Result<Self> {
        let [input, hidden @ .., classes] = sizes else { return Err(wrong_sizes(sizes)) };
        if sizes.contains(&0) {
            return Err(wrong_sizes(sizes));
        }
        let hidden = hidden.iter().flat_map(|&size| [Layer::Dense(size), Layer::Relu]);
        Ok(Self { input: vec![*input], layers: hidden.chain([Layer::Dense(*classes)]).collect() })
    }

    /// A small convolutional network for grey pictures: two convolutions with pooling, then two dense layers.
    pub fn cnn([height, width]: [usize; 2], classes: usize) -> Self {
        use Layer::*;
        let [first, second] = [16, 32].map(|channels| Convolution { channels, size: 5 });
        let convolutions = [first, MaxPool(2), Relu, second, MaxPool(2), Relu];
        let layers = [&convolutions[..], &[Flatten, Dense(128), Relu, Dense(classes)]].concat();
        Self { input: vec![1, height, width], layers }
    }

    /// The shape of a sample behind each layer.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the first layer that cannot take what the one before gives.
    pub fn shapes(&self) -> Result<Vec<Vec<usize>>> {
        let Self { input, layers } = self;
        if ![1, 3].contains(&input.len()) || layers.is_empty() || !input.iter().all(|size| SIZES.contains(size)) {
            let found = format!("{input:?} and {} layers", layers.len());
            let expected = format!("[features] or [channels, height, width] with sizes in {SIZES:?}, and a layer");
            return Err(Error::invalid_setting("a network's input", found, expected));
        }
        let mut shapes: Vec<Vec<usize>> = Vec::new();
        for layer in layers {
            shapes.push(layer.output(shapes.last().unwrap_or(input))?);
        }
        Ok(shapes)
    }

    /// How many values the parameters and running statistics of its network have.
    pub(super) fn values(&self) -> Result<usize> {
        let shapes = self.shapes()?;
        let inputs = std::iter::once(&self.input).chain(&shapes);
        Ok(self.layers.iter().zip(inputs).map(|(layer, input)| layer.values(input[0])).sum())
    }

    /// Height and width in pixels of the grey pictures that the network takes; nothing where it takes something else.
    pub fn picture(&self) -> Option<[usize; 2]> {
        match self.input[..] {
            [1, height, width] => Some([height, width]),
            // A row of pixels does not tell its picture's shape; the family's pictures are square.
            [pixels] => Some(pixels.isqrt()).filter(|side| side * side == pixels).map(|side| [side, side]),
            _ => None,
        }
    }

    /// Whether there are only dense layers with ReLU between them.
    pub(crate) fn is_mlp(&self) -> bool {
        let alternates = |(index, layer): (usize, &Layer)| match layer {
            Layer::Dense(_) => index % 2 == 0,
            layer => *layer == Layer::Relu && index % 2 == 1,
        };
        self.input.len() == 1 && self.layers.len() % 2 == 1 && self.layers.iter().enumerate().all(alternates)
    }

    /// Whether there is a convolution.
    pub(crate) fn has_convolutions(&self) -> bool {
        let is_convolution = |layer: &Layer| layer.keras_name() == "Conv2D";
        self.layers.iter().any(is_convolution)
    }
}

fn wrong_sizes(sizes: &[usize]) -> Error {
    let expected = "at least two sizes above 0, such as [784, 512, 256, 128, 10]";
    Error::invalid_setting("sizes", format!("{sizes:?}"), expected)
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{:?}", self.input)?;
        self.layers.iter().try_for_each(|layer| write!(formatter, " → {layer:?}"))
    }
}

impl Layer {
    /// Its type in Keras.
    pub(super) fn keras_name(&self) -> &'static str {
        match self {
            Self::Dense(_) => "Dense",
            Self::Convolution { .. } | Self::NarrowConvolution { .. } => "Conv2D",
            Self::MaxPool(_) => "MaxPooling2D",
            Self::Flatten => "Flatten",
            Self::Relu => "ReLU",
            Self::Dropout(_) => "Dropout",
            Self::BatchNorm => "BatchNormalization",
        }
    }

    /// How the names of such layers begin in a network.
    pub(super) fn prefix(&self) -> &'static str {
        match self {
            Self::Dense(_) => "dense",
            Self::Convolution { .. } | Self::NarrowConvolution { .. } => "conv2d",
            Self::MaxPool(_) => "max_pooling2d",
            Self::Flatten => "flatten",
            Self::Relu => "re_lu",
            Self::Dropout(_) => "dropout",
            Self::BatchNorm => "batch_norm",
        }
    }

    /// How many values its parameters and running statistics have, with so many channels or values of a row before it.
    fn values(&self, before: usize) -> usize {
        match *self {
            Self::Dense(outputs) => (before + 1) * outputs,
            Self::Convolution { channels, size } | Self::NarrowConvolution { channels, size, .. } => {
                (before * size * size + 1) * channels
            }
            Self::BatchNorm => 4 * before,
            Self::MaxPool(_) | Self::Flatten | Self::Relu | Self::Dropout(_) => 0,
        }
    }

    /// The shape of a sample behind this layer.
    fn output(&self, input: &[usize]) -> Result<Vec<usize>> {
        let fits = |channels: usize, size: usize, before: usize| {
            SIZES.contains(&channels) && size * size <= LARGEST_KERNEL / channels / before
        };
        Ok(match (*self, input) {
            (Self::Dense(outputs), &[inputs]) if SIZES.contains(&outputs) && inputs <= LARGEST_KERNEL / outputs => {
                vec![outputs]
            }
            (Self::Convolution { channels, size }, &[before, height, width])
                if size % 2 == 1 && size <= 2 * height.max(width) && fits(channels, size, before) =>
            {
                vec![channels, height, width]
            }
            (Self::NarrowConvolution { channels, size, stride }, &[before, height, width])
                if (1..=height.min(width)).contains(&size)
                    && SIZES.contains(&stride)
                    && fits(channels, size, before) =>
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
                    "a layer that takes samples of shape {input:?}: Dense takes one row, which Flatten makes; \
                     Convolution, of odd size, MaxPool, and NarrowConvolution of a size that fits in, with a stride of at \
                     least 1, take [channels, height, width]; a share to drop is from 0 to below 1"
                );
                return Err(Error::invalid_setting("a layer", format!("{self:?}"), expected));
            }
        })
    }
}
