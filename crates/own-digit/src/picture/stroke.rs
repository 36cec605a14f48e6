//! The width of a digit's strokes, brought to what MNIST's digits have.

use image::imageops;

use super::luma_image::{LumaImage, map, quantile, zip};

/// The longer side of a digit while its strokes are measured, in pixels.
pub(super) const SIDE: f32 = 100.0;

/// Strokes as wide as this fraction of the digit's longer side stay as they are: 98 in 100 of MNIST's training digits.
const USUAL: [f32; 2] = [0.097, 0.218];

/// The widths that thinner strokes are brought to, and wider ones.
const TARGETS: [f32; 2] = [0.12, 0.2];

/// A larger distance than any.
const FAR: f32 = 1e6;

/// Returns a digit, from 0 (paper) to 1 (ink), cut to its edges, whose strokes are about as wide as MNIST's.
pub(super) fn usual_width(digit: &LumaImage) -> LumaImage {
    let digit = cut(digit);
    let measured = measurable(&digit);
    let width = width(&measured) / SIDE;
    let target = match width {
        thin if thin < USUAL[0] => TARGETS[0],
        wide if wide > USUAL[1] => TARGETS[1],
        _ => return digit,
    };
    // With r pixels more on each side, the stroke has w + 2 r of m + 2 r pixels: the fraction that is asked for.
    let more = SIDE * (target - width) / (2.0 - 2.0 * target);
    cut(&grown(&measured, more))
}

/// Scales a digit to the size in which strokes are measured, with a pixel of paper around it.
fn measurable(digit: &LumaImage) -> LumaImage {
    let scale = SIDE / digit.width().max(digit.height()) as f32;
    let scaled = |length: u32| ((length as f32 * scale).round() as u32).max(1);
    let digit = imageops::resize(digit, scaled(digit.width()), scaled(digit.height()), imageops::FilterType::Triangle);
    with_margin(&restored(&digit), 1)
}

/// Tells whether the strokes stay as wide as they are.
#[cfg(test)]
pub(super) fn is_usual(digit: &LumaImage) -> bool {
    (USUAL[0]..=USUAL[1]).contains(&(width(&measurable(digit)) / SIDE))
}

/// Makes strokes as strong as before: scaled down, thin ones pale.
fn restored(digit: &LumaImage) -> LumaImage {
    let inked: Vec<_> = digit.iter().copied().filter(|&ink| ink > 0.1).collect();
    let strength = quantile(&inked, 0.75);
    map(digit, |ink| (ink / strength.clamp(0.1, 1.0)).min(1.0))
}

/// Returns the width of the strokes in pixels: four times the mean distance of their pixels from the edge.
fn width(digit: &LumaImage) -> f32 {
    let distances = distances(digit, is_paper);
    let inside: Vec<_> = distances.iter().filter(|&&distance| distance > 0.0).map(|distance| distance - 0.25).collect();
    4.0 * inside.iter().sum::<f32>() / inside.len().max(1) as f32
}

fn is_paper(ink: f32) -> bool {
    ink <= 0.5
}

/// Moves a digit's edge outwards by this many pixels, or inwards where they are negative.
fn grown(digit: &LumaImage, pixels: f32) -> LumaImage {
    let canvas = with_margin(digit, pixels.max(0.0).ceil() as u32);
    zip(&distances(&canvas, |ink| !is_paper(ink)), &distances(&canvas, is_paper), |outside, inside| {
        // Pixels of the edge lie half a pixel from it.
        let distance = if outside > 0.0 { outside - 0.5 } else { 0.5 - inside };
        (0.5 + pixels - distance).clamp(0.0, 1.0)
    })
}

/// Puts this many pixels of paper around a digit.
fn with_margin(digit: &LumaImage, margin: u32) -> LumaImage {
    let mut canvas = LumaImage::new(digit.width() + 2 * margin, digit.height() + 2 * margin);
    imageops::replace(&mut canvas, digit, margin.into(), margin.into());
    canvas
}

/// Returns the distance of each pixel from the nearest one that is a seed: first within its row, then over all rows.
fn distances(digit: &LumaImage, is_seed: impl Fn(f32) -> bool) -> LumaImage {
    let (width, mut in_rows) = (digit.width() as usize, digit.clone());
    for row in in_rows.chunks_mut(width) {
        let (mut before, mut behind) = (FAR, FAR);
        for value in row.iter_mut() {
            before = if is_seed(*value) { 0.0 } else { before + 1.0 };
            *value = before;
        }
        for value in row.iter_mut().rev() {
            behind = value.min(behind + 1.0);
            *value = behind * behind;
        }
    }
    let (mut nearest, mut down) = (in_rows.clone(), 1);
    // Rows that lie further than every nearest seed so far cannot have a nearer one.
    while down < digit.height() as usize && nearest.iter().any(|&square| square > (down * down) as f32) {
        let closer = |(nearest, square): (&mut f32, &f32)| *nearest = nearest.min(square + (down * down) as f32);
        (*nearest)[down * width..].iter_mut().zip(in_rows.iter()).for_each(closer);
        nearest.iter_mut().zip(&(*in_rows)[down * width..]).for_each(closer);
        down += 1;
    }
    map(&nearest, f32::sqrt)
}

/// Cuts a digit out along the edges of its ink.
pub(super) fn cut(digit: &LumaImage) -> LumaImage {
    let inked = digit.enumerate_pixels().filter(|(.., ink)| ink.0[0] > 0.1);
    let (columns, rows): (Vec<_>, Vec<_>) = inked.map(|(x, y, _)| (x, y)).unzip();
    let edges = [columns.iter().min(), columns.iter().max(), rows.first(), rows.last()];
    let [Some(left), Some(right), Some(top), Some(bottom)] = edges else { return digit.clone() };
    imageops::crop_imm(digit, *left, *top, right + 1 - left, bottom + 1 - top).to_image()
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    /// A ring on paper of 300 × 300 pixels.
    fn ring(width: f32) -> LumaImage {
        LumaImage::from_fn(300, 300, |x, y| {
            let from_middle = ((x as f32 - 150.0).powi(2) + (y as f32 - 150.0).powi(2)).sqrt();
            Luma([(0.5 + width / 2.0 - (from_middle - 120.0).abs()).clamp(0.0, 1.0)])
        })
    }

    #[test]
    fn thin_and_wide_strokes_become_usual_and_usual_ones_stay() {
        for (pixels, expected) in [(1.0, TARGETS[0]), (10.0, TARGETS[0]), (40.0, 40.0 / 280.0), (100.0, TARGETS[1])] {
            let found = usual_width(&cut(&ring(pixels)));
            assert!(found.width().abs_diff(found.height()) < 3, "{pixels}: {:?}", found.dimensions());
            let share = width(&with_margin(&found, 1)) / found.width() as f32;
            assert!((share - expected).abs() < 0.02, "{pixels}: {share}, expected {expected}");
        }
    }

    #[test]
    fn distances_are_those_of_the_plain_definition() {
        let seeds = LumaImage::from_fn(9, 7, |x, y| Luma([f32::from((x, y) == (2, 5) || (x, y) == (8, 0))]));
        for (x, y, found) in distances(&seeds, |seed| seed == 1.0).enumerate_pixels() {
            let to = |seed_x: f32, seed_y: f32| (x as f32 - seed_x).hypot(y as f32 - seed_y);
            assert!((found.0[0] - to(2.0, 5.0).min(to(8.0, 0.0))).abs() < 1e-5);
        }
    }
}
