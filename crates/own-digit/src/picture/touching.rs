//! Digits that touch: a part that is wide for a digit is cut in two, and a network says which of both it is.

use super::parts::Part;

/// A part may be two digits when its width is at least this fraction of its height.
const WIDE: f32 = 0.7;

/// Cuts a part in two at the column with the least ink, between a quarter and three quarters of its width; nothing
/// where it is too slim for two digits, or more than two strokes join them.
pub(super) fn halves(part: &Part) -> Option<[Part; 2]> {
    let width = part.width();
    if (width as f32) < WIDE * part.height() as f32 {
        return None;
    }
    let mut counts = vec![0_u32; width as usize];
    part.pixels.iter().for_each(|(x, _)| counts[(x - part.left) as usize] += 1);
    let from_middle = |x: &u32| (2 * x).abs_diff(width);
    let column = (width / 4..width * 3 / 4).min_by_key(|x| (counts[*x as usize], from_middle(x)))?;
    if counts[column as usize] as f32 > 2.6 * part.pen() {
        return None;
    }
    let (first, second): (Vec<_>, Vec<_>) = part.pixels.iter().partition(|(x, _)| *x < part.left + column);
    Some([Part::of(first)?, Part::of(second)?])
}
