//! Charts as PNG files. A chart is drawn with two pixels for each of its own in both directions, as sharp screens show it,
//! and the file says so; text stands at fractions of a pixel, so that the gaps between its letters are the font's.

use std::{cmp::Reverse, collections::BTreeMap};

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, VPos},
};
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind};
use png::{BitDepth, ColorType, Compression, Encoder, FilterType, PixelDimensions, Unit};

use super::text;
use crate::{Error, Result};

/// Pixels of the file for each of the chart.
const SCALE: i32 = 2;
/// A chart's own pixels are a browser's, 96 an inch.
const PIXELS_PER_METRE: f64 = SCALE as f64 * 96.0 / 0.0254;

/// A chart of this size in its own pixels, as a PNG file's bytes.
pub(super) fn png(size: (u32, u32), draw: impl FnOnce(&DrawingArea<Bitmap, Shift>) -> Result<()>) -> Result<Vec<u8>> {
    let (width, height) = (size.0 * SCALE as u32, size.1 * SCALE as u32);
    let mut pixels = vec![0; (width * height * 3) as usize];
    let backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
    draw(&Bitmap { pixels: backend, size }.into_drawing_area())?;
    let (colours, places) = palette(&pixels);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(colours.into_flattened());
    // Areas of one colour and enlarged pixels repeat: they pack better as they are than as differences.
    encoder.set_filter(FilterType::NoFilter);
    encoder.set_compression(Compression::Default);
    let per_unit = PIXELS_PER_METRE.round() as u32;
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: per_unit, yppu: per_unit, unit: Unit::Meter }));
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&places)?;
        writer.finish()
    });
    written.map_err(|error| Error::Figure(error.to_string()))?;
    Ok(file)
}

type Colour = [u8; 3];

/// At most 256 colours, and each pixel's place among them: half the size of a file with three bytes a pixel. Where a chart
/// has more, the most frequent ones stay as they are, and each of the others takes the nearest.
fn palette(pixels: &[u8]) -> (Vec<Colour>, Vec<u8>) {
    let (pixels, _) = pixels.as_chunks::<3>();
    // Most pixels are like the one before.
    let runs = || pixels.chunk_by(|one, next| one == next);
    let mut counts: BTreeMap<Colour, usize> = BTreeMap::new();
    runs().for_each(|run| *counts.entry(run[0]).or_default() += run.len());
    let mut colours: Vec<_> = counts.into_iter().collect();
    colours.sort_by_key(|(_, count)| Reverse(*count));
    let within = |tolerance: &u8| {
        let mut kept: Vec<Colour> = Vec::new();
        for (colour, _) in &colours {
            if kept.len() <= 256 && kept.iter().all(|other| distance(other, colour) > *tolerance) {
                kept.push(*colour);
            }
        }
        kept
    };
    // With the last tolerance eight colours are enough.
    let tolerances = [0, 1, 2, 4, 8, 16, 32, 64, 128];
    let kept = tolerances.iter().map(within).find(|kept| kept.len() <= 256).unwrap_or_default();
    let nearest = |colour: &Colour| (0_u8..=255).zip(&kept).min_by_key(|(_, other)| distance(other, colour));
    let places: BTreeMap<_, _> =
        colours.iter().map(|(colour, _)| (*colour, nearest(colour).map_or(0, |(place, _)| place))).collect();
    let places = runs().flat_map(|run| std::iter::repeat_n(places[&run[0]], run.len())).collect();
    (kept, places)
}

/// The largest difference in red, green or blue.
fn distance(one: &Colour, other: &Colour) -> u8 {
    (0..3).map(|part| one[part].abs_diff(other[part])).max().unwrap_or(0)
}

/// A backend that enlarges what it is given.
pub(super) struct Bitmap<'a> {
    pixels: BitMapBackend<'a>,
    /// In the chart's own pixels.
    size: (u32, u32),
}

/// A line's look, enlarged.
struct Stroke {
    color: BackendColor,
    width: u32,
}

impl BackendStyle for Stroke {
    fn color(&self) -> BackendColor {
        self.color
    }

    fn stroke_width(&self) -> u32 {
        self.width
    }
}

fn large(style: &impl BackendStyle) -> Stroke {
    Stroke { color: style.color(), width: style.stroke_width() * SCALE as u32 }
}

fn at((x, y): BackendCoord) -> BackendCoord {
    (x * SCALE, y * SCALE)
}

type Drawn<'a> = std::result::Result<(), DrawingErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>>;

