//! The plan of a network: the shape of a sample and the layers that it goes through, without any parameters.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};

/// A layer of a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Layer {
    /// Fully connected, with this many outputs.
    Dense(usize),
    /// A convolution. A side of n pixels becomes ⌊(n + 2 `padding` − `size`) / `stride`⌋ + 1: an odd `size`, a `stride`
    /// of 1 and a `padding` of `size / 2` keep height and width, as Keras' `padding="same"`.
    Convolution {
        /// The number of output channels.
        channels: usize,
        /// The side of the kernel in pixels.
        size: usize,
        /// The distance from one position of the kernel to the next, in pixels.
        stride: usize,
        /// The rows of zeros beyond each edge, at most half of `size`.
        padding: usize,
    },
    /// Keeps the largest value of each square with this side; pixels left over at the edge are dropped.
    MaxPool(usize),
    /// Turns `[channels, height, width]` into one row.
    Flatten,
    /// max(x, 0).
    Relu,
    /// Sets this fraction of the values to 0 in training, and scales the others so that their expected sum stays
    /// (N. Srivastava and others, 2014).
    Dropout(f64),
    /// Normalises each feature or channel to mean 0 and variance 1 over the batch, then applies a learned scale and
    /// offset (S. Ioffe, C. Szegedy, 2015). Outside training the running mean and variance, with a momentum of 0.1,
    /// replace the batch's.
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
#[serde(try_from = "Value")]
pub struct Plan {
    /// The shape of a sample: `[features]`, or `[channels, height, width]`.
    pub input: Vec<usize>,
    /// The layers, the first one first.
    pub layers: Vec<Layer>,
}

/// What the side of a picture, a stride, or a number of channels or outputs may be, and how many values a kernel may
/// have.
const SIZES: std::ops::RangeInclusive<usize> = 1..=65_536;
const LARGEST_KERNEL: usize = 1 << 30;

impl Plan {
    /// Plans a multi-layer perceptron: dense layers of these sizes, the inputs first and the classes last, with ReLU
    /// between them.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for fewer than two sizes, or a size of zero.
    pub fn mlp(sizes: &[usize]) -> Result<Self> {
        let ([input, hidden @ .., classes], false) = (sizes, sizes.contains(&0)) else {
            let expected = "at least two sizes above 0, such as [784, 512, 256, 128, 10]";
            return Err(Error::invalid_setting("sizes", format!("{sizes:?}"), expected));
        };
        let hidden = hidden.iter().flat_map(|&size| [Layer::Dense(size), Layer::Relu]);
        Ok(Self { input: vec![*input], layers: hidden.chain([Layer::Dense(*classes)]).collect() })
    }

    /// Plans a small convolutional network for grey pictures: two convolutions with pooling, then two dense layers.
    pub fn cnn([height, width]: [usize; 2], classes: usize) -> Self {
        use Layer::*;
        let [first, second] = [16, 32].map(|channels| Convolution { channels, size: 5, stride: 1, padding: 2 });
        let convolutions = [first, MaxPool(2), Relu, second, MaxPool(2), Relu];
        let layers = [&convolutions[..], &[Flatten, Dense(128), Relu, Dense(classes)]].concat();
        Self { input: vec![1, height, width], layers }
    }

    /// Returns the shape of a sample after each layer.
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
            shapes.push(layer.output_shape(shapes.last().unwrap_or(input))?);
        }
        Ok(shapes)
    }

    /// Counts the values of the parameters and running statistics of its network.
    ///
    /// # Errors
    /// As [`Plan::shapes`].
    pub fn values(&self) -> Result<usize> {
        let shapes = self.shapes()?;
        let inputs = std::iter::once(&self.input).chain(&shapes);
        Ok(self.layers.iter().zip(inputs).map(|(layer, input)| layer.values(input[0])).sum())
    }

    /// Returns height and width in pixels of the grey pictures that the network takes; nothing where it takes something
    /// else.
    pub fn picture(&self) -> Option<[usize; 2]> {
        match self.input[..] {
            [1, height, width] => Some([height, width]),
            // A row of pixels does not tell its picture's shape; the family's pictures are square.
            [pixels] => Some(pixels.isqrt()).filter(|side| side * side == pixels).map(|side| [side, side]),
            _ => None,
        }
    }

    /// Tells whether there are only dense layers with ReLU between them.
    pub(crate) fn is_mlp(&self) -> bool {
        let alternates = |(index, layer): (usize, &Layer)| match layer {
            Layer::Dense(_) => index % 2 == 0,
            layer => *layer == Layer::Relu && index % 2 == 1,
        };
        self.input.len() == 1 && self.layers.len() % 2 == 1 && self.layers.iter().enumerate().all(alternates)
    }

    /// Tells whether there is a convolution.
    pub fn has_convolutions(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer, Layer::Convolution { .. }))
    }
}

