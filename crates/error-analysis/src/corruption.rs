//! Corrupted pictures: the 15 corruptions of MNIST-C, and changes of any strength.
//!
//! MNIST-C is by N. Mu and J. Gilmer, 2019, "MNIST-C: A robustness benchmark for computer vision". Each corruption
//! follows the authors' program, <https://github.com/google-research/mnist-c>, in its default severity, and the
//! functions of scikit-image, SciPy and ImageMagick that it calls. Random numbers are this library's, so pictures
//! differ from theirs as two runs of their program do.

mod edges;
mod float_image;
mod geometry;
mod noise;
mod strokes;

use std::fmt;

use mnist_classification::{
    Error, Random, Result,
    data::Images,
    support::{Purpose, generator},
};
use tch::{Device, Kind, Tensor};

use self::float_image::FloatImage;

/// One of the 15 corruptions of MNIST-C.
///
/// ```
/// use error_analysis::corruption::Corruption;
/// use mnist_classification::prelude::*;
/// let digits = Dataset::drawn(0)?.test;
/// let foggy = Corruption::Fog.apply(&digits, 0)?;
/// assert_eq!(foggy.name, "drawn digits (not MNIST), fog");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// Few quanta of light: ink becomes grains.
    ShotNoise,
    /// 17 % of the pixels become ink or paper.
    ImpulseNoise,
    /// Seen through frosted glass.
    GlassBlur,
    /// Moved while the picture was taken.
    MotionBlur,
    /// Slanted by 0.4 radians to either side.
    Shear,
    /// 0.7 times as large.
    Scale,
    /// Rotated by 0.4 radians (23 degrees) either way.
    Rotate,
    /// Half of full ink on every pixel.
    Brightness,
    /// Shifted by 3 pixels to either side, and by 3 up or down.
    Translate,
    /// Paper and ink exchanged in the left and the right quarter.
    Stripe,
    /// A quarter of the picture, three quarters of fog.
    Fog,
    /// Drops of mud.
    Spatter,
    /// A dotted line from edge to edge.
    DottedLine,
    /// A zigzag across the picture.
    Zigzag,
    /// Edges in place of strokes.
    CannyEdges,
}

impl Corruption {
    /// All of them, in the authors' order.
    pub const ALL: [Self; 15] = [
        Self::ShotNoise,
        Self::ImpulseNoise,
        Self::GlassBlur,
        Self::MotionBlur,
        Self::Shear,
        Self::Scale,
        Self::Rotate,
        Self::Brightness,
        Self::Translate,
        Self::Stripe,
        Self::Fog,
        Self::Spatter,
        Self::DottedLine,
        Self::Zigzag,
        Self::CannyEdges,
    ];

    /// Returns the authors' name, such as `shot_noise`.
    pub fn name(self) -> &'static str {
        self.name_and_change().0
    }

    /// Corrupts each picture, by random numbers from `seed`. Labels stay.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for pictures that are not 8 to 256 pixels high and wide, in bytes.
    pub fn apply(self, digits: &Images, seed: u64) -> Result<Images> {
        let (name, change) = self.name_and_change();
        changed(digits, name, seed, change)
    }

    fn name_and_change(self) -> (&'static str, fn(&FloatImage, &mut Random) -> FloatImage) {
        match self {
            Self::ShotNoise => ("shot_noise", noise::shot),
            Self::ImpulseNoise => ("impulse_noise", |picture, random| noise::impulse(picture, 0.17, random)),
            Self::GlassBlur => ("glass_blur", geometry::glass),
            Self::MotionBlur => ("motion_blur", geometry::motion),
            Self::Shear => ("shear", |picture, random| geometry::shear(picture, 0.4, random)),
            Self::Scale => ("scale", |picture, _| geometry::scale(picture, 0.7)),
            Self::Rotate => ("rotate", |picture, random| geometry::rotate(picture, 0.4, random)),
            Self::Brightness => ("brightness", |picture, _| picture.map(|_, _, value| (value + 0.5).min(1.0))),
            Self::Translate => ("translate", |picture, random| geometry::translate(picture, 3.0, random)),
            Self::Stripe => ("stripe", |picture, _| strokes::stripe(picture)),
            Self::Fog => ("fog", noise::fog),
            Self::Spatter => ("spatter", noise::spatter),
            Self::DottedLine => ("dotted_line", strokes::dotted_line),
            Self::Zigzag => ("zigzag", strokes::zigzag),
            Self::CannyEdges => ("canny_edges", |picture, _| edges::canny(picture)),
        }
    }
}

