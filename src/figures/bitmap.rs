//! Charts as PNG files, which say that they have two pixels for each of the chart's own in both directions.

use std::{cmp::Reverse, collections::BTreeMap};

use plotters::prelude::*;
use png::{BitDepth, ColorType, Compression, Encoder, FilterType, PixelDimensions, Unit};

use super::{
    backend::{Backend, SCALE},
    style::Area,
};
use crate::{Error, Result};

/// Draws a chart of this size, in its own pixels, and returns the PNG file's bytes.
pub(super) fn png(size: (u32, u32), draw: impl FnOnce(&Area) -> Result<()>) -> Result<Vec<u8>> {
    let (width, height) = (size.0 * SCALE, size.1 * SCALE);
    let mut pixels = vec![0; (width * height * 3) as usize];
    let bitmap = BitMapBackend::with_buffer(&mut pixels, (width, height));
    draw(&Backend::Bitmap(bitmap).into_drawing_area())?;
    let (colors, places) = palette(&pixels);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(colors.into_flattened());
    // Areas of one color and enlarged pixels repeat: they pack better as they are than as differences.
    encoder.set_filter(FilterType::NoFilter);
    encoder.set_compression(Compression::Default);
    // A chart's own pixels are a browser's, 96 an inch.
    let per_meter = (f64::from(SCALE) * 96.0 / 0.0254).round() as u32;
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: per_meter, yppu: per_meter, unit: Unit::Meter }));
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&places)?;
        writer.finish()
    });
    written.map_err(|error| Error::Figure(error.to_string()))?;
    Ok(file)
}

type Color = [u8; 3];

/// Returns at most 256 colors, and each pixel's place among them: half the size of a file with three bytes a pixel.
/// Where a chart has more, the most frequent ones stay as they are, and each of the others takes the nearest.
fn palette(pixels: &[u8]) -> (Vec<Color>, Vec<u8>) {
    let (pixels, _) = pixels.as_chunks::<3>();
    // Most pixels are like the one before.
    let runs = || pixels.chunk_by(|one, next| one == next);
    let mut counts: BTreeMap<Color, usize> = BTreeMap::new();
    runs().for_each(|run| *counts.entry(run[0]).or_default() += run.len());
    let mut colors: Vec<_> = counts.into_iter().collect();
    colors.sort_by_key(|(_, count)| Reverse(*count));
    let within = |tolerance: &u8| {
        let mut kept: Vec<Color> = Vec::new();
        for (color, _) in &colors {
            if kept.len() <= 256 && kept.iter().all(|other| distance(other, color) > *tolerance) {
                kept.push(*color);
            }
        }
        kept
    };
    // With the last tolerance eight colors are enough.
    let tolerances = [0, 1, 2, 4, 8, 16, 32, 64, 128];
    let kept = tolerances.iter().map(within).find(|kept| kept.len() <= 256).unwrap_or_default();
    let nearest = |color: &Color| (0..=255).zip(&kept).min_by_key(|(_, other)| distance(other, color));
    let place = |color: Color| (color, nearest(&color).map_or(0, |(place, _)| place));
    let places: BTreeMap<Color, u8> = colors.iter().map(|(color, _)| place(*color)).collect();
    let places = runs().flat_map(|run| std::iter::repeat_n(places[&run[0]], run.len())).collect();
    (kept, places)
}

/// Returns the largest difference in red, green or blue.
fn distance(one: &Color, other: &Color) -> u8 {
    one.iter().zip(other).map(|(one, other)| one.abs_diff(*other)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use ab_glyph::{Font, FontRef, ScaleFont};

    use super::*;
    use crate::figures::{
        style::{TEXT, font},
        text,
    };

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
    fn few_colors_stay_as_they_are_and_many_stay_near() {
        let few: Vec<u8> = (0..=255).flat_map(|grey| [grey; 3]).collect();
        let (kept, places) = palette(&few);
        assert!(
            kept.len() == 256 && places.iter().zip(0..=255_u8).all(|(&place, grey)| kept[place as usize] == [grey; 3])
        );
        let many = (0..3_000_u32).map(|number| [(number % 256) as u8, (number / 12) as u8, 255]);
        let many: Vec<Color> = many.chain([[1, 2, 3]; 9]).collect();
        let (kept, places) = palette(many.as_flattened());
        assert!(kept.len() <= 256 && places.len() == many.len() && kept.contains(&[1, 2, 3]));
        let distances = many.iter().zip(&places).map(|(color, &place)| distance(color, &kept[place as usize]));
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
