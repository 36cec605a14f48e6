//! A person's own picture of digits, made to look as MNIST's do, step by step.
//!
//! It follows how MNIST was made (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, 1998), and adds what other pens and
//! cameras need: the picture is turned upright (`decode.rs`), made grey (`color.rs`), ink is told from paper and the
//! light on it evened out (`ink.rs`), the digits are found and all else is left out (`parts.rs`), their strokes are
//! brought to MNIST's width (`stroke.rs`), and each digit is scaled to fit into 20 × 20 pixels and placed with its
//! centre of mass at the middle of 28 × 28.

mod background;
mod color;
mod decode;
mod ink;
mod luma_image;
mod morphology;
mod parts;
mod shading;
mod steps_image;
mod stroke;

use std::path::Path;

use image::imageops;
use mnist_classification::{Error, Result};
use tch::Tensor;

use luma_image::{LumaImage, shrunk};

/// The fraction of a picture's height and width into which its digit fits: in MNIST 20 of 28 pixels.
const BOX: f64 = 20.0 / 28.0;

/// A picture whose shorter side is twice as long is first looked at this small, which takes less time.
const FIRST_LOOK: u32 = 200;

/// The digits of a picture.
#[derive(Debug)]
pub struct Picture {
    /// The inputs of a network from left to right, `[digits, height × width]`, from 0 (paper) to 1 (ink).
    pub inputs: Tensor,
    size: [usize; 2],
    grey: LumaImage,
    ink: LumaImage,
    /// Each digit before it was scaled.
    digits: Vec<LumaImage>,
}

impl Picture {
    /// Reads a picture of digits in a row, for a network that takes pictures of this height and width: `[28, 28]` for
    /// one that learnt from MNIST. Other sizes keep MNIST's proportions.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such file, [`Error::Malformed`] when it is no picture or holds no ink;
    /// [`Error::InvalidSetting`] for a size of 0 or over 10,000.
    pub fn of_digits(path: impl AsRef<Path>, size: [usize; 2]) -> Result<Self> {
        Self::read(path.as_ref(), size, true)
    }

    /// Reads a picture as [`Picture::of_digits`] does, of one thing that is not written, such as a piece of clothing.
    ///
    /// # Errors
    /// As [`Picture::of_digits`].
    pub fn of_one(path: impl AsRef<Path>, size: [usize; 2]) -> Result<Self> {
        Self::read(path.as_ref(), size, false)
    }

    /// Reads a picture of digits that are written, or of one thing that is not.
    pub(crate) fn read(path: &Path, size: [usize; 2], is_written: bool) -> Result<Self> {
        if size.iter().any(|side| !(1..=10_000).contains(side)) {
            let (found, expected) = (format!("{size:?}"), "[height, width] in pixels, from 1 to 10,000");
            return Err(Error::invalid_setting("the size of a picture", found, expected));
        }
        let grey = color::grey(decode::decode(path)?);
        let times = grey.width().min(grey.height()) / FIRST_LOOK;
        let first = (times > 1).then(|| Found::on(shrunk(&grey, times), is_written).ok()).flatten();
        let found = first.filter(Found::is_large).map_or_else(|| Found::on(grey, is_written), Ok);
        let expected = "a picture of digits, dark on light or light on dark";
        let Found { grey, ink, parts } = found.map_err(|found| Error::malformed(path, found, expected))?;
        let digits: Vec<_> = if is_written { parts.iter().map(stroke::usual_width).collect() } else { parts };
        let inputs = digits.iter().map(|digit| centred(&boxed(digit, size), size)).collect::<Result<Vec<_>>>()?;
        Ok(Self { inputs: Tensor::f_cat(&inputs, 0)?, size, grey, ink, digits })
    }
}

/// A picture in grey, and what was found on it.
struct Found {
    grey: LumaImage,
    ink: LumaImage,
    /// Each digit, cut out.
    parts: Vec<LumaImage>,
}

impl Found {
    /// Finds the digits of a picture in grey, or the one thing that is not written; or says why there is none.
    fn on(grey: LumaImage, is_written: bool) -> Result<Self, &'static str> {
        let ink = ink::of(&grey)?;
        let parts: Vec<_> = if is_written {
            parts::digits(&ink).iter().map(|digit| digit.cut(&ink)).collect()
        } else {
            vec![stroke::cut(&ink)]
        };
        if parts.is_empty() { Err("a picture without ink") } else { Ok(Self { grey, ink, parts }) }
    }

    /// Tells whether every digit is as large as its strokes are measured in, so that a larger picture would not show
    /// more.
    fn is_large(&self) -> bool {
        self.parts.iter().all(|part| part.width().max(part.height()) as f32 >= stroke::SIDE)
    }
}

/// Scales a digit to fit into MNIST's box.
fn boxed(digit: &LumaImage, size: [usize; 2]) -> LumaImage {
    let [room_down, room_across] = size.map(|side| BOX * side as f64);
    let scale = (room_down / f64::from(digit.height())).min(room_across / f64::from(digit.width()));
    let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
    imageops::resize(digit, scaled(digit.width()), scaled(digit.height()), imageops::FilterType::Triangle)
}

/// Puts a digit on a picture of this height and width, its centre of mass in the middle; returns `[1, height × width]`.
fn centred(digit: &LumaImage, size: [usize; 2]) -> Result<Tensor> {
    let (mut mass, mut sum_x, mut sum_y) = (0.0, 0.0, 0.0);
    for (x, y, pixel) in digit.enumerate_pixels() {
        let ink = f64::from(pixel.0[0]);
        (mass, sum_x, sum_y) = (mass + ink, sum_x + ink * f64::from(x), sum_y + ink * f64::from(y));
    }
    let [height, width] = size.map(|side| side as u32);
    let start = |sum: f64, length: u32, side: u32| {
        let middle = f64::from(side) / 2.0; // As in MNIST, counted from pixel 0.
        ((middle - sum / mass).round() as i64).clamp(0, i64::from(side - length))
    };
    let mut canvas = LumaImage::new(width, height);
    imageops::replace(&mut canvas, digit, start(sum_x, digit.width(), width), start(sum_y, digit.height(), height));
    Ok(Tensor::f_from_slice(canvas.as_raw())?.f_unsqueeze(0)?)
}

#[cfg(test)]
mod tests;
