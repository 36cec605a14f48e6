//! Digits in the form that the network takes: whole, in parts, and batch by batch.

use tch::{Device, Tensor};

use crate::{Error, Result};

/// Rows of pixels with their labels.
#[derive(Debug)]
pub struct Samples {
    /// Where the digits come from, as in [`Digits::name`](super::Digits::name).
    pub name: String,
    /// One row of pixels per digit, `[count, height × width]`, 32-bit floats from 0 (paper) to 1 (ink).
    pub inputs: Tensor,
    /// The true class of each digit, `[count]`, 64-bit integers.
    pub labels: Tensor,
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

    /// Splits off the last `fraction` of the samples, unshuffled, as Keras' `validation_split` does: the first part
    /// has ⌊n · (1 − fraction)⌋ of n samples. Both are views, not copies.
    ///
    /// # Errors
    /// [`Error::Setting`] when a part would be empty.
    pub fn split(&self, fraction: f64) -> Result<(Self, Self)> {
        let first = (self.len() as f64 * (1.0 - fraction)).floor() as usize;
        if !(0.0..1.0).contains(&fraction) || first == 0 || first == self.len() {
            let expected =
                format!("a share between 0 and 1 that leaves some of the {} digits on both sides", self.len());
            return Err(Error::Setting { setting: "validation_split", found: fraction.to_string(), expected });
        }
        Ok((self.range(0, first), self.range(first, self.len() - first)))
    }

    /// The samples at these positions, `[count]` 64-bit integers, as a copy in that order.
    ///
    /// # Errors
    /// [`Error::Torch`] for a position that is not there.
    pub fn select(&self, positions: &Tensor) -> Result<Self> {
        Ok(self.with(self.inputs.f_index_select(0, positions)?, self.labels.f_index_select(0, positions)?))
    }

    /// Consecutive samples in order, `size` at a time and the last ones fewer; views, not copies.
    pub fn batches(&self, size: usize) -> impl Iterator<Item = Self> {
        let size = size.max(1);
        (0..self.len()).step_by(size).map(move |start| self.range(start, size.min(self.len() - start)))
    }

    /// The same samples on another device.
    pub fn to_device(&self, device: Device) -> Self {
        self.with(self.inputs.to_device(device), self.labels.to_device(device))
    }

    /// The same samples; the tensors are shared, not copied.
    pub fn shallow_clone(&self) -> Self {
        self.with(self.inputs.shallow_clone(), self.labels.shallow_clone())
    }

    fn range(&self, start: usize, length: usize) -> Self {
        let part = |tensor: &Tensor| tensor.narrow(0, start as i64, length as i64);
        self.with(part(&self.inputs), part(&self.labels))
    }

    fn with(&self, inputs: Tensor, labels: Tensor) -> Self {
        Self { name: self.name.clone(), inputs, labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(count: i64) -> Samples {
        let labels = Tensor::arange(count, (tch::Kind::Int64, Device::Cpu));
        Samples { name: "numbers".into(), inputs: labels.unsqueeze(1), labels }
    }

    #[test]
    fn a_split_rounds_as_keras_does() {
        // In floats, 10 · (1 − 0.3) is 7, and 60,000 · (1 − 0.2) is 48,000.
        for (count, fraction, first) in [(60_000, 0.2, 48_000), (10, 0.3, 7), (11, 0.5, 5)] {
            let (train, validation) = samples(count).split(fraction).unwrap();
            assert_eq!((train.len(), validation.len()), (first, count as usize - first));
            assert_eq!(validation.labels.int64_value(&[0]), first as i64);
        }
        for fraction in [0.0, 1.0, -0.1, 0.99, f64::NAN] {
            assert!(
                samples(10).split(fraction).unwrap_err().to_string().starts_with("validation_split is "),
                "{fraction}"
            );
        }
    }

    #[test]
    fn batches_hold_every_sample_once_and_the_last_is_smaller() {
        let lengths: Vec<_> = samples(10).batches(4).map(|batch| batch.len()).collect();
        assert_eq!(lengths, [4, 4, 2]);
        let last = samples(10).batches(4).last().unwrap();
        assert_eq!(Vec::<i64>::try_from(&last.labels).unwrap(), [8, 9]);
    }
}
