//! Pixels that move: pictures rotated, slanted, scaled, shifted, shaken, and seen through frosted glass.

use rand::Rng;

use super::float_image::FloatImage;
use mnist_classification::Random;

/// Warps about the middle as scikit-image's `warp` does, bilinear, with paper beyond the edge: a place of the new
/// picture, seen from the middle, lies at this matrix times it in the old one, whose rows are factors for column and
/// row.
fn warp(picture: &FloatImage, [across, down]: [[f64; 2]; 2]) -> FloatImage {
    let [middle_row, middle_column] = picture.size().map(|size| (size - 1) as f64 / 2.0);
    picture.map(|row, column, _| {
        let (row, column) = (row as f64 - middle_row, column as f64 - middle_column);
        let [column, row] = [across, down].map(|[of_column, of_row]| of_column * column + of_row * row);
        picture.bilinear(row + middle_row, column + middle_column)
    })
}

/// Rotates by this angle in radians, one way or the other.
pub(super) fn rotate(picture: &FloatImage, angle: f64, random: &mut Random) -> FloatImage {
    let (sine, cosine) = (sign(random) * angle).sin_cos();
    warp(picture, [[cosine, -sine], [sine, cosine]])
}

/// Slants by this angle in radians, one way or the other.
pub(super) fn shear(picture: &FloatImage, angle: f64, random: &mut Random) -> FloatImage {
    warp(picture, [[1.0, (sign(random) * angle).tan()], [0.0, 1.0]])
}

/// Scales width and height to this share of what they were.
pub(super) fn scale(picture: &FloatImage, share: f64) -> FloatImage {
    warp(picture, [[1.0 / share, 0.0], [0.0, 1.0 / share]])
}

/// Shifts by so many pixels to either side and up or down.
pub(super) fn translate(picture: &FloatImage, pixels: f64, random: &mut Random) -> FloatImage {
    let (right, down) = (sign(random) * pixels, sign(random) * pixels);
    picture.map(|row, column, _| picture.bilinear(row as f64 + down, column as f64 + right))
}

/// Looks through frosted glass: smooths, lets pixels change places with their neighbours, and smooths again.
pub(super) fn glass(picture: &FloatImage, random: &mut Random) -> FloatImage {
    const SIGMA: f64 = 0.7;
    let mut shuffled = picture.blurred(SIGMA).map(|_, _, value| (255.0 * value).floor() / 255.0);
    for _ in 0..2 {
        for row in (2..picture.height).rev() {
            for column in (2..picture.width).rev() {
                if random.r#gen() {
                    let [up, left] = [0, 1].map(|_| usize::from(random.r#gen::<bool>()));
                    let place = row * picture.width + column;
                    shuffled.values.swap(place, place - up * picture.width - left);
                }
            }
        }
    }
    shuffled.blurred(SIGMA)
}

/// Moves the picture by up to 20 pixels, fading like half a Gaussian, in a direction of up to 45 degrees from the
/// horizontal: what ImageMagick's `MagickMotionBlurImage` does with a radius of 10 and a sigma of 3.
pub(super) fn motion(picture: &FloatImage, random: &mut Random) -> FloatImage {
    const SIGMA: f64 = 3.0;
    let (sine, cosine) = random.gen_range(-45.0_f64..45.0).to_radians().sin_cos();
    let weights: Vec<f64> = (0..21).map(|step| (-0.5 * (f64::from(step) / SIGMA).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    let step = |number: usize, share: f64| (number as f64 * share - 0.5).ceil() as isize;
    picture.map(|row, column, _| {
        let seen =
            |number: usize| picture.clamped(row as isize + step(number, sine), column as isize + step(number, cosine));
        weights.iter().enumerate().map(|(number, weight)| weight * seen(number)).sum::<f64>() / sum
    })
}

fn sign(random: &mut Random) -> f64 {
    if random.r#gen() { 1.0 } else { -1.0 }
}
