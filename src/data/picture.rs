//! A picture of a digit from anywhere, made to look as MNIST's do, in the size that a network takes.

use std::path::Path;

use image::{GrayImage, ImageError, imageops};
use tch::{Kind, Tensor};

use crate::{Error, Result};

/// The share of a picture's height and width into which its digit fits: in MNIST 20 of 28 pixels.
const BOX: f64 = 20.0 / 28.0;

/// Reads a PNG or JPEG of any size as an input of a network, `[1, height × width]`, from 0 (paper) to 1 (ink). `size` is
/// the height and width of the pictures that the network takes, `[28, 28]` for one that learnt from MNIST.
///
/// It follows how MNIST was made (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, 1998): the ink, dark or light, is cut
/// out, scaled to fit into 20 × 20 pixels, and placed with its centre of mass at the middle of 28 × 28. Other sizes keep
/// these proportions.
///
/// # Errors
/// [`Error::Missing`] when there is no such file, [`Error::Malformed`] when it is no picture or holds no ink;
/// [`Error::Setting`] for a size of 0 or over 10,000.
pub fn picture(path: impl AsRef<Path>, size: [usize; 2]) -> Result<Tensor> {
    if size.iter().any(|side| !(1..=10_000).contains(side)) {
        let (found, expected) = (format!("{size:?}"), "[height, width] in pixels, from 1 to 10,000".into());
        return Err(Error::Setting { setting: "the size of a picture", found, expected });
    }
    let path = path.as_ref();
    let expected = "a PNG or JPEG picture of a digit";
    if !path.is_file() {
        return Err(Error::Missing { file: path.into(), expected: expected.into() });
    }
    let malformed = |found: String| Error::Malformed { file: path.into(), found, expected: expected.into() };
    let grey = grey(path).map_err(|error| malformed(error.to_string()))?;
    let digit = ink(grey).ok_or_else(|| malformed("a picture without ink".into()))?;
    let [room_down, room_across] = size.map(|side| BOX * side as f64);
    let scale = (room_down / f64::from(digit.height())).min(room_across / f64::from(digit.width()));
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    let digit = imageops::resize(&digit, scaled(digit.width()), scaled(digit.height()), imageops::FilterType::Triangle);
    Ok((centred(&digit, size)?.to_kind(Kind::Float) / 255.0).f_reshape([1, -1])?)
}

/// The picture in grey; what is transparent shows white paper.
fn grey(path: &Path) -> std::result::Result<GrayImage, ImageError> {
    let picture = image::io::Reader::open(path)?.with_guessed_format()?.decode()?.into_luma_alpha8();
    Ok(GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [light, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        image::Luma([((light * alpha + 255 * (255 - alpha)) / 255) as u8])
    }))
}

/// The ink alone, white on black, cut to its edges; nothing where the picture is all of one grey.
fn ink(mut picture: GrayImage) -> Option<GrayImage> {
    let range = |picture: &GrayImage| {
        picture.pixels().fold((255, 0), |(low, high), pixel| (low.min(pixel.0[0]), high.max(pixel.0[0])))
    };
    let (darkest, lightest) = range(&picture);
    // Less contrast than this is paper.
    if lightest.saturating_sub(darkest) < 32 {
        return None;
    }
    if has_light_ground(&picture) {
        imageops::invert(&mut picture);
    }
    let (ground, _) = range(&picture);
    let contrast = u32::from(lightest - darkest);
    picture.pixels_mut().for_each(|pixel| pixel.0[0] = (u32::from(pixel.0[0] - ground) * 255 / contrast) as u8);
    // Between paper and ink lies the soft edge of a stroke; its lower half is taken for paper, and noise with it.
    let faint = threshold(&picture) / 2;
    let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if pixel.0[0] <= faint {
            pixel.0[0] = 0;
        } else {
            (left, right, top, bottom) = (left.min(x), right.max(x), top.min(y), bottom.max(y));
        }
    }
    Some(imageops::crop_imm(&picture, left, top, right - left + 1, bottom - top + 1).to_image())
}

/// A digit does not fill the edge of its picture: what most of the edge shows is the ground.
fn has_light_ground(picture: &GrayImage) -> bool {
    let (width, height) = picture.dimensions();
    let threshold = threshold(picture);
    let rows = (0..width).flat_map(|x| [(x, 0), (x, height - 1)]);
    let columns = (0..height).flat_map(|y| [(0, y), (width - 1, y)]);
    let (light, dark): (Vec<_>, Vec<_>) =
        rows.chain(columns).partition(|&(x, y)| picture.get_pixel(x, y).0[0] > threshold);
    light.len() > dark.len()
}

/// The grey that best parts a picture's dark pixels from its light ones (N. Otsu, 1979): the lighter ones are above it.
fn threshold(picture: &GrayImage) -> u8 {
    let mut counts = [0.0_f64; 256];
    for pixel in picture.pixels() {
        counts[usize::from(pixel.0[0])] += 1.0;
    }
    let count: f64 = counts.iter().sum();
    let sum: f64 = counts.iter().enumerate().map(|(grey, count)| grey as f64 * count).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (0.0, 0);
    for (grey, number) in counts.iter().enumerate() {
        below += number;
        sum_below += grey as f64 * number;
        let between = (sum_below * count - sum * below).powi(2) / (below * (count - below)).max(1e-9);
        if below < count && between > best.0 {
            best = (between, grey as u8);
        }
    }
    best.1
}