impl TryFrom<Value> for Plan {
    type Error = serde_json::Error;

    /// Reads a plan. A convolution without stride and padding keeps height and width. Earlier versions had another kind
    /// of it, without padding.
    fn try_from(mut plan: Value) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Stored {
            input: Vec<usize>,
            layers: Vec<Layer>,
        }
        let layers = plan.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten();
        for layer in layers.filter_map(Value::as_object_mut) {
            if let Some(Value::Object(mut narrow)) = layer.remove("NarrowConvolution") {
                narrow.insert("padding".into(), 0.into());
                layer.insert("Convolution".into(), narrow.into());
            }
            if let Some(Value::Object(convolution)) = layer.get_mut("Convolution") {
                let size = convolution.get("size").and_then(Value::as_u64).unwrap_or_default();
                convolution.entry("stride").or_insert(1.into());
                convolution.entry("padding").or_insert((size / 2).into());
            }
        }
        Stored::deserialize(plan).map(|Stored { input, layers }| Self { input, layers })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{:?}", self.input)?;
        self.layers.iter().try_for_each(|layer| write!(formatter, " → {layer:?}"))
    }
}

impl Layer {
    /// Returns its type in Keras, and how the names of such layers begin in a network.
    pub(super) fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Dense(_) => ("Dense", "dense"),
            Self::Convolution { .. } => ("Conv2D", "conv2d"),
            Self::MaxPool(_) => ("MaxPooling2D", "max_pooling2d"),
            Self::Flatten => ("Flatten", "flatten"),
            Self::Relu => ("ReLU", "re_lu"),
            Self::Dropout(_) => ("Dropout", "dropout"),
            Self::BatchNorm => ("BatchNormalization", "batch_norm"),
        }
    }

    /// Counts the values of its parameters and running statistics, after so many channels or values of a row.
    fn values(&self, before: usize) -> usize {
        match *self {
            Self::Dense(outputs) => (before + 1) * outputs,
            Self::Convolution { channels, size, .. } => (before * size * size + 1) * channels,
            Self::BatchNorm => 4 * before,
            Self::MaxPool(_) | Self::Flatten | Self::Relu | Self::Dropout(_) => 0,
        }
    }

    /// Returns the shape of a sample after this layer.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] where it cannot take a sample of this shape.
    pub fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        // With larger ones, the numbers below would not fit into theirs.
        let largest = if input.len() == 1 { 1 << 60 } else { 1 << 20 };
        let is_sample = [1, 3].contains(&input.len()) && input.iter().all(|size| (1..=largest).contains(size));
        let output = match (*self, input) {
            _ if !is_sample => None,
            (Self::Dense(outputs), &[inputs]) => {
                let fits = SIZES.contains(&outputs) && inputs <= LARGEST_KERNEL / outputs;
                fits.then(|| vec![outputs])
            }
            (Self::Convolution { channels, size, stride, padding }, &[before, height, width]) => {
                let side = |side: usize| (side + 2 * padding).checked_sub(size).map(|left| left / stride + 1);
                let fits = SIZES.contains(&channels)
                    && SIZES.contains(&stride)
                    && (1..=2 * height.max(width)).contains(&size)
                    && padding <= size / 2
                    && size * size <= LARGEST_KERNEL / channels / before;
                if fits { side(height).zip(side(width)).map(|(high, wide)| vec![channels, high, wide]) } else { None }
            }
            (Self::MaxPool(size), &[channels, height, width]) => {
                let fits = (1..=height.min(width)).contains(&size);
                fits.then(|| vec![channels, height / size, width / size])
            }
            (Self::Flatten, _) => Some(vec![input.iter().product()]),
            (Self::Dropout(fraction), _) => (0.0..1.0).contains(&fraction).then(|| input.into()),
            (Self::Relu, _) | (Self::BatchNorm, [_] | [_, _, _]) => Some(input.into()),
            _ => None,
        };
        output.ok_or_else(|| {
            let found = format!("{self:?} on samples of shape {input:?}");
            Error::invalid_setting("a layer", found, self.requirements())
        })
    }

    /// Says what its settings and the samples before it must be.
    fn requirements(&self) -> &'static str {
        match self {
            Self::Dense(_) => {
                "one row of values before it, which Flatten makes, and 1 to 65,536 outputs with 2³⁰ weights at most"
            }
            Self::Convolution { .. } => {
                "[channels, height, width] before it, a kernel that fits into the padded picture and is at most twice \
                 the picture, 1 to 65,536 channels, a stride of at least 1, and a padding of at most half of the size"
            }
            Self::MaxPool(_) => "[channels, height, width] before it, and a side from 1 to that of the picture",
            Self::Dropout(_) => "a fraction from 0 to below 1",
            Self::Flatten | Self::Relu | Self::BatchNorm => "a row of values or [channels, height, width] before it",
        }
    }
}
