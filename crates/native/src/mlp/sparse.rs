//! The pixels of samples that are not 0. Blank pixels add nothing to the first layer's outputs and nothing to its
//! gradient: its products, the largest of a step, go through the others alone.

use std::{ops::Range, panic::resume_unwind, thread};

use tch::Tensor;

use crate::{Result, threads::thread_count};

/// Pixels whose bits are looked at together.
pub(super) const WORD: usize = 64;

/// Samples per chunk.
const CHUNK: usize = 1_024;

/// The pixels of samples that are not 0.
#[derive(Debug)]
pub(super) struct SparsePixels {
    pub(super) words_per_sample: usize,
    chunks: Vec<Chunk>,
}

/// Those of consecutive samples.
#[derive(Debug)]
struct Chunk {
    /// A bit for each pixel of each sample: set where it is not 0.
    bits: Vec<u64>,
    /// The pixels that are not 0, and where each sample's begin.
    nonzero: Vec<f32>,
    starts: Vec<usize>,
}

impl SparsePixels {
    /// Finds those of samples that are rows of pixels. Each thread looks through a part of the samples.
    pub(super) fn new(inputs: &Tensor) -> Result<Self> {
        let pixels = inputs.size()[1] as usize;
        let mut rows = inputs.f_split(CHUNK as i64, 0)?;
        let threads = thread_count();
        let part = rows.len().div_ceil(threads);
        let parts: Vec<Result<Vec<Chunk>>> = thread::scope(|scope| {
            let look = |part: Vec<Tensor>| part.iter().map(|rows| Chunk::new(rows, pixels)).collect();
            let parts = (0..threads).map(|_| rows.drain(..part.min(rows.len())).collect());
            let started: Vec<_> = parts.map(|part| scope.spawn(move || look(part))).collect();
            started.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        let chunks = parts.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        Ok(Self { words_per_sample: pixels.div_ceil(WORD), chunks })
    }

    /// Calls `with` for each nonzero pixel of a sample in these words, in order, with its position and its value.
    pub(super) fn each_pixel(&self, sample: usize, words: Range<usize>, mut with: impl FnMut(usize, f32)) {
        let (Chunk { bits, nonzero, starts }, sample) = (&self.chunks[sample / CHUNK], sample % CHUNK);
        let bits = &bits[sample * self.words_per_sample..][..self.words_per_sample];
        let before: u32 = bits[..words.start].iter().map(|word| word.count_ones()).sum();
        let mut nonzero = nonzero[starts[sample] + before as usize..].iter();
        for index in words {
            each_bit(bits[index], |bit| nonzero.next().into_iter().for_each(|&value| with(WORD * index + bit, value)));
        }
    }
}

impl Chunk {
    fn new(rows: &Tensor, pixels: usize) -> Result<Self> {
        let values = Vec::<f32>::try_from(rows.f_reshape([-1])?)?;
        let word = |pixels: &[f32]| pixels.iter().rev().fold(0, |word, &pixel| word << 1 | u64::from(pixel != 0.0));
        let bits: Vec<u64> = values.chunks(pixels).flat_map(|sample| sample.chunks(WORD).map(word)).collect();
        // The room that is needed and no more: this is the most that training adds to the samples' own memory.
        let mut nonzero = Vec::with_capacity(bits.iter().map(|word| word.count_ones() as usize).sum());
        let mut starts = Vec::with_capacity(values.len() / pixels);
        for (sample, bits) in values.chunks(pixels).zip(bits.chunks(pixels.div_ceil(WORD))) {
            starts.push(nonzero.len());
            for (pixels, &word) in sample.chunks(WORD).zip(bits) {
                each_bit(word, |bit| nonzero.push(pixels[bit]));
            }
        }
        Ok(Self { bits, nonzero, starts })
    }
}

/// Calls `with` for each bit that is set, the lowest first.
fn each_bit(mut word: u64, mut with: impl FnMut(usize)) {
    while word != 0 {
        with(word.trailing_zeros() as usize);
        word &= word - 1; // Clears the lowest bit.
    }
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
        let sparse = SparsePixels::new(&inputs).unwrap();
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
