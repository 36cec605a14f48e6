//! What charts draw on: one backend for both kinds of files, so that a chart is drawn by one function.
//!
//! In a bitmap a chart has two pixels for each of its own in both directions, as sharp screens show it, and text stands
//! at fractions of a pixel, so that the gaps between its letters are the font's.

use std::{error::Error, io};

use image::{
    RgbImage,
    imageops::{self, FilterType},
};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};

use super::text;

/// Pixels of a bitmap for each of the chart.
pub const SCALE: u32 = 2;

/// A picture under way. Its coordinates and sizes are the chart's own.
pub enum Backend<'a> {
    /// An SVG document.
    Svg(SVGBackend<'a>),
    /// Pixels, which are given everything enlarged.
    Bitmap(BitMapBackend<'a>),
}

type Drawn = Result<(), DrawingErrorKind<io::Error>>;

impl DrawingBackend for Backend<'_> {
    type ErrorType = io::Error;

    fn get_size(&self) -> (u32, u32) {
        match self {
            Self::Svg(svg) => svg.get_size(),
            Self::Bitmap(bitmap) => {
                let (width, height) = bitmap.get_size();
                (width / SCALE, height / SCALE)
            }
        }
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    /// Does nothing: an SVG document is finished when its backend is dropped, and pixels always are.
    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        match self {
            Self::Svg(svg) => svg.draw_line(from, to, style),
            Self::Bitmap(bitmap) => bitmap.draw_line(at(from), at(to), &large(style)).map_err(as_io),
        }
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        match self {
            Self::Svg(svg) => svg.draw_rect(from, to, style, fill),
            Self::Bitmap(bitmap) => bitmap.draw_rect(at(from), at(to), &large(style), fill).map_err(as_io),
        }
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        match self {
            Self::Svg(svg) => svg.draw_path(path, style),
            Self::Bitmap(bitmap) => bitmap.draw_path(path.into_iter().map(at), &large(style)).map_err(as_io),
        }
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        match self {
            Self::Svg(svg) => svg.draw_circle(center, radius, style, fill),
            Self::Bitmap(bitmap) => bitmap.draw_circle(at(center), radius * SCALE, &large(style), fill).map_err(as_io),
        }
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, corners: I, style: &S) -> Drawn {
        match self {
            Self::Svg(svg) => svg.fill_polygon(corners, style),
            Self::Bitmap(bitmap) => bitmap.fill_polygon(corners.into_iter().map(at), &large(style)).map_err(as_io),
        }
    }

    fn blit_bitmap(&mut self, place: BackendCoord, (width, height): (u32, u32), picture: &[u8]) -> Drawn {
        match self {
            Self::Svg(svg) => svg.blit_bitmap(place, (width, height), picture),
            Self::Bitmap(bitmap) => {
                let picture = RgbImage::from_raw(width, height, picture.to_vec()).unwrap_or_default();
                let large = imageops::resize(&picture, width * SCALE, height * SCALE, FilterType::Nearest);
                bitmap.blit_bitmap(at(place), large.dimensions(), &large).map_err(as_io)
            }
        }
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, place: BackendCoord) -> Drawn {
        match self {
            Self::Svg(svg) => svg.draw_text(text, style, place),
            Self::Bitmap(bitmap) => draw_glyphs(bitmap, text, style, at(place)),
        }
    }
}

/// Enlarges a place.
fn at((x, y): BackendCoord) -> BackendCoord {
    (x * SCALE as i32, y * SCALE as i32)
}

/// Enlarges a line's look.
fn large(style: &impl BackendStyle) -> ShapeStyle {
    let BackendColor { rgb: (red, green, blue), alpha } = style.color();
    ShapeStyle { color: RGBAColor(red, green, blue, alpha), filled: true, stroke_width: style.stroke_width() * SCALE }
}

/// Gives errors of bitmaps the type of SVG's.
fn as_io(error: impl Error + Send + Sync + 'static) -> DrawingErrorKind<io::Error> {
    DrawingErrorKind::DrawingError(io::Error::other(error))
}

/// Draws enlarged text at a place in the bitmap.
fn draw_glyphs(bitmap: &mut BitMapBackend, text: &str, style: &impl BackendTextStyle, place: BackendCoord) -> Drawn {
    let (size, color, turn) = (style.size() as f32 * SCALE as f32, style.color(), style.transform());
    let start = match style.anchor().h_pos {
        HPos::Left => 0.0,
        HPos::Center => -text::width(text, size) / 2.0,
        HPos::Right => -text::width(text, size),
    };
    // Whole pixels from line to line keep the letters' feet sharp.
    let baseline = match style.anchor().v_pos {
        VPos::Top => (text::CAPITAL * size).round() as i32,
        VPos::Center => (text::CAPITAL * size / 2.0).round() as i32,
        VPos::Bottom => 0,
    };
    for glyph in text::outlines(text, size, start) {
        let corner = glyph.px_bounds().min;
        let mut drawn = Ok(());
        glyph.draw(|x, y, share| {
            let (x, y) = turn.transform(corner.x as i32 + x as i32, baseline + corner.y as i32 + y as i32);
            if drawn.is_ok() && share > 0.0 {
                drawn = bitmap.draw_pixel((place.0 + x, place.1 + y), color.mix(share.into()));
            }
        });
        drawn.map_err(as_io)?;
    }
    Ok(())
}
