//! Parts of a picture that are no writing: a scanner's edge, lines, frames, squares, and what reaches into the picture
//! from its border.

use super::{
    luma_image::LumaImage,
    parts::{Part, THRESHOLD, connected},
};

/// Of ink with the usual strength, or more where the usual finds only lines.
const THRESHOLDS: [f32; 3] = [THRESHOLD, 0.6, 0.75];

/// A picture has at most so many parts, the largest ones: a dotted page has thousands.
const MOST: usize = 400;

/// Finds the parts of a picture that can be writing; and those beyond the largest ones.
pub(super) fn writing(ink: &LumaImage) -> (Vec<Part>, Vec<Part>) {
    let parts = THRESHOLDS.iter().find_map(|&threshold| without_clutter(ink, threshold));
    let mut parts = parts.unwrap_or_else(|| connected(ink, THRESHOLD));
    if parts.len() <= MOST {
        return (parts, Vec::new());
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.pixels.len()));
    let rest = parts.split_off(MOST);
    (parts, rest)
}

/// Finds the parts without frames, edges, lines and squares. Nothing where no large one remains.
fn without_clutter(ink: &LumaImage, threshold: f32) -> Option<Vec<Part>> {
    let size @ (width, height) = ink.dimensions();
    let parts = connected(ink, threshold);
    let large: Vec<_> = parts.iter().filter(|part| part.size() * 10 > width.min(height)).collect();
    let is_upright = |part: &&&Part| part.height() * 2 > part.width();
    let tallest = large.iter().filter(is_upright).map(|part| part.height()).max().unwrap_or(0);
    let is_clutter: Vec<_> = (parts.iter())
        .map(|part| {
            // In a picture that is cut to its digits, others are as long.
            let is_as_long = |other: &Part| other.size() * 5 > part.size() * 4 && !is_edge(other, size);
            let is_edge = is_edge(part, size) && !large.iter().any(|other| is_as_long(other));
            is_edge || is_line(part, size, tallest) || large.iter().any(|other| is_frame(part, other))
        })
        .collect();
    let others = parts.into_iter().zip(is_clutter).filter(|(_, is_clutter)| !is_clutter);
    let others: Vec<_> = others.map(|(part, _)| part).collect();
    others.iter().any(|part| part.height() * 10 > width.min(height)).then_some(others)
}

/// Tells whether a part is a frame around another part: its pixels lie along its sides.
fn is_frame(part: &Part, other: &Part) -> bool {
    let is_around =
        part.left < other.left && part.top < other.top && part.right > other.right && part.bottom > other.bottom;
    let near = part.height().min(part.width()) / 12;
    let is_near = |&&(x, y): &&(u32, u32)| {
        (x - part.left).min(part.right - 1 - x).min(y - part.top).min(part.bottom - 1 - y) < near
    };
    let fraction_near = || part.pixels.iter().filter(is_near).count() as f64 / part.pixels.len() as f64;
    is_around && other.height() * 6 > part.height() && fraction_near() > 0.8
}

/// Tells whether a part looks like a scanner's edge; a digit may, too.
fn is_edge(part: &Part, (width, height): (u32, u32)) -> bool {
    let touches = touched(part, (width, height), width.min(height) / 50);
    (touches[0] || touches[2]) && part.height() * 10 >= height * 9 && part.width() * 4 < width
        || (touches[1] || touches[3]) && part.width() * 10 >= width * 9 && part.height() * 4 < height
}

/// Tells whether a part looks like a line or squares; a digit may, too.
fn is_line(part: &Part, size: (u32, u32), tallest: u32) -> bool {
    let fill = part.pixels.len() as f64 / f64::from(part.width() * part.height());
    // A dash is a line as well, but a short one beside the tallest digit.
    let is_long = part.width() * 4 > size.0 && part.width() * 5 > tallest * 4;
    is_long && part.width() > 8 * part.height() && fill > 0.6
        || touched(part, size, size.0.min(size.1) / 50) == [true; 4] && fill < 0.35
}

/// Tells which borders of the picture a part comes near: left, top, right and bottom.
fn touched(part: &Part, (width, height): (u32, u32), near: u32) -> [bool; 4] {
    [part.left <= near, part.top <= near, part.right + near >= width, part.bottom + near >= height]
}

/// Takes out what reaches into the picture from its border, such as a finger or the end of another line: it touches
/// the border, where other parts do not, and is much larger or smaller than these.
pub(super) fn take_out_intruders(parts: &mut Vec<Part>, size: (u32, u32)) -> Vec<Part> {
    let touches = |part: &Part| touched(part, size, 0).contains(&true);
    let tallest = parts.iter().filter(|part| !touches(part)).map(Part::height).max().unwrap_or(0);
    if tallest * 10 < size.0.min(size.1) {
        return Vec::new();
    }
    let is_other_size = |part: &Part| part.size() * 5 > tallest * 8 || part.height() * 5 < tallest * 2;
    // No digit is as solid.
    let is_blot = |part: &Part| part.pen() * 3.0 > part.size() as f32;
    parts.extract_if(.., |part| touches(part) && (is_other_size(part) || is_blot(part))).collect()
}
