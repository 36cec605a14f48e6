//! Random numbers for single pixels: shot noise and impulse noise.

use rand::Rng;

use super::float_image::FloatImage;
use mnist_classification::Random;

/// The light of a full pixel counted in so few quanta: a Poisson number of this mean, divided by it.
const QUANTA: f64 = 3.0;

pub(super) fn shot(picture: &FloatImage, random: &mut Random) -> FloatImage {
    picture.map(|_, _, value| poisson(QUANTA * value, random) / QUANTA)
}

/// Salt and pepper: this share of the pixels becomes ink or paper, as scikit-image's `random_noise` does it.
pub(super) fn impulse(picture: &FloatImage, share: f64, random: &mut Random) -> FloatImage {
    picture.map(
        |_, _, value| {
            if random.r#gen::<f64>() < share { f64::from(u8::from(random.r#gen::<bool>())) } else { value }
        },
    )
}

/// A Poisson number of a small mean: how many uniform numbers are multiplied before the product falls below exp(−mean)
/// (D. Knuth, 1969).
fn poisson(mean: f64, random: &mut Random) -> f64 {
    let limit = (-mean).exp();
    let (mut product, mut count) = (random.r#gen::<f64>(), 0.0);
    while product > limit {
        product *= random.r#gen::<f64>();
        count += 1.0;
    }
    count
}

/// A normal number (G. Box, M. Muller, 1958).
pub(super) fn normal(mean: f64, deviation: f64, random: &mut Random) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - random.r#gen::<f64>(), random.r#gen());
    mean + deviation * (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
