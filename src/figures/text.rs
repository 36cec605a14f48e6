//! Text in the library's font: where each glyph of a line stands, and how wide the line is.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, OutlinedGlyph, PxScale, ScaleFont, point};

/// The charts' font.
pub(super) const FILE: &[u8] = include_bytes!("../../assets/DejaVuSans.ttf");

/// The height of a capital letter, as a share of the font's height from descender to ascender, which is a text's size.
pub(super) const CAPITAL: f32 = 0.626;

/// The font is part of the program; were it damaged, there would be no text.
static FONT: LazyLock<Option<FontRef>> = LazyLock::new(|| FontRef::try_from_slice(FILE).ok());

/// Measures how wide a line of this size is, in pixels.
pub(super) fn width(text: &str, size: f32) -> f32 {
    let Some(font) = FONT.as_ref() else { return 0.0 };
    let font = font.as_scaled(size);
    text.chars().map(|character| font.h_advance(font.glyph_id(character))).sum()
}

/// Returns the outlines of a line whose baseline begins so many pixels to the right of 0; glyphs stand at fractions of
/// a pixel.
pub(super) fn outlines(text: &str, size: f32, start: f32) -> Vec<OutlinedGlyph> {
    let Some(font) = FONT.as_ref() else { return Vec::new() };
    let (scaled, mut pen) = (font.as_scaled(size), 0.0);
    let glyphs = text.chars().map(|character| {
        let id = font.glyph_id(character);
        let glyph = id.with_scale_and_position(PxScale::from(size), point(start + pen, 0.0));
        pen += scaled.h_advance(id);
        glyph
    });
    glyphs.filter_map(|glyph| font.outline_glyph(glyph)).collect()
}
