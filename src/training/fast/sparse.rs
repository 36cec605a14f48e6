//! Samples as their pixels that are not 0. Four in five pixels of MNIST are blank: they add nothing to the first layer's
//! outputs and nothing to its gradient, so that its products, the largest of a step, go through the others alone.

use std::ops::Range;

use tch::Tensor;

use crate::{Error, Result, data::Samples};

/// Pixels whose bits are looked at together.
pub(super) const WORD: usize = 64;

/// The pixels of samples that are not 0, and their labels.
#[derive(Debug)]
pub(super) struct SparseSamples {
    /// The class of each sample.
    pub(super) labels: Vec<usize>,
    /// A bit for each pixel of each sample: set where it is not 0.
    bits: Vec<u64>,
    pub(super) words_per_sample: usize,
    /// The pixels that are not 0, and where each sample's begin.
    nonzero: Vec<f32>,
    starts: Vec<usize>,
}

impl SparseSamples {
    /// Looks through the rows of pixels of samples for a network with these parameters.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when network and samples do not fit.
    pub(super) fn new(samples: &Samples, parameters: &[Tensor]) -> Result<Self> {
        let labels = check(samples, parameters)?;
        let pixels = samples.inputs.size()[1] as usize;
        let word = |pixels: &[f32]| pixels.iter().rev().fold(0, |word, &pixel| word << 1 | u64::from(pixel != 0.0));
        // The room that is needed and no more: this is the most that training adds to the samples' own memory.
        let mut nonzero = Vec::with_capacity(samples.inputs.f_count_nonzero(None)?.int64_value(&[]) as usize);
        let (mut bits, mut starts) = (Vec::new(), Vec::new());
        for batch in samples.batches(1_000) {
            let values = Vec::<f32>::try_from(batch.inputs.f_reshape([-1])?)?;
            for sample in values.chunks(pixels) {
                bits.extend(sample.chunks(WORD).map(word));
                starts.push(nonzero.len());
                nonzero.extend(sample.iter().filter(|&&pixel| pixel != 0.0));
            }
        }
        Ok(Self { labels, bits, words_per_sample: pixels.div_ceil(WORD), nonzero, starts })
    }

    /// Calls `with` for each nonzero pixel of a sample in these words, in order, with its position and its value.
    pub(super) fn each_pixel(&self, sample: usize, words: Range<usize>, mut with: impl FnMut(usize, f32)) {
        let bits = &self.bits[sample * self.words_per_sample..][..self.words_per_sample];
        let before: u32 = bits[..words.start].iter().map(|word| word.count_ones()).sum();
        let mut nonzero = self.nonzero[self.starts[sample] + before as usize..].iter();
        for index in words {
            let mut word = bits[index];
            while word != 0 {
                let Some(&value) = nonzero.next() else { return };
                with(WORD * index + word.trailing_zeros() as usize, value);
                word &= word - 1; // Clears the lowest bit.
            }
        }
    }
}

/// The labels of samples that fit a network with these parameters.
fn check(samples: &Samples, parameters: &[Tensor]) -> Result<Vec<usize>> {
    let mismatch = |what, found, expected| Err(Error::Mismatch { what, found, expected });
    samples.check()?;
    let inputs = parameters[0].size()[0];
    let [_, pixels] = samples.inputs.size()[..] else {
        let found = format!("{:?}", samples.inputs.size());
        return mismatch("the size of the inputs", found, "a row of pixels per sample".into());
    };
    if pixels != inputs {
        return mismatch("pixels", format!("{pixels} per sample"), format!("{inputs}, the network's inputs"));
    }
    let classes = parameters[parameters.len() - 1].size()[0];
    let labels = Vec::<i64>::try_from(&samples.labels)?;
    if let Some(label) = labels.iter().find(|label| !(0..classes).contains(label)) {
        return mismatch("labels", label.to_string(), format!("0 to {}, the network's classes", classes - 1));
    }
    Ok(labels.into_iter().map(|label| label as usize).collect())
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    #[test]
    fn each_pixel_that_is_not_zero_comes_once_with_its_value() {
        let inputs = Tensor::zeros([3, 200], (Kind::Float, Device::Cpu));
        for (sample, pixel, value) in [(0, 5, 9.0), (1, 0, 0.5), (1, 63, 1.0), (1, 64, -1.0), (1, 199, 2.0)] {
            let _ = inputs.get(sample).narrow(0, pixel, 1).fill_(value);
        }
        let labels = Tensor::zeros([3], (Kind::Int64, Device::Cpu));
        let parameters = [[200, 2], [2, 1]].map(|size| Tensor::zeros(size, (Kind::Float, Device::Cpu)));
        let sparse = SparseSamples::new(&Samples::new("sparse", inputs, labels).unwrap(), &parameters).unwrap();
        let pixels = |sample, words| {
            let mut pixels = Vec::new();
            sparse.each_pixel(sample, words, |pixel, value| pixels.push((pixel, value)));
            pixels
        };
        assert_eq!(pixels(1, 0..4), [(0, 0.5), (63, 1.0), (64, -1.0), (199, 2.0)]);
        assert_eq!(pixels(1, 1..2), [(64, -1.0)]);
        assert_eq!(pixels(1, 2..4), [(199, 2.0)]);
        assert_eq!(pixels(2, 0..4), []);
    }
}
