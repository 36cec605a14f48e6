//! Which pixels have ink. Four in five pixels of MNIST are blank: they add nothing to the first layer's outputs and
//! nothing to its gradient, so that its products, the largest of a step, go through the others alone.

use std::{mem, ops::Range};

use tch::Tensor;

use crate::{Result, lanes::floats};

/// Pixels whose bits are looked at together.
pub(super) const WORD: usize = 64;

/// The pixels of digits that are not 0.
#[derive(Debug)]
pub(super) struct Ink {
    /// A bit for each pixel of each digit: set where it has ink.
    bits: Vec<u64>,
    pub(super) words_per_digit: usize,
    /// The pixels with ink, and where each digit's begin.
    inked: Vec<f32>,
    starts: Vec<usize>,
}

impl Ink {
    /// Looks through `[digits, pixels]`.
    pub(super) fn of(inputs: &Tensor) -> Result<Self> {
        let (pixels, values) = (inputs.size()[1] as usize, floats(inputs)?);
        let word = |pixels: &[f32]| pixels.iter().rev().fold(0, |word, &pixel| word << 1 | u64::from(pixel != 0.0));
        let bits: Vec<u64> = values.chunks(pixels).flat_map(|digit| digit.chunks(WORD).map(word)).collect();
        let words_per_digit = pixels.div_ceil(WORD);
        let count = |digit: &[u64]| digit.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let counts = bits.chunks(words_per_digit).map(count);
        let starts = counts.scan(0, |end, count| Some(mem::replace(end, *end + count))).collect();
        // The room that is needed and no more: this is the most that training adds to the digits' own memory.
        let mut inked = Vec::with_capacity(count(&bits));
        inked.extend(values.iter().filter(|&&pixel| pixel != 0.0));
        Ok(Self { bits, words_per_digit, inked, starts })
    }

    /// Calls `with` for each inked pixel of a digit in these words, in order, with its position and its value.
    pub(super) fn each_pixel(&self, digit: usize, words: Range<usize>, mut with: impl FnMut(usize, f32)) {
        let bits = &self.bits[digit * self.words_per_digit..][..self.words_per_digit];
        let before: u32 = bits[..words.start].iter().map(|word| word.count_ones()).sum();
        let mut inked = self.inked[self.starts[digit] + before as usize..].iter();
        for index in words {
            let mut word = bits[index];
            while word != 0 {
                let Some(&value) = inked.next() else { return };
                with(WORD * index + word.trailing_zeros() as usize, value);
                word &= word - 1; // Clears the lowest bit.
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn each_pixel_that_is_not_zero_comes_once_with_its_value() {
        let inputs = Tensor::zeros([3, 200], (Kind::Float, Device::Cpu));
        for (digit, pixel, value) in [(0, 5, 9.0), (1, 0, 0.5), (1, 63, 1.0), (1, 64, -1.0), (1, 199, 2.0)] {
            let _ = inputs.get(digit).narrow(0, pixel, 1).fill_(value);
        }
        let ink = Ink::of(&inputs).unwrap();
        let pixels = |digit, words| {
            let mut pixels = Vec::new();
            ink.each_pixel(digit, words, |pixel, value| pixels.push((pixel, value)));
            pixels
        };
        assert_eq!(pixels(1, 0..4), [(0, 0.5), (63, 1.0), (64, -1.0), (199, 2.0)]);
        assert_eq!(pixels(1, 1..2), [(64, -1.0)]);
        assert_eq!(pixels(1, 2..4), [(199, 2.0)]);
        assert_eq!(pixels(2, 0..4), []);
    }
}
