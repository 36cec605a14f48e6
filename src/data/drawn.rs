//! Draws digits, for machines where MNIST cannot be had.

use std::f32::consts::TAU;

use rand::{Rng, rngs::StdRng};
use tch::Tensor;

use super::{Classes, Dataset, Images};
use crate::{
    Result,
    random::{Purpose, generator},
};

/// The name that drawn digits carry in titles, reports and results.
pub const DRAWN: &str = "drawn digits (not MNIST)";

const SIZE: usize = 28;

/// A point; x goes right and y goes down, and a digit fills about -1 to 1.
type Point = [f32; 2];

impl Dataset {
    /// Draws digits with a program, 12,000 to learn from and 2,000 to measure on: a stand-in where MNIST cannot be
    /// had. They are named [`DRAWN`] wherever they show, and results on them are no results on MNIST.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when memory runs out.
    pub fn drawn(seed: u64) -> Result<Self> {
        let mut random = generator(seed, Purpose::DrawnDigits);
        Ok(Self { train: digits(12_000, &mut random)?, test: digits(2_000, &mut random)? })
    }
}

/// Draws so many digits of all classes, in random order.
fn digits(count: usize, random: &mut StdRng) -> Result<Images> {
    let digits = (0..count).map(|_| {
        let label = random.gen_range(0..10);
        (label, draw(&strokes(label), random))
    });
    let (labels, images): (Vec<i64>, Vec<_>) = digits.unzip();
    let images = Tensor::f_from_slice(&images.concat())?.f_reshape([-1, SIZE as i64, SIZE as i64])?;
    Ok(Images { name: DRAWN.into(), images, labels: Tensor::f_from_slice(&labels)?, classes: Classes::numbered(10) })
}

/// Returns the lines of a digit.
fn strokes(digit: i64) -> Vec<Vec<Point>> {
    match digit {
        0 => vec![arc([0.0, 0.0], [0.6, 0.95], 0.0, 1.0)],
        1 => vec![vec![[-0.3, -0.6], [0.05, -0.95], [0.05, 0.95]]],
        2 => vec![[arc([0.0, -0.45], [0.55, 0.5], 0.5, 1.08), vec![[-0.6, 0.9], [0.65, 0.9]]].concat()],
        3 => vec![arc([0.0, -0.48], [0.5, 0.47], 0.55, 1.25), arc([0.0, 0.45], [0.58, 0.5], 0.75, 1.45)],
        4 => vec![vec![[0.1, -0.95], [-0.6, 0.25], [0.65, 0.25]], vec![[0.3, -0.3], [0.3, 0.95]]],
        5 => vec![
            [vec![[0.55, -0.9], [-0.4, -0.9], [-0.45, -0.1]], arc([-0.02, 0.37], [0.55, 0.57], 0.65, 1.42)].concat(),
        ],
        6 => vec![[vec![[0.4, -0.95], [-0.2, -0.4]], arc([0.0, 0.4], [0.55, 0.53], 0.5, 1.5)].concat()],
        7 => vec![vec![[-0.55, -0.9], [0.6, -0.9], [-0.1, 0.95]]],
        8 => vec![arc([0.0, -0.47], [0.45, 0.45], 0.0, 1.0), arc([0.0, 0.47], [0.55, 0.48], 0.0, 1.0)],
        _ => vec![[arc([0.0, -0.42], [0.52, 0.5], 0.0, 1.0), vec![[0.5, -0.2], [0.3, 0.95]]].concat()],
    }
}

/// Draws a part of an ellipse; `from` and `to` count turns, clockwise from the right.
fn arc(centre: Point, radii: Point, from: f32, to: f32) -> Vec<Point> {
    let point = |step: u8| {
        let angle = TAU * (from + (to - from) * f32::from(step) / 12.0);
        [centre[0] + radii[0] * angle.cos(), centre[1] + radii[1] * angle.sin()]
    };
    (0..=12).map(point).collect()
}

/// Turns, slants, stretches and shifts the lines a little, and paints them with a pen of some width.
fn draw(strokes: &[Vec<Point>], random: &mut StdRng) -> Vec<u8> {
    let (angle, slant): (f32, f32) = (random.gen_range(-0.2..0.2), random.gen_range(-0.25..0.35));
    let scale: Point = [random.gen_range(6.0..10.0), random.gen_range(8.5..10.5)];
    let shift: Point = [random.gen_range(12.0..15.0), random.gen_range(12.5..14.5)];
    let pen = random.gen_range(0.7..1.5);
    let (sine, cosine) = angle.sin_cos();
    let mut image = vec![0; SIZE * SIZE];
    for stroke in strokes {
        let points = stroke.iter().map(|[x, y]| {
            let mut shaken = |value: f32| value + random.gen_range(-0.14..0.14);
            let (x, y) = (shaken(x - slant * y) * scale[0], shaken(*y) * scale[1]);
            [x * cosine - y * sine + shift[0], x * sine + y * cosine + shift[1]]
        });
        for pair in points.collect::<Vec<_>>().windows(2) {
            paint(&mut image, pair[0], pair[1], pen);
        }
    }
    image
}

/// Paints a line; ink fades over the pixel at its edge.
fn paint(image: &mut [u8], from: Point, to: Point, pen: f32) {
    let reach = |axis: usize| {
        let (low, high) = (from[axis].min(to[axis]) - pen - 1.0, from[axis].max(to[axis]) + pen + 1.0);
        // Floats below 0 become 0.
        low as usize..(high as usize + 1).min(SIZE)
    };
    for y in reach(1) {
        for x in reach(0) {
            let ink = (pen + 0.5 - distance([x as f32, y as f32], from, to)).clamp(0.0, 1.0);
            let pixel = &mut image[y * SIZE + x];
            *pixel = (*pixel).max((255.0 * ink) as u8);
        }
    }
}

/// Returns how far a point is from the nearest point of a line.
fn distance(point: Point, from: Point, to: Point) -> f32 {
    let (along, apart) = ([to[0] - from[0], to[1] - from[1]], [point[0] - from[0], point[1] - from[1]]);
    let length = (along[0] * along[0] + along[1] * along[1]).max(1e-9);
    let fraction = ((apart[0] * along[0] + apart[1] * along[1]) / length).clamp(0.0, 1.0);
    (apart[0] - fraction * along[0]).hypot(apart[1] - fraction * along[1])
}
