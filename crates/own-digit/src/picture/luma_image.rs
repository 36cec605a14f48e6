//! Grey images of numbers from 0 to 1, and the operations that several steps share.

use image::{ImageBuffer, Luma};

/// A grey image of numbers.
pub(super) type LumaImage = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Changes each number of an image.
pub(super) fn map(image: &LumaImage, change: impl Fn(f32) -> f32) -> LumaImage {
    zip(image, image, |value, _| change(value))
}

/// Makes one image from two of the same size, number by number.
pub(super) fn zip(one: &LumaImage, other: &LumaImage, combine: impl Fn(f32, f32) -> f32) -> LumaImage {
    let mut result = one.clone();
    result.iter_mut().zip(other.iter()).for_each(|(value, &other)| *value = combine(*value, other));
    result
}

/// Makes an image of numbers in eight bits.
pub(super) fn from_bytes((width, height): (u32, u32), bytes: impl Iterator<Item = u8>) -> LumaImage {
    let mut image = LumaImage::new(width, height);
    image.iter_mut().zip(bytes).for_each(|(value, byte)| *value = f32::from(byte) / 255.0);
    image
}

/// Shrinks an image so many times: each pixel is the mean of a square. What is left at the right and below is dropped.
pub(super) fn shrunk(image: &LumaImage, times: u32) -> LumaImage {
    let (width, side) = (image.width() as usize, times as usize);
    let mut sums = LumaImage::new(image.width() / times, image.height() / times);
    for (sums, rows) in sums.chunks_mut(width / side).zip(image.chunks(width * side)) {
        for row in rows.chunks(width) {
            sums.iter_mut().zip(row.chunks(side)).for_each(|(sum, values)| *sum += values.iter().sum::<f32>());
        }
    }
    map(&sums, |sum| sum / (side * side) as f32)
}

/// Of more numbers than this, [`sample`] takes at most so many.
const ENOUGH: usize = 20_000;

/// Returns all of the numbers, or evenly spaced ones of too many.
pub(super) fn sample(values: &[f32]) -> impl Iterator<Item = f32> {
    values.iter().copied().step_by(values.len().div_ceil(ENOUGH).max(1))
}

/// Returns the number below which this fraction of the numbers lies; 0 of none.
pub(super) fn quantile(values: &[f32], fraction: f64) -> f32 {
    let mut values: Vec<_> = sample(values).collect();
    if values.is_empty() {
        return 0.0;
    }
    let index = ((values.len() - 1) as f64 * fraction).round() as usize;
    *values.select_nth_unstable_by(index, f32::total_cmp).1
}

/// Returns the number that best separates the dark pixels from the light ones, which lie above it (N. Otsu, 1979).
pub(super) fn threshold(image: &LumaImage) -> f32 {
    let mut counts = [0.0; 256];
    image.iter().for_each(|value| counts[usize::from((255.0 * value + 0.5) as u8)] += 1.0);
    let count: f64 = counts.iter().sum();
    let sum: f64 = (0..).zip(counts).map(|(grey, number)| f64::from(grey) * number).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let (mut largest, mut best) = (0.0, 0.0);
    for (grey, number) in (0..).map(f64::from).zip(counts) {
        below += number;
        sum_below += grey * number;
        let between = (sum_below * count - sum * below).powi(2) / (below * (count - below)).max(1e-9);
        if between > largest {
            (largest, best) = (between, grey);
        }
    }
    ((best + 0.5) / 255.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_picture_has_the_means_of_squares() {
        let plane = LumaImage::from_fn(7, 5, |x, y| Luma([(10 * y + x) as f32]));
        let small = shrunk(&plane, 3);
        assert_eq!((small.dimensions(), small.to_vec()), ((2, 1), vec![11.0, 14.0]));
    }

    #[test]
    fn a_quantile_of_many_numbers_is_told_by_a_sample() {
        let values: Vec<f32> = (0..1_000_000).map(|index| (index * 7_919_i64 % 1_000_000) as f32).collect();
        for share in [0.0, 0.25, 0.99] {
            assert!((quantile(&values, share) / 1e6 - share as f32).abs() < 0.01, "{share}");
        }
        assert_eq!([quantile(&[3.0, 1.0, 2.0], 0.5), quantile(&[], 0.5)], [2.0, 0.0]);
    }
}
