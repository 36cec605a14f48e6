//! Dilation and closing of grey pictures.

use image::imageops;

use super::plane::Plane;

/// The morphological closing by a square: dark strokes narrower than it take the light of what is around them; larger dark
/// areas, shadows among them, stay.
pub(super) fn closing(plane: &Plane, side: usize) -> Plane {
    let margin = side as u32;
    let (width, height) = plane.dimensions();
    // What touches the edge goes on beyond it.
    let inside = |value: u32, length: u32| value.saturating_sub(margin).min(length - 1);
    let padded = Plane::from_fn(width + 2 * margin, height + 2 * margin, |x, y| {
        *plane.get_pixel(inside(x, width), inside(y, height))
    });
    let dilated = extremes(&padded, side, f32::max);
    let closed = extremes(&dilated, side, f32::min);
    imageops::crop_imm(&closed, margin, margin, width, height).to_image()
}

/// The morphological dilation by a square that reaches this far: light spreads over what is around it.
pub(super) fn dilation(plane: &Plane, reach: u32) -> Plane {
    let margin = 2 * reach;
    let mut padded = Plane::new(plane.width() + 2 * margin, plane.height() + 2 * margin);
    imageops::replace(&mut padded, plane, margin.into(), margin.into());
    let dilated = extremes(&padded, 2 * reach as usize + 1, f32::max);
    imageops::crop_imm(&dilated, margin, margin, plane.width(), plane.height()).to_image()
}

/// The largest or smallest number of the square around each pixel.
fn extremes(plane: &Plane, side: usize, pick: fn(f32, f32) -> f32) -> Plane {
    let rows = |plane: &Plane| {
        let mut result = plane.clone();
        let width = plane.width() as usize;
        for (row, found) in plane.chunks(width).zip(result.chunks_mut(width)) {
            found.copy_from_slice(&running(row, side, pick));
        }
        result
    };
    let turned = |plane: &Plane| imageops::rotate90(plane);
    imageops::rotate270(&rows(&turned(&rows(plane))))
}

/// The extreme of the numbers around each one, by two running extremes within blocks (M. van Herk, 1992). Within a
/// window of the ends it takes others, too; [`closing`] and [`dilation`] cut them off.
fn running(row: &[f32], window: usize, pick: fn(f32, f32) -> f32) -> Vec<f32> {
    let (window, last) = (window | 1, row.len() - 1);
    let (mut forward, mut backward) = (row.to_vec(), row.to_vec());
    for index in 1..row.len() {
        if index % window != 0 {
            forward[index] = pick(forward[index - 1], row[index]);
        }
        let index = last - index;
        if (index + 1) % window != 0 {
            backward[index] = pick(backward[index + 1], row[index]);
        }
    }
    let reach = window / 2;
    let around = |index: usize| pick(backward[index.saturating_sub(reach)], forward[(index + reach).min(last)]);
    (0..row.len()).map(around).collect()
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn the_running_extreme_is_that_of_each_window() {
        let row: Vec<f32> = (0..50).map(|index| ((index * 37) % 23) as f32).collect();
        let found = running(&row, 7, f32::max);
        for index in 3..47 {
            assert_eq!(found[index], row[index - 3..=index + 3].iter().copied().fold(0.0, f32::max), "at {index}");
        }
    }

    #[test]
    fn a_dilation_reaches_as_far_as_it_is_asked_to_at_the_edges_too() {
        for (column, row) in [(0, 0), (11, 8), (5, 4)] {
            let plane = Plane::from_fn(12, 9, |x, y| Luma([f32::from((x, y) == (column, row))]));
            for (x, y, found) in dilation(&plane, 3).enumerate_pixels() {
                let is_near = x.abs_diff(column) <= 3 && y.abs_diff(row) <= 3;
                assert_eq!(found.0[0] == 1.0, is_near, "{x}, {y} of {column}, {row}");
            }
        }
    }
}
