//! TIFF pictures, those of scanners and fax machines among them: one bit a pixel, or more.

use std::{error::Error, io::Cursor};

use image::{DynamicImage, GrayImage, ImageBuffer, RgbImage, RgbaImage};
use tiff::{
    ColorType,
    decoder::{Decoder, DecodingResult},
};

use super::decode::MOST;

/// Decodes the first picture of a TIFF file.
pub(super) fn tiff(bytes: &[u8]) -> Result<DynamicImage, Box<dyn Error>> {
    let mut decoder = Decoder::new(Cursor::new(bytes))?;
    let ((width, height), color) = (decoder.dimensions()?, decoder.colortype()?);
    if u64::from(width) * u64::from(height) > MOST {
        return Err(format!("{width} × {height} pixels are more than {MOST}").into());
    }
    let picture = match (color, decoder.read_image()?) {
        (ColorType::Gray(bits @ (1 | 2 | 4)), DecodingResult::U8(packed)) => {
            GrayImage::from_raw(width, height, unpacked(&packed, width, bits)).map(DynamicImage::from)
        }
        (ColorType::Gray(8), DecodingResult::U8(values)) => {
            GrayImage::from_raw(width, height, values).map(DynamicImage::from)
        }
        (ColorType::RGB(8), DecodingResult::U8(values)) => {
            RgbImage::from_raw(width, height, values).map(DynamicImage::from)
        }
        (ColorType::RGBA(8), DecodingResult::U8(values)) => {
            RgbaImage::from_raw(width, height, values).map(DynamicImage::from)
        }
        (ColorType::CMYK(8), DecodingResult::U8(values)) => {
            let light = |ink: u8, black: u8| (u16::from(255 - ink) * u16::from(255 - black) / 255) as u8;
            let pixels = values
                .as_chunks()
                .0
                .iter()
                .flat_map(|&[cyan, magenta, yellow, black]| [cyan, magenta, yellow].map(|ink| light(ink, black)));
            RgbImage::from_raw(width, height, pixels.collect()).map(DynamicImage::from)
        }
        (ColorType::Gray(16), DecodingResult::U16(values)) => {
            ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageLuma16)
        }
        (ColorType::RGB(16), DecodingResult::U16(values)) => {
            ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageRgb16)
        }
        (ColorType::RGBA(16), DecodingResult::U16(values)) => {
            ImageBuffer::from_raw(width, height, values).map(DynamicImage::ImageRgba16)
        }
        (color, _) => return Err(format!("pixels of the kind {color:?} are not read").into()),
    };
    picture.ok_or_else(|| "its planes are not read, or there are fewer pixels than its size says".into())
}

/// Returns a byte for each pixel of rows that have one, two or four bits a pixel and begin with a byte of their own.
fn unpacked(packed: &[u8], width: u32, bits: u8) -> Vec<u8> {
    let (width, bits) = (width as usize, usize::from(bits));
    let largest = (1_u16 << bits) - 1;
    let row = |row: &[u8]| {
        let value = |at: usize| u16::from(row[at * bits / 8] >> (8 - bits - at * bits % 8)) & largest;
        (0..width).map(|at| (value(at) * 255 / largest) as u8).collect::<Vec<_>>()
    };
    packed.chunks_exact((width * bits).div_ceil(8).max(1)).flat_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_pixels_become_bytes_row_by_row() {
        assert_eq!(unpacked(&[0b1010_0000, 0b0100_0000], 3, 1), [255, 0, 255, 0, 255, 0]);
        assert_eq!(unpacked(&[0xf5, 0x00], 3, 4), [255, 85, 0]);
        assert_eq!(unpacked(&[0b1101_0010], 4, 2), [255, 85, 0, 170]);
    }
}
