//! The light that falls on paper, evened out: shadows, a flash, a lamp on one side.

use image::imageops;

use super::plane::{Plane, map, quantile, zip};

/// How far each pixel is darker than the paper around it; where the paper `reflects`, as a share of the paper's light: a
/// shadow takes as large a share from paper as from ink.
pub(super) fn without_shading(grey: &Plane, reflects: bool) -> Plane {
    let side = grey.width().min(grey.height());
    let paper = closing(grey, (side / 2).max(3) as usize);
    let ink = zip(&paper, grey, |paper, value| (paper - value) / if reflects { paper.max(0.1) } else { 1.0 });
    // The closing takes the lightest of the noise for the paper.
    let ground = quantile(ink.to_vec(), 0.5).min(0.1);
    map(&ink, |ink| (ink - ground).max(0.0))
}

/// The morphological closing by a square: dark strokes narrower than it take the light of what is around them; larger dark
/// areas, shadows among them, stay.
fn closing(plane: &Plane, side: usize) -> Plane {
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

/// The extreme of the numbers around each one, by two running extremes within blocks (M. van Herk, 1992). Within half a
/// window of the ends it takes too few; [`closing`] cuts them off.
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
    fn ink_in_light_and_in_shadow_has_one_strength_and_the_shadow_none() {
        // Paper reflects 0.9, ink 0.2; from x = 60 on, half of the light is gone.
        let light = |x: u32| if x < 60 { 1.0 } else { 0.5 };
        let reflected = |x: u32, y: u32| if (40..44).contains(&y) && (20..100).contains(&x) { 0.2 } else { 0.9 };
        let grey = Plane::from_fn(120, 90, |x, y| Luma([light(x) * reflected(x, y)]));
        for (x, y, ink) in without_shading(&grey, true).enumerate_pixels() {
            let expected = 1.0 - reflected(x, y) / 0.9;
            assert!((ink.0[0] - expected).abs() < 1e-5, "{x}, {y}: {}", ink.0[0]);
        }
    }
}