/// The digit on a picture of this height and width, its centre of mass in the middle, `[height, width]`.
fn centred(digit: &GrayImage, size: [usize; 2]) -> Result<Tensor> {
    let (mut mass, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for (x, y, pixel) in digit.enumerate_pixels() {
        let ink = f64::from(pixel.0[0]);
        (mass, sum_x, sum_y) = (mass + ink, sum_x + ink * f64::from(x), sum_y + ink * f64::from(y));
    }
    let [high, wide] = size.map(|side| side as i64);
    let start = |sum: f64, length: u32, side: i64| {
        let middle = side as f64 / 2.0;
        ((middle - sum / mass).round() as i64).clamp(0, side - i64::from(length))
    };
    let (left, top) = (start(sum_x, digit.width(), wide), start(sum_y, digit.height(), high));
    let (width, height) = (i64::from(digit.width()), i64::from(digit.height()));
    let ink = Tensor::f_from_slice(digit.as_raw())?.f_reshape([height, width])?;
    Ok(ink.f_constant_pad_nd([left, wide - width - left, top, high - height - top])?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::data::Mnist;

    /// Saves a digit, `[28, 28]`, as a PNG that is `zoom` times larger, and reads it back.
    fn read_back(digit: &Tensor, zoom: u32, invert: bool) -> Tensor {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digit.png");
        let mut picture = GrayImage::from_raw(28, 28, Vec::try_from(digit.reshape([-1])).unwrap()).unwrap();
        picture = imageops::resize(&picture, 28 * zoom, 28 * zoom, imageops::FilterType::Nearest);
        if invert {
            imageops::invert(&mut picture);
        }
        picture.save(&path).unwrap();
        picture_of(&path)
    }

    fn picture_of(path: &Path) -> Tensor {
        picture(path, [28, 28]).unwrap().reshape([28, 28])
    }

    #[test]
    fn a_digit_comes_back_from_any_size_and_ground() {
        let Some(folder) = std::env::var_os("MNIST_DIR") else {
            // The test runner hides what a passing test prints, but not what goes straight to standard error.
            let _ = writeln!(std::io::stderr(), "skipped: MNIST_DIR is not set");
            return;
        };
        let mnist = Mnist::from_dir(folder).unwrap();
        for (zoom, invert) in [(1, false), (1, true), (9, true)] {
            let mut difference = 0.0;
            for index in 0..100 {
                let digit = mnist.test.images.get(index);
                let found = read_back(&digit, zoom, invert);
                difference += (found - digit / 255.0).abs().mean(Kind::Float).double_value(&[]) / 100.0;
            }
            assert!(difference < 0.02, "zoom {zoom}, inverted {invert}: {difference}");
        }
    }

    #[test]
    fn ink_is_scaled_into_the_box_and_centred() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stroke.png");
        // A stroke of 10 × 100 pixels far from the middle of a large picture.
        let stroke = |x, y| (300..310).contains(&x) && (20..120).contains(&y);
        GrayImage::from_fn(400, 300, |x, y| image::Luma([if stroke(x, y) { 10 } else { 240 }])).save(&path).unwrap();
        let found = picture_of(&path);
        let rows = found.amax(1, false).gt(0.5).sum(Kind::Int64).int64_value(&[]);
        let columns = found.amax(0, false).gt(0.5).sum(Kind::Int64).int64_value(&[]);
        assert_eq!((rows, columns), (20, 2));
        assert!(found.double_value(&[14, 14]) > 0.99 && found.double_value(&[14, 5]) < 0.01);
    }

    #[test]
    fn other_sizes_keep_the_proportions_of_mnist() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stroke.png");
        let stroke = |x, y| (195..205).contains(&x) && (100..200).contains(&y);
        GrayImage::from_fn(400, 300, |x, y| image::Luma([if stroke(x, y) { 10 } else { 240 }])).save(&path).unwrap();
        for (size, expected) in [([14, 14], [10, 1]), ([56, 56], [40, 4]), ([56, 14], [40, 4]), ([14, 56], [10, 1])] {
            let found = picture(&path, size).unwrap();
            assert_eq!(found.size(), [1, (size[0] * size[1]) as i64]);
            let found = found.reshape(size.map(|side| side as i64));
            let inked = [1, 0].map(|across| found.amax(across, false).gt(0.5).sum(Kind::Int64).int64_value(&[]));
            assert_eq!(inked, expected, "{size:?}");
        }
        // A pixel is the least that a digit can be.
        assert_eq!(picture(&path, [1, 1]).unwrap().size(), [1, 1]);
        let error = picture(&path, [28, 0]).unwrap_err().to_string();
        assert!(error.starts_with("the size of a picture is [28, 0]; expected"), "{error}");
    }

    #[test]
    fn what_is_no_picture_of_a_digit_is_an_error_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digit.png");
        let error = || picture(&path, [28, 28]).unwrap_err().to_string();
        assert!(error().contains("digit.png: no such file"));
        std::fs::write(&path, b"no picture").unwrap();
        assert!(
            error().contains("digit.png: found ") && error().ends_with("expected a PNG or JPEG picture of a digit")
        );
        GrayImage::from_pixel(30, 30, image::Luma([200])).save(&path).unwrap();
        assert!(error().contains("found a picture without ink"));
    }
}
