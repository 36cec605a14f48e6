//! Samples in the form that a network takes: all of them, a part, or batch by batch.

use tch::{Device, Kind, Tensor};

use super::Classes;
use crate::{Error, Result};

/// Rows of features with their labels.
#[derive(Debug)]
pub struct Samples {
    /// Where the samples come from, as in [`Images::name`](super::Images::name).
    pub name: String,
    /// One row per sample, `[count, features]`, 32-bit floats; for pictures the pixels, from 0 (paper) to 1 (ink).
    pub inputs: Tensor,
    /// The true class of each sample, `[count]`, 64-bit integers.
    pub labels: Tensor,
    /// What a row of features is: `[height, width]` of a picture, or `[features]` where samples are not pictures.
    pub shape: Vec<usize>,
    /// The classes that labels stand for.
    pub classes: Classes,
}

impl Samples {
    /// Makes samples that are not pictures: `inputs` are `[count, features]` 32-bit floats, `labels` are `[count]`
    /// 64-bit integers. The classes are numbered up to the largest label.
    ///
    /// ```
    /// use mnist_classification::{prelude::*, tch::Tensor};
    /// let inputs = Tensor::from_slice(&[0.0_f32, 0.1, 0.9, 0.8]).reshape([2, 2]);
    /// let samples = Samples::new("corners", inputs, Tensor::from_slice(&[0_i64, 1]))?;
    /// assert_eq!((samples.len(), samples.classes.len()), (2, 2));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Mismatch`] when a tensor has another shape, the two differ in length, or a label is no class;
    /// [`Error::Empty`] when there is no sample.
    pub fn new(name: impl Into<String>, inputs: Tensor, labels: Tensor) -> Result<Self> {
        let [count, features] = inputs.size()[..] else {
            return Err(Error::mismatch("inputs", format!("the shape {:?}", inputs.size()), "[count, features]"));
        };
        if labels.size() != [count] || labels.kind() != Kind::Int64 {
            let found = format!("the shape {:?} and the type {:?}", labels.size(), labels.kind());
            return Err(Error::mismatch("labels", found, format!("[{count}] and Int64, one per sample")));
        }
        let name = name.into();
        if count == 0 {
            return Err(Error::Empty { name });
        }
        let [smallest, largest] = [labels.f_min()?, labels.f_max()?].map(|label| label.int64_value(&[]));
        if smallest < 0 {
            return Err(Error::mismatch("labels", smallest, "classes from 0"));
        }
        let classes = Classes::numbered(largest as usize + 1);
        Ok(Self { name, inputs, labels, shape: vec![features as usize], classes })
    }

    /// Returns how many samples there are.
    pub fn len(&self) -> usize {
        self.labels.size()[0] as usize
    }

    /// Tells whether there is no sample at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks that there are samples to learn from, and one label for each.
    #[doc(hidden)]
    pub fn check(&self) -> Result<()> {
        let inputs = self.inputs.size().first().map_or(0, |&count| count as usize);
        match self.len() {
            0 => Err(Error::Empty { name: self.name.clone() }),
            labels if labels == inputs => Ok(()),
            labels => Err(Error::mismatch("labels", format!("{labels} labels"), format!("{inputs}, one per sample"))),
        }
    }

    /// Returns the labels as rows with a single 1, `[count, classes]`, as Keras' `to_categorical` gives them.
    pub fn one_hot(&self) -> Tensor {
        self.labels.one_hot(self.classes.len() as i64)
    }

