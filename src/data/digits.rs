//! A data set of pictures: its two parts, and the samples that a network takes.

use tch::{Kind, Tensor};

use super::{classes::Classes, samples::Samples};
use crate::Result;

/// The name that MNIST itself carries in titles and results, and no other data set.
pub const MNIST: &str = "MNIST";

/// A labelled data set in two parts: samples to learn from and samples to measure results on.
#[derive(Debug)]
pub struct Dataset {
    /// The samples to learn from: 60,000 in MNIST.
    pub train: Images,
    /// The samples that training never sees: 10,000 in MNIST.
    pub test: Images,
}

/// Labelled grey-scale pictures: digits, or what else the data set is of.
#[derive(Debug)]
pub struct Images {
    /// Where the pictures come from, for titles and reports: [`MNIST`], or another name.
    pub name: String,
    /// The pictures, `[count, height, width]`, unsigned bytes; 0 is paper and 255 is ink.
    pub images: Tensor,
    /// The true class of each picture, `[count]`, 64-bit integers from 0.
    pub labels: Tensor,
    /// The classes that labels stand for.
    pub classes: Classes,
}

impl Dataset {
    /// The same pictures with rows and columns exchanged: upright, where they lay on their side as EMNIST's do.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when the pictures do not have the shape of [`Images::images`].
    pub fn transposed(self) -> Result<Self> {
        let [train, test] = [self.train, self.test].map(|digits| -> Result<Images> {
            let images = digits.images.f_transpose(1, 2)?.f_contiguous()?;
            Ok(Images { images, ..digits })
        });
        Ok(Self { train: train?, test: test? })
    }
}

impl Images {
    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.labels.size()[0] as usize
    }

    /// Whether there is no picture at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flattens each picture to a row and divides its pixels by 255.
    pub fn preprocess(&self) -> Samples {
        // Bytes become floats of their own, which can be divided in place: another copy would be the most memory that a
        // training ever takes.
        let floats = |images: Tensor| images.to_dtype(Kind::Float, false, images.kind() == Kind::Float);
        Samples {
            name: self.name.clone(),
            inputs: floats(self.images.flatten(1, -1)).divide_scalar_(255.0),
            labels: self.labels.shallow_clone(),
            shape: self.images.size().iter().skip(1).map(|&size| size as usize).collect(),
            classes: self.classes.clone(),
        }
    }
}
