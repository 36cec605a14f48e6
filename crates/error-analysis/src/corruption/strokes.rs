//! What somebody else drew over the digit: stripes, a dotted line, a zigzag.

use rand::Rng;

use super::float_image::FloatImage;
use mnist_classification::Random;

/// Exchanges paper and ink in the left and the right quarter.
pub(super) fn stripe(picture: &FloatImage) -> FloatImage {
    let quarter = picture.width / 4;
    let middle = quarter..picture.width - quarter;
    picture.map(|_, column, value| if middle.contains(&column) { value } else { 1.0 - value })
}

/// Draws a line from edge to edge, two columns in four of it.
pub(super) fn dotted_line(picture: &FloatImage, random: &mut Random) -> FloatImage {
    let [left, right] = [0, 1].map(|_| random.gen_range(0..picture.height - 1) as f64);
    let line = Line { from: [0.0, left], to: [(picture.width - 1) as f64, right] };
    picture.map(|row, column, value| if column % 4 < 2 { value } else { (value + line.ink(row, column)).min(1.0) })
}

/// Draws a zigzag through most of the picture, two pixels up and down to either side of a line that is nearly level.
pub(super) fn zigzag(picture: &FloatImage, random: &mut Random) -> FloatImage {
    const LENGTH: f64 = 2.0;
    const EDGE: f64 = 2.0;
    let wide = (picture.width - 1) as f64 - 2.0 * EDGE;
    let start = random.gen_range(0..picture.height - 1) as f64;
    let slope = f64::from(random.gen_range(-5..5)) / wide;
    let (sine, cosine) = slope.atan().sin_cos();
    let length = wide / cosine;
    // Corners along the line and across it: the first, those of the zigzag, and the last.
    let mut corners = vec![[0.0, 0.0]];
    let whole = ((length - LENGTH) / (2.0 * LENGTH)) as u32;
    let sides = [LENGTH, -LENGTH].into_iter().cycle();
    corners.extend((0..=whole).zip(sides).map(|(number, side)| [f64::from(2 * number + 1) * LENGTH, side]));
    let rest = length % (2.0 * LENGTH);
    if rest > 0.0 {
        corners.push([length, corners[corners.len() - 1][1] / (2.0 * rest)]);
    }
    let place =
        |[along, across]: [f64; 2]| [along * cosine - across * sine + EDGE, along * sine + across * cosine + start];
    let lines: Vec<_> = corners.windows(2).map(|pair| Line { from: place(pair[0]), to: place(pair[1]) }).collect();
    picture.map(|row, column, value| {
        let ink: f64 = lines.iter().map(|line| line.ink(row, column)).sum();
        (value + ink).min(1.0)
    })
}

/// A line from left to right; places are a column and a row.
struct Line {
    from: [f64; 2],
    to: [f64; 2],
}

impl Line {
    /// Returns its ink on a pixel, less the further it passes above or below: log(1 − distance / 2.3) + 1.
    fn ink(&self, row: usize, column: usize) -> f64 {
        const REACH: f64 = 2.3;
        let (row, column) = (row as f64, column as f64);
        let Self { from: [left, start], to: [right, end] } = *self;
        if !(left.floor()..right.ceil()).contains(&column) {
            return 0.0;
        }
        let distance = (row - (end - start) / (right - left) * (column - left) - start).abs();
        if distance < REACH { ((1.0 - distance / REACH).ln() + 1.0).max(0.0) } else { 0.0 }
    }
}