    /// Splits off the last `fraction` of the samples, unshuffled, as Keras' `validation_split` does: the first part
    /// has ⌊n · (1 − fraction)⌋ of n samples. Both are views, not copies.
    ///
    /// # Errors
    /// [`Error::Empty`] when there is no sample; [`Error::InvalidSetting`] when a part would be empty.
    pub fn split(&self, fraction: f64) -> Result<(Self, Self)> {
        self.check()?;
        let first = (self.len() as f64 * (1.0 - fraction)).floor() as usize;
        if !(0.0..1.0).contains(&fraction) || first == 0 || first == self.len() {
            let count = self.len();
            let expected = format!("a share between 0 and 1 that leaves some of the {count} samples on both sides");
            return Err(Error::invalid_setting("validation_split", fraction, expected));
        }
        Ok((self.range(0, first), self.range(first, self.len() - first)))
    }

    /// Returns the samples at these positions, `[count]` 64-bit integers, as a copy in that order.
    ///
    /// # Errors
    /// [`Error::Torch`] for a position that is not there.
    pub fn select(&self, positions: &Tensor) -> Result<Self> {
        Ok(self.with(self.inputs.f_index_select(0, positions)?, self.labels.f_index_select(0, positions)?))
    }

    /// Returns consecutive samples in order, `size` at a time and the last ones fewer; views, not copies.
    pub fn batches(&self, size: usize) -> impl Iterator<Item = Self> {
        let size = size.max(1);
        (0..self.len()).step_by(size).map(move |start| self.range(start, size.min(self.len() - start)))
    }

    /// Returns the same samples on another device.
    pub fn to_device(&self, device: Device) -> Self {
        self.with(self.inputs.to_device(device), self.labels.to_device(device))
    }

    /// Returns the same samples; the tensors are shared, not copied.
    pub fn shallow_clone(&self) -> Self {
        self.with(self.inputs.shallow_clone(), self.labels.shallow_clone())
    }

    fn range(&self, start: usize, length: usize) -> Self {
        let part = |tensor: &Tensor| tensor.narrow(0, start as i64, length as i64);
        self.with(part(&self.inputs), part(&self.labels))
    }

    fn with(&self, inputs: Tensor, labels: Tensor) -> Self {
        Self { inputs, labels, name: self.name.clone(), shape: self.shape.clone(), classes: self.classes.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(count: i64) -> Samples {
        let labels = Tensor::arange(count, (tch::Kind::Int64, Device::Cpu));
        Samples::new("numbers", labels.unsqueeze(1), labels).unwrap()
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

    #[test]
    fn parts_keep_shape_and_classes() {
        let mut whole = samples(4);
        (whole.shape, whole.classes) = (vec![1, 1], Classes::new(["a", "b", "c", "d", "e"]));
        let (train, validation) = whole.split(0.5).unwrap();
        let chosen = whole.select(&Tensor::from_slice(&[3_i64])).unwrap();
        let moved = whole.to_device(Device::Cpu);
        for part in [train, validation, chosen, moved, whole.batches(3).next().unwrap()] {
            assert_eq!((&part.shape, &part.classes), (&whole.shape, &whole.classes));
            assert_eq!(part.one_hot().size()[1], 5);
        }
    }

    #[test]
    fn samples_that_do_not_fit_together_are_errors() {
        let floats = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
        let error = |inputs, labels| Samples::new("example", inputs, labels).unwrap_err().to_string();
        assert_eq!(
            error(floats(&[3]), Tensor::from_slice(&[0_i64])),
            "inputs: found the shape [3], expected [count, features]"
        );
        let short = error(floats(&[3, 2]), Tensor::from_slice(&[0_i64]));
        assert_eq!(short, "labels: found the shape [1] and the type Int64, expected [3] and Int64, one per sample");
        assert!(error(floats(&[1, 2]), floats(&[1])).contains("the type Float"));
        let negative = error(floats(&[1, 2]), Tensor::from_slice(&[-1_i64]));
        assert_eq!(negative, "labels: found -1, expected classes from 0");
        let empty = error(floats(&[0, 2]), Tensor::from_slice::<i64>(&[]));
        assert_eq!(empty, "the data set \"example\" is empty; at least one sample is needed");
        assert!(matches!(samples(1).range(0, 0).split(0.5), Err(Error::Empty { .. })));
    }
}
