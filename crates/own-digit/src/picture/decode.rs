//! A picture's file: its format, which way up it is, and its pixels.

use std::{fs, io::Cursor, path::Path};

use exif::{In, Tag};
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage, imageops::FilterType};
use image_webp::{DecodingError, WebPDecoder};
use mnist_classification::{Error, Result, support::file_kind};

/// Larger pictures are shrunk to this many pixels on their longer side.
const LONGEST: u32 = 1_600;

/// The most pixels of a picture.
pub(super) const MOST: u64 = 100_000_000;

/// The formats that this build reads.
const FORMATS: &str = if cfg!(feature = "all-formats") {
    "a picture of digits: PNG, JPEG, WebP, BMP, GIF, TIFF, PGM, PBM or PPM"
} else {
    "a picture of digits: PNG, JPEG, WebP or BMP"
};

/// The most bytes that the pixels of a WebP picture may take. The decoders of the other formats have such a limit.
const LARGEST_WEBP: usize = 256 << 20;

/// Reads a picture upright, whatever its name ends in; and how many times wider and higher it was.
pub(super) fn decode(path: &Path) -> Result<(DynamicImage, [f32; 2])> {
    if !path.is_file() {
        return Err(Error::missing(path, FORMATS));
    }
    let bytes = fs::read(path).map_err(Error::io(path))?;
    let malformed = |found: String| Error::malformed(path, found, FORMATS);
    let Some(format) = image::guess_format(&bytes).ok().filter(is_read) else {
        let start = &bytes[..bytes.len().min(512)];
        return Err(malformed(file_kind(start).unwrap_or_else(|| "another file".into())));
    };
    if let Some((width, height)) =
        size(&bytes, format).filter(|&(width, height)| u64::from(width) * u64::from(height) > MOST)
    {
        let most = MOST / 1_000_000;
        return Err(malformed(format!(
            "a {format:?} picture of {width} × {height} pixels (save it with at most {most} million)"
        )));
    }
    let decoded = match format {
        ImageFormat::WebP => webp(&bytes),
        #[cfg(feature = "all-formats")]
        ImageFormat::Tiff => super::tiff::tiff(&bytes),
        _ => image::load_from_memory_with_format(&bytes, format).map_err(Box::from),
    };
    let damaged = |error| {
        // There are more kinds of TIFF than any program reads.
        let (kind, again) =
            if format == ImageFormat::Tiff { ("rare or damaged", "as PNG") } else { ("damaged", "again") };
        malformed(format!("a {kind} {format:?} picture ({error}; save it {again})"))
    };
    let picture = upright(decoded.map_err(damaged)?, &bytes);
    let (width, height) = (picture.width(), picture.height());
    if width.min(height) == 0 {
        return Err(malformed(format!("a {format:?} picture without pixels")));
    }
    if width.max(height) <= LONGEST {
        return Ok((picture, [1.0; 2]));
    }
    let picture = picture.resize(LONGEST, LONGEST, FilterType::Triangle);
    let times = [width as f32 / picture.width() as f32, height as f32 / picture.height() as f32];
    Ok((picture, times))
}

/// Tells whether this build reads a format.
fn is_read(format: &ImageFormat) -> bool {
    let by_other_crates = *format == ImageFormat::WebP || cfg!(feature = "all-formats") && *format == ImageFormat::Tiff;
    by_other_crates || format.reading_enabled()
}

/// Returns a picture's width and height, as its head tells them.
fn size(bytes: &[u8], format: ImageFormat) -> Option<(u32, u32)> {
    image::io::Reader::with_format(Cursor::new(bytes), format).into_dimensions().ok()
}

/// Decodes a WebP picture; the decoder of this version of `image` panics on damaged ones.
fn webp(bytes: &[u8]) -> std::result::Result<DynamicImage, Box<dyn std::error::Error>> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes))?;
    let (width, height) = decoder.dimensions();
    let size = decoder.output_buffer_size().filter(|&size| size <= LARGEST_WEBP);
    let mut pixels = vec![0; size.ok_or(DecodingError::ImageTooLarge)?];
    decoder.read_image(&mut pixels)?;
    let picture = if decoder.has_alpha() {
        RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    };
    Ok(picture.ok_or(DecodingError::ImageTooLarge)?)
}

/// Turns a picture as its EXIF data asks for, where it has any: phones save what the sensor saw.
fn upright(picture: DynamicImage, bytes: &[u8]) -> DynamicImage {
    let exif = exif::Reader::new().read_from_container(&mut Cursor::new(bytes));
    let orientation = exif.ok().and_then(|exif| exif.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0));
    match orientation {
        Some(2) => picture.fliph(),
        Some(3) => picture.rotate180(),
        Some(4) => picture.flipv(),
        Some(5) => picture.rotate90().fliph(),
        Some(6) => picture.rotate90(),
        Some(7) => picture.rotate270().fliph(),
        Some(8) => picture.rotate270(),
        _ => picture,
    }
}
