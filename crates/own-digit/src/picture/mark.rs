//! Marks between digits: a point, a comma, a colon, a hyphen or minus.

use super::parts::{Part, interval_overlap};

/// Where the digits of a row lie, and how wide their strokes are, in pixels.
pub(super) struct Row {
    top: f32,
    height: f32,
    pen: f32,
}

/// A mark: the sum of its left and right edge, its sign, and its parts.
pub(super) type Mark = (u32, char, Vec<Part>);

impl Row {
    /// Measures the large parts of a row: the medians of their edges and pens.
    pub(super) fn of(parts: &[Part]) -> Self {
        let median = |measure: fn(&Part) -> f32| {
            let mut values: Vec<_> = parts.iter().map(measure).collect();
            values.sort_unstable_by(f32::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        let (top, bottom) = (median(|part| part.top as f32), median(|part| part.bottom as f32));
        Self { top, height: (bottom - top).max(1.0), pen: median(Part::pen) }
    }

    /// Tells how far down the middle of a part lies: 0 at the top of the digits, 1 at their bottom.
    fn middle(&self, part: &Part) -> f32 {
        ((part.top + part.bottom) as f32 / 2.0 - self.top) / self.height
    }

    /// Tells whether a part may be drawn by the digits' pen.
    pub(super) fn is_by_its_pen(&self, part: &Part) -> bool {
        part.pen() > 0.4 * self.pen
    }

    /// Tells whether a part is a dot of the pen.
    fn is_dot(&self, part: &Part) -> bool {
        let (shorter, longer) = (part.width().min(part.height()) as f32, part.size() as f32);
        shorter >= 0.8 * self.pen && longer <= 2.2 * self.pen && longer <= 0.3 * self.height && longer <= 1.7 * shorter
    }

    fn is_comma(&self, part: &Part) -> bool {
        let (width, height) = (part.width() as f32, part.height() as f32);
        let is_below = (part.bottom as f32 - self.top) / self.height > 1.04;
        let is_upright = height >= 1.3 * width && height <= 0.5 * self.height;
        is_upright && is_below && width >= 0.5 * self.pen && width <= 2.5 * self.pen && self.middle(part) > 0.75
    }

    fn is_dash(&self, part: &Part) -> bool {
        let (width, height) = (part.width() as f32, part.height() as f32);
        let is_flat = width >= 1.7 * height && height <= 2.0 * self.pen;
        let is_long = (0.12..=1.2).contains(&(width / self.height)) && width >= 1.5 * self.pen;
        is_flat && is_long && (0.3..=0.75).contains(&self.middle(part))
    }
}

/// Takes the marks of a row out of its small parts: what no digit stands above or below, and has a mark's size and
/// place.
pub(super) fn take(small: &mut Vec<Part>, large: &[Part], row: &Row) -> Vec<Mark> {
    let overlap = |one: &Part, other: &Part| interval_overlap((one.left, one.right), (other.left, other.right));
    let is_free = |part: &Part| large.iter().all(|digit| overlap(digit, part) * 3 <= part.width());
    // A dot that all but touches a digit is a piece of it.
    let near = (row.pen / 2.0) as u32;
    let is_apart =
        |part: &Part| large.iter().all(|digit| digit.left >= part.right + near || part.left >= digit.right + near);
    let mut marks: Vec<Mark> = Vec::new();
    let mut dots: Vec<_> = small.extract_if(.., |part| is_apart(part) && row.is_dot(part)).collect();
    while let Some(dot) = dots.pop() {
        let is_above = |other: &Part| {
            let apart = (row.middle(other) - row.middle(&dot)).abs();
            overlap(other, &dot) * 2 >= other.width().min(dot.width()) && (0.2..0.8).contains(&apart)
        };
        if let Some(other) = dots.iter().position(is_above) {
            marks.push((dot.left + dot.right, ':', vec![dot, dots.swap_remove(other)]));
        } else if row.middle(&dot) > 0.72 {
            marks.push((dot.left + dot.right, '.', vec![dot]));
        } else {
            small.push(dot);
        }
    }
    for part in small.extract_if(.., |part| is_free(part) && (row.is_comma(part) || row.is_dash(part))) {
        let sign = if row.is_dash(&part) { '-' } else { ',' };
        marks.push((part.left + part.right, sign, vec![part]));
    }
    marks.sort_by_key(|(middle, ..)| *middle);
    marks
}
