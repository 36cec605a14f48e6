//! The width of a digit's strokes, brought to what MNIST's digits have.

use image::{Luma, imageops};

use super::plane::{Plane, map, quantile};

/// The longer side of a digit while its strokes are measured, in pixels.
const SIDE: f32 = 100.0;

/// Strokes as wide as this share of the digit's longer side stay as they are: 98 in 100 of MNIST's training digits.
const USUAL: [f32; 2] = [0.097, 0.218];

/// What thinner strokes are brought to, and wider ones.
const TARGETS: [f32; 2] = [0.12, 0.2];

/// A larger squared distance than any.
const FAR: f32 = 1e9;

/// A digit, from 0 (paper) to 1 (ink), cut to its edges, whose strokes are about as wide as MNIST's.
pub(super) fn usual_width(digit: &Plane) -> Plane {
    let digit = cut(digit);
    let measured = measurable(&digit);
    let width = width(&measured) / SIDE;
    let target = if width < USUAL[0] {
        TARGETS[0]
    } else if width > USUAL[1] {
        TARGETS[1]
    } else {
        return digit;
    };
    // With r pixels more on each side, the stroke has w + 2 r of m + 2 r pixels: the share that is asked for.
    let more = SIDE * (target - width) / (2.0 - 2.0 * target);
    cut(&grown(&measured, more))
}

/// The digit in the size in which strokes are measured, with a pixel of paper around it.
fn measurable(digit: &Plane) -> Plane {
    let scale = SIDE / digit.width().max(digit.height()) as f32;
    let scaled = |length: u32| ((length as f32 * scale).round() as u32).max(1);
    let digit = imageops::resize(digit, scaled(digit.width()), scaled(digit.height()), imageops::FilterType::Triangle);
    with_margin(&restored(&digit), 1)
}

/// Whether the strokes stay as wide as they are.
#[cfg(test)]
pub(super) fn is_usual(digit: &Plane) -> bool {
    (USUAL[0]..=USUAL[1]).contains(&(width(&measurable(digit)) / SIDE))
}

/// Scaled down, a thin stroke pales: it becomes as strong as before.
fn restored(digit: &Plane) -> Plane {
    let inked: Vec<_> = digit.iter().copied().filter(|&ink| ink > 0.1).collect();
    let strength = quantile(&inked, 0.75);
    map(digit, |ink| (ink / strength.clamp(0.1, 1.0)).min(1.0))
}

/// The width of the strokes in pixels: four times the mean distance of their pixels from the edge.
fn width(digit: &Plane) -> f32 {
    let distances = distances(&map(digit, |ink| if ink > 0.5 { 0.0 } else { 1.0 }));
    let inside = distances.iter().filter(|&&distance| distance > 0.0);
    let (count, sum) = inside.fold((0.0, 0.0), |(count, sum), distance| (count + 1.0, sum + distance - 0.25));
    if count > 0.0 { 4.0 * sum / count } else { 0.0 }
}

/// The digit with its edge moved outwards by this many pixels, or inwards where they are negative.
fn grown(digit: &Plane, pixels: f32) -> Plane {
    let canvas = with_margin(digit, pixels.max(0.0).ceil() as u32);
    let outside = distances(&map(&canvas, |ink| if ink > 0.5 { 1.0 } else { 0.0 }));
    let inside = distances(&map(&canvas, |ink| if ink > 0.5 { 0.0 } else { 1.0 }));
    Plane::from_fn(canvas.width(), canvas.height(), |x, y| {
        // Pixels of the edge lie half a pixel from it.
        let [outside, inside] = [&outside, &inside].map(|plane| plane.get_pixel(x, y).0[0]);
        let distance = if outside > 0.0 { outside - 0.5 } else { 0.5 - inside };
        Luma([(0.5 + pixels - distance).clamp(0.0, 1.0)])
    })
}

/// The digit with this many pixels of paper around it.
fn with_margin(digit: &Plane, margin: u32) -> Plane {
    let mut canvas = Plane::new(digit.width() + 2 * margin, digit.height() + 2 * margin);
    imageops::replace(&mut canvas, digit, margin.into(), margin.into());
    canvas
}

/// The distance of each pixel from the nearest one that is 1, whose own distance is 0 (P. Felzenszwalb, D. Huttenlocher,
/// 2012, but with the plain minimum: the pictures are small).
fn distances(seeds: &Plane) -> Plane {
    let squares = map(seeds, |seed| if seed == 1.0 { 0.0 } else { FAR });
    let turned = imageops::rotate90(&nearest_in_rows(&squares));
    map(&imageops::rotate270(&nearest_in_rows(&turned)), f32::sqrt)
}

/// For each pixel the smallest sum of a number in its row and the squared distance to it.
fn nearest_in_rows(plane: &Plane) -> Plane {
    let mut result = plane.clone();
    let (width, across) = (plane.width() as usize, plane.width() as i32);
    // The squared distances from a pixel to those before it, to itself and to those behind it.
    let squares: Vec<f32> = (1 - across..across).map(|distance| distance.pow(2) as f32).collect();
    for (row, found) in plane.chunks(width).zip(result.chunks_mut(width)) {
        for (place, number) in row.iter().enumerate().filter(|(_, number)| **number < FAR) {
            let squares = &squares[width - 1 - place..];
            found.iter_mut().zip(squares).for_each(|(found, square)| *found = found.min(number + square));
        }
    }
    result
}

/// The rectangle that has any ink.
pub(super) fn cut(digit: &Plane) -> Plane {
    let inked = || digit.enumerate_pixels().filter(|(.., ink)| ink.0[0] > 0.1);
    let range = |side: fn(u32, u32) -> u32| {
        let (low, high) =
            inked().fold((u32::MAX, 0), |(low, high), (x, y, _)| (low.min(side(x, y)), high.max(side(x, y))));
        (low, high.saturating_sub(low) + 1)
    };
    let ((left, width), (top, height)) = (range(|x, _| x), range(|_, y| y));
    if left == u32::MAX { digit.clone() } else { imageops::crop_imm(digit, left, top, width, height).to_image() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ring on paper of 300 × 300 pixels.
    fn ring(width: f32) -> Plane {
        Plane::from_fn(300, 300, |x, y| {
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
        let seeds = Plane::from_fn(9, 7, |x, y| Luma([f32::from((x, y) == (2, 5) || (x, y) == (8, 0))]));
        for (x, y, found) in distances(&seeds).enumerate_pixels() {
            let to = |seed_x: f32, seed_y: f32| (x as f32 - seed_x).hypot(y as f32 - seed_y);
            assert!((found.0[0] - to(2.0, 5.0).min(to(8.0, 0.0))).abs() < 1e-5);
        }
    }
}
