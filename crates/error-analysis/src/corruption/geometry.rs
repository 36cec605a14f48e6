//! Pictures rotated, slanted, scaled and shifted: scikit-image's `warp` about the middle, bilinear, paper beyond the edge.

use rand::Rng;

use super::float_image::FloatImage;
use mnist_classification::Random;

/// The picture where a place of the new one, seen from the middle, lies at this matrix times it in the old one: rows of
/// factors for column and row.
fn warp(picture: &FloatImage, [across, down]: [[f64; 2]; 2]) -> FloatImage {
    let [middle_row, middle_column] = picture.size().map(|size| (size - 1) as f64 / 2.0);
    picture.map(|row, column, _| {
        let (row, column) = (row as f64 - middle_row, column as f64 - middle_column);
        let [column, row] = [across, down].map(|[of_column, of_row]| of_column * column + of_row * row);
        picture.bilinear(row + middle_row, column + middle_column)
    })
}

/// By this angle in radians, one way or the other.
pub(super) fn rotate(picture: &FloatImage, angle: f64, random: &mut Random) -> FloatImage {
    let (sine, cosine) = (sign(random) * angle).sin_cos();
    warp(picture, [[cosine, -sine], [sine, cosine]])
}

/// By this angle in radians, one way or the other.
pub(super) fn shear(picture: &FloatImage, angle: f64, random: &mut Random) -> FloatImage {
    warp(picture, [[1.0, (sign(random) * angle).tan()], [0.0, 1.0]])
}

/// Width and height become this share of what they were.
pub(super) fn scale(picture: &FloatImage, share: f64) -> FloatImage {
    warp(picture, [[1.0 / share, 0.0], [0.0, 1.0 / share]])
}

/// By so many pixels to either side and up or down.
pub(super) fn translate(picture: &FloatImage, pixels: f64, random: &mut Random) -> FloatImage {
    let (right, down) = (sign(random) * pixels, sign(random) * pixels);
    picture.map(|row, column, _| picture.bilinear(row as f64 + down, column as f64 + right))
}

fn sign(random: &mut Random) -> f64 {
    if random.r#gen() { 1.0 } else { -1.0 }
}
