//! Other ways to take the ink: a digit that is wide may be two that touch, and two that lie close together may be
//! pieces of one, such as a 5 whose bar stands apart. A network says which it is.

use std::ops::Range;

use super::{
    parts::{Part, interval_gap},
    writing::Writing,
};

/// Another way to take one digit or two.
#[derive(Debug)]
pub(crate) struct Alternative {
    /// The digits that it stands for.
    pub(crate) digits: Range<usize>,
    /// What they are instead, and the edges of that in the picture.
    pub(super) parts: Vec<Part>,
    pub(crate) boxes: Vec<[u32; 4]>,
    /// Whether these are two digits that lie closer together than most, and are together as slim as one.
    pub(crate) are_close: bool,
}

/// A part may be two digits when its width is at least this fraction of its height.
const WIDE: f32 = 0.7;

/// Two digits may be pieces of one when the gap between them is at most this fraction of the taller one's height, and
/// both together are not wider than so many times their height. They are close with the smaller gap, where both
/// together are slimmer than [`WIDE`].
const GAP: f32 = 0.4;
const WIDEST: f32 = 1.8;
const CLOSE: f32 = 0.15;

/// Returns which digits may be others, from left to right.
pub(super) fn of(writing: &Writing) -> Vec<Alternative> {
    let digits = &writing.digits;
    let halves = |index: usize| Some(Alternative::new(index..index + 1, halves(&digits[index])?.into(), false));
    let whole = |index: usize| {
        let is_marked = writing.marks.iter().any(|(before, _)| *before == index + 1);
        let (one, other) = (&digits[index], digits.get(index + 1).filter(|_| !is_marked)?);
        let gap = interval_gap((one.left, one.right), (other.left, other.right)) as f32;
        let tallest = one.height().max(other.height()) as f32;
        let whole = (gap <= GAP * tallest).then(|| whole(one, other))??;
        let are_close = gap <= CLOSE * tallest && !is_wide(&whole);
        Some(Alternative::new(index..index + 2, vec![whole], are_close))
    };
    (0..digits.len()).flat_map(|index| [halves(index), whole(index)]).flatten().collect()
}

impl Alternative {
    fn new(digits: Range<usize>, parts: Vec<Part>, are_close: bool) -> Self {
        let boxes = parts.iter().map(Part::rectangle).collect();
        Self { digits, parts, boxes, are_close }
    }
}

/// Joins two parts, unless they are too wide for one digit.
fn whole(one: &Part, other: &Part) -> Option<Part> {
    let whole = Part::of([&one.pixels[..], &other.pixels].concat())?;
    (whole.width() as f32 <= WIDEST * whole.height() as f32).then_some(whole)
}

fn is_wide(part: &Part) -> bool {
    part.width() as f32 >= WIDE * part.height() as f32
}

/// Cuts a part in two at the column with the least ink, between a quarter and three quarters of its width; nothing
/// where it is too slim for two digits, or more than two strokes join them.
fn halves(part: &Part) -> Option<[Part; 2]> {
    if !is_wide(part) {
        return None;
    }
    let width = part.width();
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

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::{super::luma_image::LumaImage, *};

    /// The alternatives of rectangles of ink, across and down: the digits, how many they are instead, and whether they
    /// are close.
    fn found(ink: &[[Range<u32>; 2]]) -> Vec<(Range<usize>, usize, bool)> {
        let is_inked = |x, y| ink.iter().any(|[across, down]| across.contains(&x) && down.contains(&y));
        let picture = LumaImage::from_fn(400, 200, |x, y| Luma([f32::from(is_inked(x, y))]));
        let alternatives = of(&Writing::on(&picture));
        alternatives.into_iter().map(|other| (other.digits, other.parts.len(), other.are_close)).collect()
    }

    #[test]
    fn wide_digits_may_be_two_and_near_ones_pieces() {
        let [one, bar] = [[50..60, 60..140], [50..130, 96..104]];
        assert_eq!(found(std::slice::from_ref(&one)), []);
        // Two ones that a bar joins.
        assert_eq!(found(&[one.clone(), [120..130, 60..140], bar]), [(0..1, 2, false)]);
        assert_eq!(found(&[one.clone(), [69..79, 60..140]]), [(0..2, 1, true)]);
        assert_eq!(found(&[one.clone(), [85..95, 60..140]]), [(0..2, 1, false)]);
        assert_eq!(found(&[one.clone(), [120..130, 60..140]]), []);
        // Not across a mark, nor what is too wide for a digit.
        assert_eq!(found(&[one.clone(), [68..80, 128..140], [86..96, 60..140]]), []);
        assert_eq!(
            found(&[[20..110, 60..140], [115..205, 60..140]]).iter().filter(|other| other.0.len() > 1).count(),
            0
        );
    }
}
