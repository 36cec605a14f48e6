//! MNIST and its relatives: reading IDX files, finding and downloading MNIST, drawing a stand-in.

use tch::{Kind, Tensor};

/// The name that MNIST itself carries in titles and results.
pub const MNIST: &str = "MNIST";

/// A labelled data set in two parts: digits to learn from and digits to be judged on.
#[derive(Debug)]
pub struct Mnist {
    /// The digits to learn from: 60,000 in MNIST.
    pub train: Digits,
    /// The digits that training never sees: 10,000 in MNIST.
    pub test: Digits,
}

/// Labelled grey-scale images.
#[derive(Debug)]
pub struct Digits {
    /// Where the digits come from, for titles and reports: [`MNIST`], or another name.
    pub name: String,
    /// The images, `[count, height, width]`, unsigned bytes; 0 is paper and 255 is ink.
    pub images: Tensor,
    /// The true class of each image, `[count]`, 64-bit integers from 0 to 9.
    pub labels: Tensor,
}

/// Digits in the form that the network takes.
#[derive(Debug)]
pub struct Samples {
    /// Where the digits come from, as in [`Digits::name`].
    pub name: String,
    /// One row of pixels per digit, `[count, height × width]`, 32-bit floats from 0 (paper) to 1 (ink).
    pub inputs: Tensor,
    /// The true class of each digit, `[count]`, 64-bit integers.
    pub labels: Tensor,
}

impl Digits {
    /// How many digits there are.
    pub fn len(&self) -> usize {
        self.labels.size()[0] as usize
    }

    /// Whether there is no digit at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flattens each image to a row and divides its pixels by 255.
    pub fn preprocess(&self) -> Samples {
        Samples {
            name: self.name.clone(),
            inputs: self.images.flatten(1, -1).to_kind(Kind::Float) / 255.0,
            labels: self.labels.shallow_clone(),
        }
    }
}

impl Samples {
    /// How many digits there are.
    pub fn len(&self) -> usize {
        self.labels.size()[0] as usize
    }

    /// Whether there is no digit at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels as rows of ten with a single 1, `[count, 10]`, as Keras' `to_categorical` gives them.
    pub fn one_hot(&self) -> Tensor {
        self.labels.one_hot(10)
    }
}
