//! Which pixels have ink. Four in five pixels of MNIST are blank: they add nothing to the first layer's outputs and
//! nothing to its gradient, so that its products, the largest of a step, go through the others alone.

use std::ops::Range;

use tch::Tensor;

use crate::{Result, lanes::floats};

/// Pixels whose bits are looked at together.
pub(super) const WORD: usize = 64;

/// A bit for each pixel of each digit: set where the pixel is not 0.
#[derive(Debug)]
pub(super) struct Ink {
    bits: Vec<u64>,
    pub(super) words_per_digit: usize,
}

impl Ink {
    /// Looks through `[digits, pixels]`.
    pub(super) fn of(inputs: &Tensor) -> Result<Self> {
        let pixels = inputs.size()[1] as usize;
        let word = |pixels: &[f32]| pixels.iter().rev().fold(0, |word, &pixel| word << 1 | u64::from(pixel != 0.0));
        let bits = floats(inputs)?.chunks(pixels).flat_map(|digit| digit.chunks(WORD).map(word)).collect();
        Ok(Self { bits, words_per_digit: pixels.div_ceil(WORD) })
    }

    /// Calls `with` for the inked pixels of a digit, in order: of those in these words, each of which has [`WORD`].
    pub(super) fn each_pixel(&self, digit: usize, words: Range<usize>, mut with: impl FnMut(usize)) {
        let first = words.start;
        for (index, &bits) in self.bits[digit * self.words_per_digit..][words].iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                with(WORD * (first + index) + bits.trailing_zeros() as usize);
                bits &= bits - 1; // Clears the lowest.
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn pixels_are_those_that_are_not_zero() {
        let inputs = Tensor::zeros([2, 200], (Kind::Float, Device::Cpu));
        for (pixel, ink) in [(0, 0.5), (63, 1.0), (64, -1.0), (127, f64::NAN), (199, 1.0)] {
            let _ = inputs.get(1).narrow(0, pixel, 1).fill_(ink);
        }
        let ink = Ink::of(&inputs).unwrap();
        let pixels = |digit, words| {
            let mut pixels = Vec::new();
            ink.each_pixel(digit, words, |pixel| pixels.push(pixel));
            pixels
        };
        assert_eq!(pixels(1, 0..4), [0, 63, 64, 127, 199]);
        assert_eq!(pixels(1, 1..2), [64, 127]);
        assert_eq!(pixels(1, 2..3), [0; 0]);
        assert_eq!(pixels(0, 0..4), [0; 0]);
    }
}
