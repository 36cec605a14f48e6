//! Blur of glass and of motion.

use rand::Rng;

use super::float_image::FloatImage;
use mnist_classification::Random;

/// Frosted glass: smoothed, then pixels change places with their neighbours, then smoothed again.
pub(super) fn glass(picture: &FloatImage, random: &mut Random) -> FloatImage {
    const SIGMA: f64 = 0.7;
    let smoothed = picture.blurred(SIGMA);
    let mut shuffled = smoothed.map(|_, _, value| (255.0 * value).floor() / 255.0);
    let width = picture.width;
    for _ in 0..2 {
        for row in (2..picture.height).rev() {
            for column in (2..width).rev() {
                if random.r#gen() {
                    let [up, left] = [0, 1].map(|_| usize::from(random.r#gen::<bool>()));
                    shuffled.values.swap(row * width + column, (row - up) * width + column - left);
                }
            }
        }
    }
    shuffled.blurred(SIGMA)
}

/// A motion of up to 20 pixels, fading like half a Gaussian, in a direction of up to 45 degrees from the horizontal: what
/// ImageMagick's `MagickMotionBlurImage` does with a radius of 10 and a sigma of 3.
pub(super) fn motion(picture: &FloatImage, random: &mut Random) -> FloatImage {
    along(picture, random.gen_range(-45.0_f64..45.0))
}

fn along(picture: &FloatImage, degrees: f64) -> FloatImage {
    const SIGMA: f64 = 3.0;
    let weights: Vec<f64> = (0..21).map(|step| (-0.5 * (f64::from(step) / SIGMA).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let step = |number: usize, share: f64| (number as f64 * share - 0.5).ceil() as isize;
    picture.map(|row, column, _| {
        let seen =
            |number: usize| picture.clamped(row as isize + step(number, sine), column as isize + step(number, cosine));
        weights.iter().enumerate().map(|(number, weight)| weight * seen(number)).sum::<f64>() / sum
    })
}
