//! Random numbers over a picture: shot noise and impulse noise, fog, splashes of mud.

use rand::Rng;

use super::float_image::FloatImage;
use mnist_classification::Random;

/// The light of a full pixel counted in so few quanta: a Poisson number of this mean, divided by it.
const QUANTA: f64 = 3.0;

pub(super) fn shot(picture: &FloatImage, random: &mut Random) -> FloatImage {
    picture.map(|_, _, value| poisson(QUANTA * value, random) / QUANTA)
}

/// Adds salt and pepper: this share of the pixels becomes ink or paper, as scikit-image's `random_noise` does it.
pub(super) fn impulse(picture: &FloatImage, share: f64, random: &mut Random) -> FloatImage {
    picture.map(|_, _, value| if random.r#gen::<f64>() < share { f64::from(random.r#gen::<bool>()) } else { value })
}

/// Lays three parts of fog on one part of picture.
pub(super) fn fog(picture: &FloatImage, random: &mut Random) -> FloatImage {
    const FOG: f64 = 3.0;
    let fog = plasma(random);
    let most = picture.values.iter().copied().fold(0.0, f64::max);
    picture.map(|row, column, value| (value + FOG * fog[row * SIDE + column]) * most / (most + FOG))
}

/// The side of a map of fog, which pictures see a corner of.
pub(super) const SIDE: usize = 256;

/// Makes a map of `SIDE` × `SIDE` heights from 0 to 1, which goes on beyond its edges on the other side: diamond-square
/// (A. Fournier, D. Fussell, L. Carpenter, 1982) with heights that vary 1.4² times less at each finer step.
fn plasma(random: &mut Random) -> Vec<f64> {
    const DECAY: f64 = 1.4;
    let mut map = vec![0.0; SIDE * SIDE];
    let (mut step, mut wobble) = (SIDE, 100.0);
    while step >= 2 {
        let half = step / 2;
        // The middles of squares first, then those of the diamonds that they make.
        for (first_row, first_column, neighbours) in [
            (half, half, [(half, half), (half, SIDE - half), (SIDE - half, half), (SIDE - half, SIDE - half)]),
            (0, half, [(0, half), (0, SIDE - half), (half, 0), (SIDE - half, 0)]),
            (half, 0, [(0, half), (0, SIDE - half), (half, 0), (SIDE - half, 0)]),
        ] {
            for row in (first_row..SIDE).step_by(step) {
                for column in (first_column..SIDE).step_by(step) {
                    let at = |(down, right)| map[(row + down) % SIDE * SIDE + (column + right) % SIDE];
                    let mean = neighbours.map(at).iter().sum::<f64>() / 4.0;
                    map[row * SIDE + column] = mean + wobble * random.gen_range(-wobble..wobble);
                }
            }
        }
        step = half;
        wobble /= DECAY;
    }
    let lowest = map.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = map.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    map.into_iter().map(|height| (height - lowest) / (highest - lowest)).collect()
}

/// Splashes mud where smoothed noise is thick: a quarter of full ink, and what is under it cannot be seen.
pub(super) fn spatter(picture: &FloatImage, random: &mut Random) -> FloatImage {
    const THICK: f64 = 0.65;
    let noise = FloatImage::new(picture.size(), |_, _| normal(THICK, 0.3, random));
    let drops = noise.blurred(1.0).map(|_, _, value| f64::from(value > THICK));
    let mud = drops.blurred(1.5).map(|_, _, value| if value < 0.8 { 0.0 } else { value });
    picture.map(|row, column, value| {
        let mud = mud.at(row, column);
        value * (1.0 - mud) + 63.0 / 255.0 * mud
    })
}

/// Draws a Poisson number of a small mean: how many uniform numbers are multiplied before the product falls below
/// exp(−mean) (D. Knuth, 1969).
fn poisson(mean: f64, random: &mut Random) -> f64 {
    let limit = (-mean).exp();
    let (mut product, mut count) = (random.r#gen::<f64>(), 0.0);
    while product > limit {
        product *= random.r#gen::<f64>();
        count += 1.0;
    }
    count
}

/// Draws a normal number (G. Box, M. Muller, 1958).
fn normal(mean: f64, deviation: f64, random: &mut Random) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - random.r#gen::<f64>(), random.r#gen());
    mean + deviation * (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
