//! The steps from a picture to a network's inputs, as one picture to look at.

use std::{io::Cursor, path::Path};

use image::{
    GrayImage, ImageFormat, Luma,
    buffer::ConvertBuffer,
    imageops::{self, FilterType},
};
use mnist_classification::{Error, Result, support::files};

use super::Picture;

/// The height of each step, the space around it, and that space's grey.
const HEIGHT: u32 = 280;
const SPACE: u32 = 10;
const AROUND: Luma<u8> = Luma([128]);

impl Picture {
    /// Returns the picture in grey, and its ink in white.
    pub(crate) fn grey_and_ink(&self) -> [GrayImage; 2] {
        [&self.grey, &self.ink].map(ConvertBuffer::convert)
    }

    /// Returns what the network takes of each digit, white on black.
    ///
    /// # Errors
    /// [`Error::Torch`] when the inputs cannot be read.
    pub(crate) fn inputs_as_pictures(&self) -> Result<Vec<GrayImage>> {
        let [height, width] = self.size.map(|side| side as u32);
        let pixels = Vec::<Vec<u8>>::try_from(&self.inputs.f_mul_scalar(255.0)?.f_round()?)?;
        Ok(pixels.into_iter().filter_map(|pixels| GrayImage::from_vec(width, height, pixels)).collect())
    }

    /// Writes the steps of pictures as a PNG, a row for each: the picture in grey, its ink, and of each digit the
    /// strokes and what the network takes.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; then nothing is left of it.
    pub fn save_steps(pictures: &[Self], file: impl AsRef<Path>) -> Result<()> {
        let rows = pictures.iter().map(Self::steps).collect::<Result<Vec<_>>>()?;
        let width = |row: &Vec<GrayImage>| row.iter().map(|step| step.width() + SPACE).sum::<u32>() + SPACE;
        let (width, height) = (rows.iter().map(width).max().unwrap_or(1), HEIGHT + 2 * SPACE);
        let mut canvas = GrayImage::from_pixel(width, (rows.len() as u32 * height).max(1), AROUND);
        for (row, steps) in (0..).zip(&rows) {
            let mut left = SPACE;
            for step in steps {
                imageops::replace(&mut canvas, step, left.into(), (row * height + SPACE).into());
                left += step.width() + SPACE;
            }
        }
        let mut png = Cursor::new(Vec::new());
        canvas.write_to(&mut png, ImageFormat::Png).map_err(|error| Error::Figure(error.to_string()))?;
        files::write(file, png.into_inner())
    }

    fn steps(&self) -> Result<Vec<GrayImage>> {
        let inputs = self.inputs_as_pictures()?;
        let digits = self.digits.iter().zip(inputs).flat_map(|(digit, input)| [digit.convert(), input]);
        Ok(self.grey_and_ink().into_iter().chain(digits).map(|step| scaled(&step)).collect())
    }
}

/// Scales a picture to the height of a row.
fn scaled(picture: &GrayImage) -> GrayImage {
    let width = (picture.width() * HEIGHT / picture.height()).clamp(1, 4 * HEIGHT);
    // Pixels of a small picture stay squares.
    let filter = if picture.height() < HEIGHT { FilterType::Nearest } else { FilterType::Triangle };
    imageops::resize(picture, width, HEIGHT, filter)
}
