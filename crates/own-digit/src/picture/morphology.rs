//! Dilation and closing of grey images by squares.

use std::iter::repeat_n;

use image::GrayImage;

/// Closes dark gaps narrower than a square of this side: dark strokes take the light of what is around them; larger
/// dark areas, shadows among them, stay.
pub(super) fn closing(image: &GrayImage, side: u32) -> GrayImage {
    // What touches the edge goes on beyond it: as far as both steps see.
    let dilated = extremes_of_squares(image, 2 * (side / 2), side | 1, u8::max);
    extremes_of_squares(&dilated, 0, side | 1, u8::min)
}

/// Dilates an image by a square that reaches this far: light spreads over what is around it.
pub(super) fn dilation(image: &GrayImage, reach: u32) -> GrayImage {
    extremes_of_squares(image, reach, 2 * reach + 1, u8::max)
}

/// Returns the extreme of each square with this side, where the image goes on `beyond` its edges as it ends.
fn extremes_of_squares(image: &GrayImage, beyond: u32, side: u32, pick: impl Fn(u8, u8) -> u8 + Copy) -> GrayImage {
    let (times, window) = (beyond as usize, side as usize);
    let rows: Vec<_> = image.chunks(image.width() as usize).collect();
    let mut pixels = Vec::new();
    with_ends_repeated(&rows, times).for_each(|row| pixels.extend(with_ends_repeated(row, times)));
    let length = image.width() as usize + 2 * times;
    let found = extremes(extremes(pixels, 1, window, pick), length, window, pick);
    let [width, height] = [image.width(), image.height()].map(|length| length + 2 * beyond + 1 - side);
    let mut result = GrayImage::new(width, height);
    // Squares that reach from the end of one row into the next are left out.
    for (row, found) in result.chunks_mut(width as usize).zip(found.chunks(length)) {
        row.copy_from_slice(&found[..width as usize]);
    }
    result
}

/// Repeats the first and the last item so many times more.
fn with_ends_repeated<T: Copy>(items: &[T], times: usize) -> impl Iterator<Item = T> {
    let end = |index: usize| repeat_n(items[index], times);
    end(0).chain(items.iter().copied()).chain(end(items.len() - 1))
}

/// Returns the extreme of each window of items, which are `length` pixels each: first of windows of two items, from
/// them of four, and so on.
fn extremes(mut items: Vec<u8>, length: usize, window: usize, pick: impl Fn(u8, u8) -> u8) -> Vec<u8> {
    let mut reached = 1;
    while reached < window {
        let step = reached.min(window - reached);
        items = items.iter().zip(&items[step * length..]).map(|(&one, &other)| pick(one, other)).collect();
        reached += step;
    }
    items
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn an_extreme_is_that_of_each_window_of_items() {
        let items: Vec<u8> = (0..50).map(|index| (index * 37 % 23) as u8).collect();
        for window in 1..20 {
            let found = extremes(items.clone(), 2, window, u8::max);
            assert_eq!(found.len(), 50 - 2 * (window - 1));
            for (place, found) in found.iter().enumerate() {
                let all = items[place..].iter().step_by(2).take(window);
                assert_eq!(Some(found), all.max(), "at {place}, window {window}");
            }
        }
    }

    #[test]
    fn a_dilation_reaches_as_far_as_it_is_asked_to_at_the_edges_too() {
        for (column, row) in [(0, 0), (11, 8), (5, 4)] {
            let picture = GrayImage::from_fn(12, 9, |x, y| Luma([u8::from((x, y) == (column, row))]));
            for (x, y, found) in dilation(&picture, 3).enumerate_pixels() {
                let is_near = x.abs_diff(column) <= 3 && y.abs_diff(row) <= 3;
                assert_eq!(found.0[0] == 1, is_near, "{x}, {y} of {column}, {row}");
            }
        }
    }
}
