//! Grey pictures of numbers from 0 to 1, and what all steps need of them.

use image::{GrayImage, ImageBuffer, Luma};

/// A grey picture of numbers.
pub(super) type LumaImage = ImageBuffer<Luma<f32>, Vec<f32>>;

/// A picture of the same size with each number changed.
pub(super) fn map(plane: &LumaImage, with: impl Fn(f32) -> f32) -> LumaImage {
    zip(plane, plane, |value, _| with(value))
}

/// A picture from two of the same size, number by number.
pub(super) fn zip(one: &LumaImage, other: &LumaImage, with: impl Fn(f32, f32) -> f32) -> LumaImage {
    let mut result = one.clone();
    result.iter_mut().zip(other.iter()).for_each(|(value, &other)| *value = with(*value, other));
    result
}

/// A picture as many times smaller, each pixel the mean of a square; what is left at the right and below is left out.
pub(super) fn shrunk(plane: &LumaImage, times: u32) -> LumaImage {
    let side = times as usize;
    let mut result = LumaImage::new(plane.width() / times, plane.height() / times);
    let (width, across) = (plane.width() as usize, result.width() as usize);
    for (row, found) in result.chunks_mut(across).enumerate() {
        for line in plane.chunks(width).skip(row * side).take(side) {
            found
                .iter_mut()
                .zip(line.chunks_exact(side))
                .for_each(|(found, values)| *found += values.iter().sum::<f32>());
        }
        found.iter_mut().for_each(|found| *found /= (side * side) as f32);
    }
    result
}

/// The numbers in eight bits each.
pub(super) fn bytes(plane: &LumaImage) -> GrayImage {
    let mut result = GrayImage::new(plane.width(), plane.height());
    result.iter_mut().zip(plane.iter()).for_each(|(byte, value)| *byte = (255.0 * value + 0.5) as u8);
    result
}

/// The numbers that [`bytes`] has kept.
pub(super) fn of_bytes(picture: &GrayImage) -> LumaImage {
    let mut result = LumaImage::new(picture.width(), picture.height());
    result.iter_mut().zip(picture.iter()).for_each(|(value, &byte)| *value = f32::from(byte) / 255.0);
    result
}

/// Of more numbers than this, at most so many tell how they lie.
const ENOUGH: usize = 20_000;

/// All of the numbers, or enough of them.
pub(super) fn sample(values: &[f32]) -> impl Iterator<Item = f32> {
    values.iter().copied().step_by(values.len().div_ceil(ENOUGH).max(1))
}

/// The number below which this share of the numbers lies; 0 of none.
pub(super) fn quantile(values: &[f32], share: f64) -> f32 {
    let mut values: Vec<_> = sample(values).collect();
    if values.is_empty() {
        return 0.0;
    }
    let index = ((values.len() - 1) as f64 * share).round() as usize;
    *values.select_nth_unstable_by(index, f32::total_cmp).1
}

/// The number that best parts the dark pixels from the light ones, which lie above it (N. Otsu, 1979).
pub(super) fn threshold(plane: &LumaImage) -> f32 {
    let mut counts = [0_u32; 256];
    plane.iter().for_each(|value| counts[usize::from((255.0 * value + 0.5) as u8)] += 1);
    let counts = counts.map(f64::from);
    let count: f64 = counts.iter().sum();
    let sum: f64 = counts.iter().enumerate().map(|(grey, count)| grey as f64 * count).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (0.0, 0.0);
    for (grey, number) in counts.iter().enumerate() {
        below += number;
        sum_below += grey as f64 * number;
        let between = (sum_below * count - sum * below).powi(2) / (below * (count - below)).max(1e-9);
        if below < count && between > best.0 {
            best = (between, grey as f64);
        }
    }
    ((best.1 + 0.5) / 255.0) as f32
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
