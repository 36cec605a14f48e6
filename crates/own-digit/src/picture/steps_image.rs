//! The steps from a picture to a network's inputs, as one picture to look at.

use std::{io::Cursor, path::Path};

use image::{
    GrayImage, ImageFormat, Luma,
    imageops::{self, FilterType},
};

use super::{
    Picture,
    luma_image::{LumaImage, bytes},
};
use mnist_classification::{Error, Result, support::files};

/// The height of each step, the space around it, and that space's grey.
const HEIGHT: u32 = 280;
const SPACE: u32 = 10;
const AROUND: Luma<u8> = Luma([128]);

impl Picture {
    /// The picture in grey, and its ink in white.
    pub(crate) fn grey_and_ink(&self) -> [GrayImage; 2] {
        [bytes(&self.grey), bytes(&self.ink)]
    }

    /// What the network takes of each digit, white on black.
    ///
    /// # Errors
    /// [`Error::Torch`] when the inputs cannot be read.
    pub(crate) fn inputs_as_pictures(&self) -> Result<Vec<GrayImage>> {
        let [height, width] = self.size.map(|side| side as u32);
        let values = Vec::<Vec<f32>>::try_from(&self.inputs)?;
        let pixel = |values: &Vec<f32>, x, y| Luma([values[(y * width + x) as usize]]);
        let plane = |values: &Vec<f32>| LumaImage::from_fn(width, height, |x, y| pixel(values, x, y));
        Ok(values.iter().map(|values| bytes(&plane(values))).collect())
    }

    /// Writes what was seen of pictures as a PNG, a row for each: the picture in grey, its ink, and of each digit the
    /// strokes and what the network takes.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written; then nothing is left of it.
    pub fn save_steps(pictures: &[Self], file: impl AsRef<Path>) -> Result<()> {
        let rows = pictures.iter().map(Self::row).collect::<Result<Vec<_>>>()?;
        let width = rows.iter().map(GrayImage::width).max().unwrap_or(1);
        let mut seen = GrayImage::from_pixel(width, rows.iter().map(GrayImage::height).sum::<u32>().max(1), AROUND);
        let mut top = 0;
        for row in &rows {
            imageops::replace(&mut seen, row, 0, top);
            top += i64::from(row.height());
        }
        let mut png = Cursor::new(Vec::new());
        seen.write_to(&mut png, ImageFormat::Png).map_err(|error| Error::Figure(error.to_string()))?;
        files::write(file.as_ref(), png.into_inner())
    }

    fn row(&self) -> Result<GrayImage> {
        let mut parts: Vec<_> = self.grey_and_ink().iter().map(scaled).collect();
        for (digit, input) in self.digits.iter().zip(&self.inputs_as_pictures()?) {
            parts.extend([scaled(&bytes(digit)), scaled(input)]);
        }
        let width = parts.iter().map(|part| part.width() + SPACE).sum::<u32>() + SPACE;
        let mut row = GrayImage::from_pixel(width, HEIGHT + 2 * SPACE, AROUND);
        let mut left = SPACE;
        for part in &parts {
            imageops::replace(&mut row, part, left.into(), SPACE.into());
            left += part.width() + SPACE;
        }
        Ok(row)
    }
}

/// As high as the row.
fn scaled(picture: &GrayImage) -> GrayImage {
    let width = (picture.width() * HEIGHT / picture.height()).clamp(1, 4 * HEIGHT);
    // Pixels of a small picture stay squares.
    let filter = if picture.height() < HEIGHT { FilterType::Nearest } else { FilterType::Triangle };
    imageops::resize(picture, width, HEIGHT, filter)
}
