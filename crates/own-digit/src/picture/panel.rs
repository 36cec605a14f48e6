//! A light canvas in a dark window, or the reverse: a rectangle that holds the writing.

use super::{
    luma_image::LumaImage,
    parts::{Part, THRESHOLD, connected},
};

/// Finds the rectangle: left, top, width and height. It is a part of the ink that covers much of the picture, has
/// straight sides, and holes for what is written on it.
pub(super) fn panel(ink: &LumaImage) -> Option<[u32; 4]> {
    let parts = connected(ink, THRESHOLD);
    let part = parts.iter().max_by_key(|part| part.pixels.len())?;
    let (area, all) = (part.width() * part.height(), ink.width() * ink.height());
    let inked = part.pixels.len() as u32;
    let is_large = area * 7 > all && inked * 10 > area * 7;
    let inset = part.width().min(part.height()) / 50;
    let has_writing = (area - inked) * 300 > area;
    let rectangle = [part.left, part.top, part.width(), part.height()];
    let [left, top, width, height] = rectangle;
    let within = [left + inset, top + inset, width - 2 * inset, height - 2 * inset];
    let has_straight_sides = || [1, 2].iter().all(|times| sides(part, inset * times) > 0.97);
    // A part that is the whole picture is the paper's other side: what is white there is the ink.
    (is_large && has_writing && area < all && has_straight_sides()).then_some(within)
}

/// Returns which fraction of a rectangle's outline is inked, so many pixels inside it.
fn sides(part: &Part, inset: u32) -> f64 {
    let (right, bottom) = (part.right - 1 - inset, part.bottom - 1 - inset);
    let is_on_side = |&&(x, y): &&(u32, u32)| {
        let is_inside = (part.left + inset..=right).contains(&x) && (part.top + inset..=bottom).contains(&y);
        is_inside && (x == part.left + inset || x == right || y == part.top + inset || y == bottom)
    };
    let length = 2 * (part.width() + part.height() - 4 * inset) - 4;
    part.pixels.iter().filter(is_on_side).count() as f64 / f64::from(length)
}
