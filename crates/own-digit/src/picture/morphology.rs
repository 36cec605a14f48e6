//! Dilation and closing of grey pictures.

use image::GrayImage;

/// The morphological closing by a square: dark strokes narrower than it take the light of what is around them; larger dark
/// areas, shadows among them, stay.
pub(super) fn closing(picture: &GrayImage, side: usize) -> GrayImage {
    // What touches the edge goes on beyond it: as far as both steps see.
    let (window, beyond) = (side | 1, 2 * (side / 2));
    let dilated = down(&across(picture, beyond, window, u8::max), beyond, window, u8::max);
    down(&across(&dilated, 0, window, u8::min), 0, window, u8::min)
}

/// The morphological dilation by a square that reaches this far: light spreads over what is around it.
pub(super) fn dilation(picture: &GrayImage, reach: u32) -> GrayImage {
    let reach = reach as usize;
    down(&across(picture, reach, 2 * reach + 1, u8::max), reach, 2 * reach + 1, u8::max)
}

/// The extreme of each window of pixels side by side, where each row goes on `beyond` its ends as it ends.
fn across(picture: &GrayImage, beyond: usize, window: usize, pick: impl Fn(u8, u8) -> u8) -> GrayImage {
    let width = picture.width() as usize;
    let (long, wide) = (width + 2 * beyond, width + 2 * beyond + 1 - window);
    let mut lines = Vec::with_capacity(long * picture.height() as usize);
    for row in picture.chunks(width) {
        lines.resize(lines.len() + beyond, row[0]);
        lines.extend_from_slice(row);
        lines.resize(lines.len() + beyond, row[width - 1]);
    }
    // Windows that reach from one line into the next are left out.
    let mut result = GrayImage::new(wide as u32, picture.height());
    let found = extremes(lines, 1, window, pick);
    result.chunks_mut(wide).zip(found.chunks(long)).for_each(|(row, found)| row.copy_from_slice(&found[..wide]));
    result
}

/// As [`across`], of pixels one below the other.
fn down(picture: &GrayImage, beyond: usize, window: usize, pick: impl Fn(u8, u8) -> u8) -> GrayImage {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let high = height + 2 * beyond + 1 - window;
    let mut rows = Vec::with_capacity(width * (height + 2 * beyond));
    (0..beyond).for_each(|_| rows.extend_from_slice(&picture.as_raw()[..width]));
    rows.extend_from_slice(picture.as_raw());
    (0..beyond).for_each(|_| rows.extend_from_slice(&picture.as_raw()[width * (height - 1)..]));
    let found = extremes(rows, width, window, pick);
    let mut result = GrayImage::new(width as u32, high as u32);
    result.copy_from_slice(&found);
    result
}

/// The extreme of each window of items, which are `length` pixels each: first of windows of two items, from them of four,
/// and so on.
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
