//! A person's own picture of digits, made to look as MNIST's do, step by step.
//!
//! It follows how MNIST was made (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, 1998), and adds what other pens and
//! cameras need: the picture is turned upright (`decode.rs`), made grey (`color.rs`), ink is told from paper and the
//! light on it evened out (`ink.rs`), a window around the paper (`panel.rs`) and ruled lines (`ruling.rs`) are left
//! out, the digits are found, row by row, and the marks between them (`writing.rs`), strokes are brought to MNIST's
//! width (`stroke.rs`), and each digit is scaled to fit into 20 × 20 pixels and placed with its centre of mass at the
//! middle of 28 × 28.

mod alternatives;
mod background;
mod clutter;
mod color;
mod decode;
mod ink;
mod luma_image;
mod mark;
mod morphology;
mod panel;
mod parts;
mod ruling;
mod shading;
mod steps_image;
mod stroke;
#[cfg(feature = "all-formats")]
mod tiff;
mod writing;

use std::{ops::Range, path::Path};

use image::{Luma, imageops};
use mnist_classification::{Error, Result};
use tch::Tensor;

pub(crate) use alternatives::Alternative;
use luma_image::{LumaImage, shrunk};
use parts::Part;
use writing::Writing;

use crate::layout::{self, Layout};

/// The fraction of a picture's height and width into which its digit fits: in MNIST 20 of 28 pixels.
const BOX: f64 = 20.0 / 28.0;

/// A picture whose shorter side is twice as long is first looked at this small, which takes less time.
const FIRST_LOOK: u32 = 200;

/// Which fraction of each neighbour a pixel of the result takes: chosen on other writers' digits.
const SOFTNESS: f32 = 0.1;

/// Much more than rounding errors, and much less than a pixel.
const TIE: f64 = 1e-4;

/// How many windows may lie one in another.
const WINDOWS: usize = 2;

/// The digits of a picture.
#[derive(Debug)]
pub struct Picture {
    /// The inputs of a network, row by row from left to right, `[digits, height × width]`, from 0 (paper) to 1 (ink).
    pub inputs: Tensor,
    /// Where the digits stand, and what stands between them.
    pub layout: Layout,
    size: [usize; 2],
    grey: LumaImage,
    ink: LumaImage,
    /// Each digit before it was scaled.
    digits: Vec<LumaImage>,
    /// Other ways to take some of them.
    pub(crate) alternatives: Vec<Alternative>,
}

impl Picture {
    /// Reads a picture of digits, in one row or several, for a network that takes pictures of this height and width:
    /// `[28, 28]` for one that learnt from MNIST. Other sizes keep MNIST's proportions.
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
        let (picture, times) = decode::decode(path)?;
        let expected = "a picture of digits, dark on light or light on dark";
        let found = Found::at_any_size(color::grey(picture), is_written, WINDOWS);
        let found = found.map_err(|found| Error::malformed(path, found, expected))?;
        let Found { grey, ink, parts, alternatives, layout } = found.moved([0, 0], times);
        let digits: Vec<_> = if is_written { parts.iter().map(stroke::usual_width).collect() } else { parts };
        Ok(Self { inputs: inputs(&digits, size)?, layout, size, grey, ink, digits, alternatives })
    }

    /// Returns the inputs of all parts of some alternatives, `[parts, height × width]`.
    ///
    /// # Errors
    /// [`Error::Torch`] when libtorch cannot make the inputs.
    pub(crate) fn inputs_of(&self, alternatives: &[usize]) -> Result<Tensor> {
        let digits: Vec<_> = alternatives.iter().flat_map(|&place| self.digits_of(place)).collect();
        inputs(&digits, self.size)
    }

    /// Returns the picture with some alternatives, which come from left to right and share no digit.
    ///
    /// # Errors
    /// [`Error::Torch`] when libtorch cannot make the inputs.
    pub(crate) fn with(&self, alternatives: &[usize]) -> Result<Self> {
        let (mut digits, mut layout) = (self.digits.clone(), self.layout.clone());
        // From the last one on, so that the places before it stay.
        for &place in alternatives.iter().rev() {
            // An answer to another picture names some that this one lacks.
            let Some(alternative) = self.alternatives.get(place) else { continue };
            let Alternative { digits: Range { start, end }, parts, boxes, .. } = alternative;
            digits.splice(*start..*end, self.digits_of(place));
            layout.boxes.splice(*start..*end, boxes.iter().copied());
            for (before, _) in layout.marks.iter_mut().filter(|(before, _)| before >= end) {
                *before = *before + parts.len() - (end - start);
            }
        }
        let (inputs, grey, ink) = (inputs(&digits, self.size)?, self.grey.clone(), self.ink.clone());
        Ok(Self { inputs, layout, size: self.size, grey, ink, digits, alternatives: Vec::new() })
    }

    /// Returns the digits of an alternative.
    fn digits_of(&self, place: usize) -> Vec<LumaImage> {
        self.alternatives[place].parts.iter().map(|part| stroke::usual_width(&part.cut(&self.ink))).collect()
    }
}

