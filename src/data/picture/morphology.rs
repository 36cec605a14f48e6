//! Dilation and closing of grey pictures.

use super::plane::Plane;

/// Columns are taken this many at a time: they lie side by side in memory.
const STRIP: usize = 16;

/// The morphological closing by a square: dark strokes narrower than it take the light of what is around them; larger dark
/// areas, shadows among them, stay.
pub(super) fn closing(plane: &Plane, side: usize) -> Plane {
    // What touches the edge goes on beyond it: as far as both steps see.
    let (window, beyond) = (side | 1, 2 * (side / 2));
    let dilated = down(&across(plane, beyond, window, f32::max), beyond, window, f32::max);
    down(&across(&dilated, 0, window, f32::min), 0, window, f32::min)
}

/// The morphological dilation by a square that reaches this far: light spreads over what is around it.
pub(super) fn dilation(plane: &Plane, reach: u32) -> Plane {
    let reach = reach as usize;
    down(&across(plane, reach, 2 * reach + 1, f32::max), reach, 2 * reach + 1, f32::max)
}

/// The extreme of each window of numbers side by side, where each row goes on `beyond` its ends as it ends.
fn across(plane: &Plane, beyond: usize, window: usize, pick: impl Fn(f32, f32) -> f32) -> Plane {
    let width = plane.width() as usize;
    let wide = width + 2 * beyond + 1 - window;
    let mut result = Plane::new(wide as u32, plane.height());
    for (row, found) in plane.chunks(width).zip(result.chunks_mut(wide)) {
        let mut line = vec![row[0]; beyond];
        line.extend(row);
        line.resize(width + 2 * beyond, row[width - 1]);
        found.copy_from_slice(&extremes(line, 1, window, &pick));
    }
    result
}

/// As [`across`], of numbers one below the other.
fn down(plane: &Plane, beyond: usize, window: usize, pick: impl Fn(f32, f32) -> f32) -> Plane {
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let high = height + 2 * beyond + 1 - window;
    let mut result = Plane::new(width as u32, high as u32);
    for left in (0..width).step_by(STRIP) {
        let columns = left..(left + STRIP).min(width);
        let rows = (0..height + 2 * beyond).map(|y| y.saturating_sub(beyond).min(height - 1));
        let mut strip = Vec::with_capacity(rows.len() * columns.len());
        rows.for_each(|y| strip.extend_from_slice(&plane.as_raw()[y * width..][columns.clone()]));
        let found = extremes(strip, columns.len(), window, &pick);
        for (row, found) in result.chunks_mut(width).zip(found.chunks(columns.len())) {
            row[columns.clone()].copy_from_slice(found);
        }
    }
    result
}

/// The extreme of each window of items, which are `length` numbers each: first of windows of two items, from them of four,
/// and so on.
fn extremes(mut items: Vec<f32>, length: usize, window: usize, pick: impl Fn(f32, f32) -> f32) -> Vec<f32> {
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
        let items: Vec<f32> = (0..50).map(|index| ((index * 37) % 23) as f32).collect();
        for window in 1..20 {
            let found = extremes(items.clone(), 2, window, f32::max);
            assert_eq!(found.len(), 50 - 2 * (window - 1));
            for (place, found) in found.iter().enumerate() {
                let all = items[place..].iter().step_by(2).take(window);
                assert_eq!(*found, all.copied().fold(0.0, f32::max), "at {place}, window {window}");
            }
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