impl fmt::Display for Corruption {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A change of a chosen strength, to see how accuracy falls as the strength grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distortion {
    /// Rotation by this angle in degrees, one way or the other.
    Rotation(f64),
    /// A shift by so many pixels to either side, and by as many up or down.
    Shift(f64),
    /// Width and height become this share of what they were, above 0.
    Scale(f64),
    /// This share of the pixels, from 0 to 1, becomes ink or paper.
    Noise(f64),
    /// Gaussian blur of this standard deviation in pixels.
    Blur(f64),
}

impl Distortion {
    /// Changes each picture, by random numbers from `seed`. Labels stay.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a strength that cannot work; [`Error::Mismatch`] for pictures that are not 8 to
    /// 256 pixels high and wide, in bytes.
    pub fn apply(self, digits: &Images, seed: u64) -> Result<Images> {
        let is_possible = match self {
            Self::Rotation(strength) | Self::Shift(strength) => strength.is_finite(),
            Self::Scale(share) => share > 0.0 && share.is_finite(),
            Self::Noise(share) => (0.0..=1.0).contains(&share),
            Self::Blur(pixels) => (0.0..=256.0).contains(&pixels),
        };
        if !is_possible {
            let expected = "a number, a scale above 0, noise from 0 to 1, or blur from 0 to 256 pixels";
            return Err(Error::invalid_setting("a distortion", format!("{self:?}"), expected));
        }
        changed(digits, &format!("{self:?}"), seed, |picture, random| match self {
            Self::Rotation(degrees) => geometry::rotate(picture, degrees.to_radians(), random),
            Self::Shift(pixels) => geometry::translate(picture, pixels, random),
            Self::Scale(share) => geometry::scale(picture, share),
            Self::Noise(share) => noise::impulse(picture, share, random),
            Self::Blur(pixels) => picture.blurred(pixels),
        })
    }
}

/// The least height and width: a zigzag needs some room.
const LEAST: i64 = 8;

/// Changes each picture and adds the change's name to that of the digits.
fn changed(
    digits: &Images,
    name: &str,
    seed: u64,
    change: impl Fn(&FloatImage, &mut Random) -> FloatImage,
) -> Result<Images> {
    let sizes = LEAST..=noise::SIDE as i64;
    let shape = digits.images.size();
    let is_possible = matches!(shape[..], [_, height, width] if sizes.contains(&height) && sizes.contains(&width));
    if !is_possible || digits.images.kind() != Kind::Uint8 {
        let found = format!("the shape {shape:?} and the type {:?}", digits.images.kind());
        let expected = format!("[count, height, width] and Uint8, sides of {sizes:?} pixels");
        return Err(Error::mismatch("pictures to corrupt", found, expected));
    }
    let size = [shape[1], shape[2]].map(|side| side as usize);
    let mut random = generator(seed, Purpose::Corruption);
    let pixels = Vec::<u8>::try_from(digits.images.f_to(Device::Cpu)?.f_contiguous()?.f_reshape([-1])?)?;
    let pictures = pixels.chunks_exact(size[0] * size[1]).map(|bytes| FloatImage::from_bytes(size, bytes));
    let changed: Vec<u8> = pictures.flat_map(|picture| change(&picture, &mut random).to_bytes()).collect();
    Ok(Images {
        name: format!("{}, {name}", digits.name),
        images: Tensor::f_from_slice(&changed)?.f_reshape(&shape)?,
        labels: digits.labels.shallow_clone(),
        classes: digits.classes.clone(),
    })
}

#[cfg(test)]
mod tests;
