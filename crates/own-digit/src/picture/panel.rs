//! A light canvas in a dark window, or the reverse: a rectangle that holds the writing.

use super::{
    luma_image::LumaImage,
    parts::{Part, THRESHOLD, connected},
};

/// Finds the rectangle, left, top, width and height; and the edges of large parts outside it. It is a part of the ink
/// that covers much of the picture, has straight sides, and holes for what is written on it.
pub(super) fn panel(ink: &LumaImage) -> Option<([u32; 4], Vec<[u32; 4]>)> {
    let parts = connected(ink, THRESHOLD);
    let part = parts.iter().max_by_key(|part| part.pixels.len())?;
    let (area, all) = (part.width() * part.height(), ink.width() * ink.height());
    let inked = part.pixels.len() as u32;
    // Less is inked of a digit's thick strokes.
    let is_large = area * 6 > all && inked * 10 > area * 8;
    let inset = part.width().min(part.height()) / 50;
    let has_writing = (area - inked) * 300 > area;
    let has_straight_sides = || [1, 2].iter().all(|times| sides(part, inset * times) > 0.97);
    // A part that is the whole picture is the paper's other side: what is white there is the ink.
    if !is_large || !has_writing || area == all || !has_straight_sides() {
        return None;
    }
    let is_outside = |other: &&Part| {
        let is_large = other.size() * 10 > ink.width().min(ink.height());
        is_large && other.gap(part) > 0
    };
    let outside = parts.iter().filter(is_outside).map(Part::rectangle).collect();
    let [width, height] = [part.width(), part.height()].map(|side| side - 2 * inset);
    Some(([part.left + inset, part.top + inset, width, height], outside))
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

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn a_rectangle_with_writing_is_a_panel_and_thick_digits_are_none() {
        let is_window = |x: u32, y: u32| (60..260).contains(&x) && (40..180).contains(&y);
        let is_digit = |x: u32, y: u32| (150..160).contains(&x) && (70..150).contains(&y);
        let picture = |is: &dyn Fn(u32, u32) -> bool| LumaImage::from_fn(300, 200, |x, y| Luma([f32::from(is(x, y))]));
        let window = picture(&|x, y| is_window(x, y) && !is_digit(x, y));
        assert_eq!(panel(&window), Some(([62, 42, 196, 136], Vec::new())));
        let with_a_bar = picture(&|x, y| is_window(x, y) && !is_digit(x, y) || x < 40 && (20..30).contains(&y));
        assert_eq!(panel(&with_a_bar).unwrap().1, [[0, 20, 40, 30]]);
        // A window without writing; a 1 as a bar; a thick 0 with round corners, and one without.
        assert_eq!(panel(&picture(&is_window)), None);
        assert_eq!(panel(&picture(&|x, y| (100..200).contains(&x) && (5..195).contains(&y))), None);
        let from_middle = |x: u32, y: u32| (x as f32 - 150.0).hypot(y as f32 - 100.0);
        assert_eq!(panel(&picture(&|x, y| (20.0..95.0).contains(&from_middle(x, y)))), None);
        let is_hole = |x: u32, y: u32| (128..172).contains(&x) && (58..142).contains(&y);
        let is_block = |x: u32, y: u32| (100..200).contains(&x) && (30..170).contains(&y);
        assert_eq!(panel(&picture(&|x, y| is_block(x, y) && !is_hole(x, y))), None);
        assert_eq!(panel(&picture(&|_, _| false)), None);
    }
}