/// Returns what a network of this picture size takes of each digit.
fn inputs(digits: &[LumaImage], size: [usize; 2]) -> Result<Tensor> {
    let inputs = digits.iter().map(|digit| centred(&boxed(digit, size), size)).collect::<Result<Vec<_>>>()?;
    Ok(Tensor::f_cat(&inputs, 0)?)
}

/// A picture in grey, and what was found on it.
struct Found {
    grey: LumaImage,
    ink: LumaImage,
    /// Each digit, cut out.
    parts: Vec<LumaImage>,
    alternatives: Vec<Alternative>,
    layout: Layout,
}

impl Found {
    /// Finds the digits, first on a smaller picture, which may do; in a window within so many others.
    fn at_any_size(grey: LumaImage, is_written: bool, windows: usize) -> Result<Self, &'static str> {
        let times = grey.width().min(grey.height()) / FIRST_LOOK;
        let first = (times > 1).then(|| Self::on(shrunk(&grey, times), is_written, windows).ok()).flatten();
        match first.filter(Self::is_large) {
            Some(first) => Ok(first.moved([0, 0], [times as f32; 2])),
            None => Self::on(grey, is_written, windows),
        }
    }

    /// Finds the digits of a picture in grey, or the one thing that is not written; or says why there is none.
    fn on(grey: LumaImage, is_written: bool, windows: usize) -> Result<Self, &'static str> {
        let ink = ink::of(&grey)?;
        if !is_written {
            return Ok(Self {
                parts: vec![stroke::cut(&ink)],
                alternatives: Vec::new(),
                layout: Layout::default(),
                grey,
                ink,
            });
        }
        if let Some((panel, outside)) = panel::panel(&ink).filter(|_| windows > 0) {
            let [left, top, width, height] = panel;
            let within = imageops::crop_imm(&grey, left, top, width, height).to_image();
            if let Ok(found) = Self::at_any_size(within, is_written, windows - 1) {
                let mut found = found.moved([left, top], [1.0; 2]);
                found.layout.left_out.extend(outside);
                return Ok(found);
            }
        }
        let ink = ruling::without_ruling(&ink).unwrap_or(ink);
        let writing = Writing::on(&ink);
        let parts: Vec<_> = writing.digits.iter().map(|digit| digit.cut(&ink)).collect();
        let boxes = |parts: &[Part]| parts.iter().map(Part::rectangle).collect();
        let alternatives = alternatives::of(&writing);
        let (boxes, left_out) = (boxes(&writing.digits), boxes(&writing.left_out));
        let layout = Layout { boxes, left_out, marks: writing.marks, ..Layout::default() };
        if parts.is_empty() {
            Err("a picture without ink")
        } else {
            Ok(Self { grey, ink, parts, alternatives, layout })
        }
    }

    /// Returns what was found, for a picture so many times as wide and high, in which this one lies `by` pixels to the
    /// right and below.
    fn moved(self, by: [u32; 2], times: [f32; 2]) -> Self {
        let alternative = |alternative: Alternative| {
            let boxes = alternative.boxes.into_iter().map(|edges| layout::moved(edges, by, times)).collect();
            Alternative { boxes, ..alternative }
        };
        let alternatives = self.alternatives.into_iter().map(alternative).collect();
        Self { layout: self.layout.moved(by, times), alternatives, ..self }
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
        // A symmetric digit lies between two pixels: not rounding, but this decides for the lower one.
        ((middle - sum / mass + 0.5 + TIE).floor() as i64).clamp(0, i64::from(side - length))
    };
    let mut canvas = LumaImage::new(width, height);
    imageops::replace(&mut canvas, digit, start(sum_x, digit.width(), width), start(sum_y, digit.height(), height));
    Ok(Tensor::f_from_slice(softened(&canvas).as_raw())?.f_unsqueeze(0)?)
}

/// Softens edges as MNIST's are, whatever scanner or screen they come from: each pixel takes a tenth of its neighbours
/// across, then down.
fn softened(digit: &LumaImage) -> LumaImage {
    let kernel =
        |[before, here, behind]: [f32; 3]| SOFTNESS * before + (1.0 - 2.0 * SOFTNESS) * here + SOFTNESS * behind;
    let along = |image: &LumaImage, right: i64, down: i64| {
        let ink = |x: i64, y: i64| {
            let inside = x >= 0 && y >= 0 && x < i64::from(image.width()) && y < i64::from(image.height());
            if inside { image.get_pixel(x as u32, y as u32).0[0] } else { 0.0 }
        };
        let around = |x: i64, y: i64| [-1, 0, 1].map(|step| ink(x + step * right, y + step * down));
        LumaImage::from_fn(image.width(), image.height(), |x, y| Luma([kernel(around(x.into(), y.into()))]))
    };
    along(&along(digit, 1, 0), 0, 1)
}

#[cfg(test)]
mod tests;
