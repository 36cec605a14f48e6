//! Light, fog and splashes of mud.

use rand::Rng;

use super::{float_image::FloatImage, noise::normal};
use mnist_classification::Random;

/// Half of full ink on every pixel, up to full ink.
pub(super) fn brightness(picture: &FloatImage) -> FloatImage {
    picture.map(|_, _, value| (value + 0.5).min(1.0))
}

/// Three parts of fog on one part of picture.
pub(super) fn fog(picture: &FloatImage, random: &mut Random) -> FloatImage {
    const FOG: f64 = 3.0;
    let fog = plasma(random);
    let most = picture.values.iter().copied().fold(0.0, f64::max);
    picture.map(|row, column, value| (value + FOG * fog[row * SIDE + column]) * most / (most + FOG))
}

/// The side of a map of fog, which pictures see a corner of.
pub(super) const SIDE: usize = 256;

/// A map of `SIDE` × `SIDE` heights from 0 to 1, which goes on beyond its edges on the other side: diamond-square
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
                    let near =
                        |&(down, right): &(usize, usize)| map[(row + down) % SIDE * SIDE + (column + right) % SIDE];
                    let mean = neighbours.iter().map(near).sum::<f64>() / 4.0;
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

/// Mud where smoothed noise is thick: a quarter of full ink, and what is under it cannot be seen.
pub(super) fn spatter(picture: &FloatImage, random: &mut Random) -> FloatImage {
    const THICK: f64 = 0.65;
    let noise = FloatImage::new(picture.size(), |_, _| normal(THICK, 0.3, random));
    let drops = noise.blurred(1.0).map(|_, _, value| f64::from(u8::from(value > THICK)));
    let mud = drops.blurred(1.5).map(|_, _, value| if value < 0.8 { 0.0 } else { value });
    picture.map(|row, column, value| {
        let mud = mud.at(row, column);
        value * (1.0 - mud) + 63.0 / 255.0 * mud
    })
}
