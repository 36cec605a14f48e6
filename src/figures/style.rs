//! What the charts share: the font, sizes of text, and colors that color-blind readers can tell apart.

use std::{io, sync::Once};

use image::RgbImage;
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{Look, backend::Backend, text};

/// A picture, or a part of it, that charts draw in.
pub type Area<'a> = DrawingArea<Backend<'a>, Shift>;

/// The result of drawing.
pub type DrawResult<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;

/// From the palette of M. Okabe and K. Ito (2008), made a little darker for text on white.
pub const BLUE: RGBColor = RGBColor(0, 102, 170);
/// The second series, and what is pointed at.
pub const ORANGE: RGBColor = RGBColor(204, 85, 0);
/// Right answers.
pub const GREEN: RGBColor = RGBColor(0, 125, 90);
/// Wrong answers.
pub const RED: RGBColor = RGBColor(200, 40, 20);
/// Text and axes.
pub const TEXT: RGBColor = RGBColor(30, 30, 30);
/// Lines behind a chart.
pub const LINES: RGBColor = RGBColor(225, 225, 225);

/// The colors of series and of classes, from the palettes of M. Okabe, K. Ito (2008) and P. Tol (2021); the first ten
/// differ.
pub(super) const SERIES: [RGBColor; 10] = [
    BLUE,
    ORANGE,
    GREEN,
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(51, 34, 136),
    RGBColor(200, 160, 0),
    RGBColor(136, 34, 85),
    RGBColor(110, 110, 110),
    RGBColor(153, 153, 51),
];

/// The corners of the markers, in pixels from their middle: shapes tell series apart where colors do not.
const MARKERS: [[(i32, i32); 8]; 4] = [
    [(-5, -2), (-2, -5), (2, -5), (5, -2), (5, 2), (2, 5), (-2, 5), (-5, 2)],
    [(-5, -5), (0, -5), (5, -5), (5, 0), (5, 5), (0, 5), (-5, 5), (-5, 0)],
    [(0, -6), (3, 0), (6, 5), (2, 5), (0, 5), (-2, 5), (-6, 5), (-3, 0)],
    [(0, -7), (3, -3), (7, 0), (3, 3), (0, 7), (-3, 3), (-7, 0), (-3, -3)],
];

/// Returns the marker of a series, so many pixels to the right of its place.
pub fn marker(index: usize, x: i32, color: RGBColor) -> Polygon<(i32, i32)> {
    Polygon::new(MARKERS[index % MARKERS.len()].map(|(right, down)| (x + right, down)), color.filled())
}

/// The size of a title, in pixels.
pub const TITLE: u32 = 26;
/// The size of names and numbers, in pixels.
pub const LABEL: u32 = 19;
/// Smaller text cannot be read.
const SMALLEST: u32 = 12;

/// In SVG this is the reader's own; in PNG it is the font that comes with the library.
const FAMILY: &str = "sans-serif";

/// Makes the library's font known to plotters, which measures an SVG's text with it.
pub fn register_font() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // The font is part of the program; were it damaged, drawing text would say so.
        let _ = plotters::style::register_font(FAMILY, FontStyle::Normal, text::FILE);
    });
}

/// Styles text of this size and color, without a place.
pub fn font(size: u32, color: &RGBColor) -> TextStyle<'static> {
    (FAMILY, size).into_font().color(color)
}

/// Styles text that is centered at its place, below it.
pub fn below(size: u32, color: &RGBColor) -> TextStyle<'static> {
    font(size, color).pos(Pos::new(HPos::Center, VPos::Top))
}

/// Styles text that is centered at its place in both directions.
pub fn centred(size: u32, color: &RGBColor) -> TextStyle<'static> {
    font(size, color).pos(Pos::new(HPos::Center, VPos::Center))
}

/// Draws the names of series below each other, each with its marker, the first of which stands at `(x, y)`; a name
/// takes at most `room` pixels.
pub fn legend(area: &Area, (x, y): (i32, i32), names: &[&str], room: i32, look: &Look) -> DrawResult {
    let style = font(LABEL - 2, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
    for (index, name) in names.iter().enumerate() {
        let y = y + 25 * index as i32;
        area.draw(&(EmptyElement::at((x, y)) + marker(index, 0, look.series(index))))?;
        area.draw_text(&cut(name, LABEL - 2, room), &style, (x + 16, y))?;
    }
    Ok(())
}

/// Draws a picture with its upper left corner at this place.
pub fn paste(area: &Area, picture: &RgbImage, place: (i32, i32)) -> DrawResult {
    match BitMapElement::with_owned_buffer(place, picture.dimensions(), picture.as_raw().clone()) {
        Some(element) => area.draw(&element),
        None => Ok(()), // The buffer has the size of the picture.
    }
}

/// Measures how wide a text of this size is, in pixels, in the library's font.
pub fn text_width(text: &str, size: u32) -> i32 {
    text::width(text, size as f32).ceil() as i32
}

/// Shortens a text that is wider than `room` pixels.
pub fn cut(text: &str, size: u32, room: i32) -> String {
    let mut kept = text.to_string();
    let mut shown = kept.clone();
    while text_width(&shown, size) > room && kept.pop().is_some() {
        shown = format!("{}…", kept.trim_end());
    }
    shown
}

/// Returns a text and the largest size up to `size` at which it is not wider than `room` pixels; where even the
/// smallest is too large, the text is cut.
pub fn fitted(text: &str, size: u32, room: i32) -> (String, u32) {
    let fits = |size: &u32| text_width(text, *size) <= room;
    let size = (SMALLEST..=size).rev().find(fits).unwrap_or(SMALLEST);
    (cut(text, size, room), size)
}
