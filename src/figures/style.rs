//! What the charts share: the font, sizes of text, and colours that colour-blind readers can tell apart.

use std::sync::Once;

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// The result of drawing on a backend.
pub(super) type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// From the palette of M. Okabe and K. Ito (2008), made a little darker for text on white.
pub(super) const BLUE: RGBColor = RGBColor(0, 102, 170);
pub(super) const ORANGE: RGBColor = RGBColor(204, 85, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 125, 90);
pub(super) const RED: RGBColor = RGBColor(200, 40, 20);
pub(super) const TEXT: RGBColor = RGBColor(30, 30, 30);
pub(super) const LINES: RGBColor = RGBColor(225, 225, 225);

pub(super) const TITLE: u32 = 26;
pub(super) const LABEL: u32 = 19;
/// Smaller text cannot be read.
const SMALLEST: u32 = 12;

/// In SVG this is the reader's own; in PNG it is the font that comes with the library.
const FAMILY: &str = "sans-serif";

/// Makes the library's font known to plotters.
pub(super) fn register_font() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // The font is part of the program; were it damaged, drawing text would say so.
        let _ =
            plotters::style::register_font(FAMILY, FontStyle::Normal, include_bytes!("../../assets/DejaVuSans.ttf"));
    });
}

/// Text of this size and colour without a place.
pub(super) fn font(size: u32, color: &RGBColor) -> TextStyle<'static> {
    (FAMILY, size).into_font().color(color)
}

/// Text that is centred at its place, below it.
pub(super) fn below(size: u32, color: &RGBColor) -> TextStyle<'static> {
    font(size, color).pos(Pos::new(HPos::Center, VPos::Top))
}

/// Text that is centred at its place in both directions.
pub(super) fn centred(size: u32, color: &RGBColor) -> TextStyle<'static> {
    font(size, color).pos(Pos::new(HPos::Center, VPos::Center))
}

/// How wide a text of this size is, in pixels, in the library's font.
pub(super) fn text_width(text: &str, size: u32) -> i32 {
    register_font();
    // A font that cannot be measured draws nothing, either.
    (FAMILY, size).into_font().box_size(text).map_or(0, |(width, _)| width as i32)
}

/// A text that is not wider than `room` pixels: cut where it is too long.
pub(super) fn cut(text: &str, size: u32, room: i32) -> String {
    let mut kept = text.to_string();
    let mut shown = kept.clone();
    while text_width(&shown, size) > room && kept.pop().is_some() {
        shown = format!("{}…", kept.trim_end());
    }
    shown
}

/// A text, and the largest size up to `size` at which it is not wider than `room` pixels; where even the smallest is too
/// large, the text is cut.
pub(super) fn fitted(text: &str, size: u32, room: i32) -> (String, u32) {
    let fits = |size: &u32| text_width(text, *size) <= room;
    let size = (SMALLEST..=size).rev().find(fits).unwrap_or(SMALLEST);
    (cut(text, size, room), size)
}