impl<'a> DrawingBackend for Bitmap<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn<'a> {
        self.pixels.ensure_prepared()
    }

    fn present(&mut self) -> Drawn<'a> {
        self.pixels.present()
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn<'a> {
        let ((left, top), style) = (at(point), Stroke { color, width: 1 });
        self.pixels.draw_rect((left, top), (left + SCALE, top + SCALE), &style, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn<'a> {
        self.pixels.draw_line(at(from), at(to), &large(style))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        lower_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn<'a> {
        self.pixels.draw_rect(at(upper_left), at(lower_right), &large(style), fill)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn<'a> {
        self.pixels.draw_path(path.into_iter().map(at), &large(style))
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn<'a> {
        self.pixels.draw_circle(at(center), radius * SCALE as u32, &large(style), fill)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn<'a> {
        self.pixels.fill_polygon(corners.into_iter().map(at), &large(style))
    }

    fn blit_bitmap(&mut self, place: BackendCoord, (width, height): (u32, u32), picture: &[u8]) -> Drawn<'a> {
        let scale = SCALE as usize;
        let rows = picture.chunks_exact(3 * width as usize);
        let wide = rows.map(|row| row.chunks_exact(3).flat_map(|pixel| pixel.repeat(scale)).collect::<Vec<_>>());
        let picture: Vec<_> = wide.flat_map(|row| row.repeat(scale)).collect();
        self.pixels.blit_bitmap(at(place), (width * SCALE as u32, height * SCALE as u32), &picture)
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> std::result::Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let size = style.size() as f32;
        Ok((text::width(text, size).ceil() as u32, text::capital_height(size).ceil() as u32))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, place: BackendCoord) -> Drawn<'a> {
        let (size, color, turn) = (style.size() as f32 * SCALE as f32, style.color(), style.transform());
        let start = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -text::width(text, size) / 2.0,
            HPos::Right => -text::width(text, size),
        };
        // Whole pixels from line to line keep the letters' feet sharp.
        let baseline = match style.anchor().v_pos {
            VPos::Top => text::capital_height(size),
            VPos::Center => text::capital_height(size) / 2.0,
            VPos::Bottom => 0.0,
        };
        let (place, baseline) = (at(place), baseline.round() as i32);
        for glyph in text::outlines(text, size, start) {
            let corner = glyph.px_bounds().min;
            let mut drawn = Ok(());
            glyph.draw(|x, y, share| {
                let (x, y) = turn.transform(corner.x as i32 + x as i32, baseline + corner.y as i32 + y as i32);
                let color = BackendColor { alpha: color.alpha * f64::from(share), ..color };
                if drawn.is_ok() && share > 0.0 {
                    drawn = self.pixels.draw_pixel((place.0 + x, place.1 + y), color);
                }
            });
            drawn?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ab_glyph::{Font, FontRef, ScaleFont};

    use super::*;
    use crate::figures::style::{TEXT, font};

    /// Where the ink of each letter begins and ends, in the file's pixels, of letters that do not touch.
    fn drawn(line: &str, size: u32) -> Vec<[f32; 2]> {
        let file = png((600, 60), |area| {
            let drawn = area.fill(&WHITE).and_then(|()| area.draw_text(line, &font(size, &TEXT), (10, 20)));
            drawn.map_err(|error| Error::Figure(error.to_string()))
        });
        let picture = image::load_from_memory(&file.unwrap()).unwrap().to_luma8();
        let is_inked = |x: &u32| (0..picture.height()).any(|y| picture.get_pixel(*x, y).0[0] < 142);
        let mut found: Vec<[f32; 2]> = Vec::new();
        for x in (0..picture.width()).filter(is_inked).map(|x| x as f32) {
            match found.last_mut() {
                Some([_, end]) if *end == x => *end += 1.0,
                _ => found.push([x, x + 1.0]),
            }
        }
        found
    }

    /// The same from the font's own table of advances and outlines.
    fn expected(line: &str, size: u32) -> Vec<[f32; 2]> {
        let font = FontRef::try_from_slice(text::FILE).unwrap();
        let scaled = font.as_scaled(SCALE as f32 * size as f32);
        let mut pen = 10.0 * SCALE as f32;
        let mut found = Vec::new();
        for letter in line.chars() {
            let id = font.glyph_id(letter);
            if let Some(outline) = font.outline(id) {
                found.push([outline.bounds.min.x, outline.bounds.max.x].map(|x| pen + x * scaled.h_scale_factor()));
            }
            pen += scaled.h_advance(id);
        }
        found
    }

    #[test]
    fn letters_stand_where_the_font_puts_them() {
        // Upright strokes at both sides: where they begin can be told from the pixels.
        for (line, size) in [("Humlin illimMN", 17), ("minimum nHull", 19), ("IHunil mill", 26)] {
            let (drawn, expected) = (drawn(line, size), expected(line, size));
            assert_eq!(drawn.len(), expected.len(), "{line}");
            for (drawn, expected) in drawn.into_iter().flatten().zip(expected.into_iter().flatten()) {
                assert!((drawn - expected).abs() <= 0.5, "{line}: {drawn} instead of {expected}");
            }
        }
    }

    #[test]
    fn few_colours_stay_as_they_are_and_many_stay_near() {
        let few: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
        let (kept, places) = palette(&few);
        assert!(
            kept.len() == 256 && places.iter().zip(0..=255_u8).all(|(&place, grey)| kept[place as usize] == [grey; 3])
        );
        let many = (0..3_000_u32).map(|number| [(number % 256) as u8, (number / 12) as u8, 255]);
        let many: Vec<Colour> = many.chain([[1, 2, 3]; 9]).collect();
        let (kept, places) = palette(many.as_flattened());
        assert!(kept.len() <= 256 && places.len() == many.len() && kept.contains(&[1, 2, 3]));
        let distances = many.iter().zip(&places).map(|(colour, &place)| distance(colour, &kept[place as usize]));
        let furthest = distances.max();
        assert!(furthest.is_some_and(|furthest| furthest <= 16), "{furthest:?}");
    }

    #[test]
    fn a_file_has_twice_the_charts_pixels_and_says_their_size() {
        let file = png((30, 20), |area| area.fill(&WHITE).map_err(|error| Error::Figure(error.to_string()))).unwrap();
        let reader = png::Decoder::new(&file[..]).read_info().unwrap();
        let info = reader.info();
        assert_eq!((info.width, info.height), (60, 40));
        // 192 pixels an inch.
        assert_eq!(info.pixel_dims.unwrap().xppu, 7559);
    }
}
