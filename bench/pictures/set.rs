//! The digits of another set, as pictures: dark ink on light paper with a margin.

use std::{fmt::Write, fs, path::Path};

use image::{GrayImage, ImageBuffer, Luma, imageops};
use mnist_classification::prelude::*;

/// So many pixels of a picture are one of the set's.
const SCALE: u32 = 6;

const PAPER: f32 = 250.0;
const PEN: f32 = 30.0;

/// Draws each digit of the IDX files `images-idx3-ubyte.gz` and `labels-idx1-ubyte.gz` of a folder into another folder,
/// with a `labels.csv`. In a `stretched` set, each digit fills a square of 16 × 16 pixels, whatever its proportions.
pub fn draw(from: &Path, stretched: bool, folder: &Path) -> Result<()> {
    let digits = Images::from_files(from.join("images-idx3-ubyte.gz"), from.join("labels-idx1-ubyte.gz"))?;
    let io = |source| Error::Io { file: folder.into(), source };
    fs::create_dir_all(folder).map_err(io)?;
    let size = digits.images.size();
    let (height, width) = (size[1] as u32, size[2] as u32);
    let mut labels = String::from("file,digit,kind,pen_in_mnist_pixels\n");
    for index in 0..digits.len() as i64 {
        let ink = Vec::<f32>::try_from(digits.images.get(index).reshape([-1]) / 255.0)?;
        let ink = ImageBuffer::<Luma<f32>, _>::from_raw(width, height, ink).unwrap_or_default();
        let ink = if stretched { square(&ink) } else { ink };
        let (wide, high) = (ink.width() * SCALE, ink.height() * SCALE);
        let ink = imageops::resize(&ink, wide, high, imageops::FilterType::CatmullRom);
        let mut page = ImageBuffer::new(wide * 8 / 5, high * 8 / 5);
        imageops::replace(&mut page, &ink, i64::from(wide * 3 / 10), i64::from(high * 3 / 10));
        let grey = |x, y| {
            let ink: &Luma<f32> = page.get_pixel(x, y);
            Luma([(PAPER + (PEN - PAPER) * ink.0[0]).clamp(0.0, 255.0) as u8])
        };
        let (label, name) = (digits.labels.int64_value(&[index]), format!("{index:05}.png"));
        let picture = GrayImage::from_fn(page.width(), page.height(), grey);
        picture.save(folder.join(&name)).map_err(|error| Error::Figure(error.to_string()))?;
        writeln!(labels, "{name},{label},set,0").map_err(|error| Error::Figure(error.to_string()))?;
    }
    fs::write(folder.join("labels.csv"), labels).map_err(io)
}

/// Stretches a digit to 16 × 16 pixels, of one bit each.
fn square(ink: &ImageBuffer<Luma<f32>, Vec<f32>>) -> ImageBuffer<Luma<f32>, Vec<f32>> {
    let large = imageops::resize(&super::anew::cut(ink), 128, 128, imageops::FilterType::Triangle);
    ImageBuffer::from_fn(16, 16, |x, y| {
        let inked = (0..64).filter(|at| large.get_pixel(8 * x + at % 8, 8 * y + at / 8).0[0] > 0.43).count();
        Luma([f32::from(inked > 27)])
    })
}
