//! Text in the library's font: where each glyph of a line stands, and how wide the line is.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, OutlinedGlyph, PxScale, ScaleFont, point};

/// The charts' font.
pub(super) const FILE: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");

/// The height of a capital letter, as a share of the font's height from descender to ascender.
const CAPITAL: f32 = 0.626;

/// The font is part of the program; were it damaged, there would be no text.
static FONT: LazyLock<Option<FontRef>> = LazyLock::new(|| FontRef::try_from_slice(FILE).ok());

/// A line's glyphs, from (0, 0) along the baseline, at fractions of a pixel.
fn glyphs(font: &FontRef, text: &str, size: f32) -> (Vec<Glyph>, f32) {
    let (font, scale) = (font.as_scaled(size), PxScale::from(size));
    let mut pen = 0.0;
    let mut glyphs: Vec<Glyph> = Vec::new();
    for character in text.chars() {
        let id = font.glyph_id(character);
        glyphs.push(id.with_scale_and_position(scale, point(pen, 0.0)));
        pen += font.h_advance(id);
    }
    (glyphs, pen)
}

/// How wide a line of this size is, in pixels.
pub(super) fn width(text: &str, size: f32) -> f32 {
    FONT.as_ref().map_or(0.0, |font| glyphs(font, text, size).1)
}

/// How high a capital letter of this size is, in pixels.
pub(super) fn capital_height(size: f32) -> f32 {
    CAPITAL * size
}

/// The outlines of a line whose baseline begins so many pixels to the right of 0.
pub(super) fn outlines(text: &str, size: f32, start: f32) -> Vec<OutlinedGlyph> {
    let Some(font) = FONT.as_ref() else { return Vec::new() };
    let (mut glyphs, _) = glyphs(font, text, size);
    glyphs.iter_mut().for_each(|glyph| glyph.position.x += start);
    glyphs.into_iter().filter_map(|glyph| font.outline_glyph(glyph)).collect()
}
