//! The confusion matrix in shades of blue, for any number of classes.

use std::cmp::Reverse;

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    Chart, Figure, Look,
    style::{Area, DrawResult, LABEL, TEXT, below, centred, cut, font, text_width},
};
use crate::metrics::ConfusionMatrix;

/// In pixels: the side of the matrix, unless its cells would be smaller than the smallest; then it grows.
const SIDE: i32 = 660;
const SMALLEST_CELL: i32 = 20;
/// In pixels: the matrix's upper edge, the space left of the classes' names, and the space for the color bar.
const TOP: i32 = 60;
const AXIS: i32 = 54;
const BAR: i32 = 176;
/// In pixels, between a name and the matrix, and the most that a name may take.
const GAP: i32 = 10;
const LONGEST_NAME: i32 = 260;

/// Shows a confusion matrix with its counts where they have room; darker is more, on a square-root scale that makes
/// single mistakes visible.
pub fn heatmap(confusion: &ConfusionMatrix) -> Figure {
    Figure::new(Heatmap::new(confusion, false))
}

/// Shows a confusion matrix with its counts and, below each, its per cent of the row: of all samples of the true class,
/// how many were taken for this one. Darker is a higher per cent, on the scale of [`heatmap`].
pub fn normalised_heatmap(confusion: &ConfusionMatrix) -> Figure {
    Figure::new(Heatmap::new(confusion, true))
}

/// A confusion matrix and where its parts lie.
struct Heatmap {
    confusion: ConfusionMatrix,
    /// Whether rows are shown in per cent.
    is_normalised: bool,
    /// The number at the dark end of the scale.
    largest: f64,
    /// The names of the classes, as they are shown.
    names: Vec<String>,
    /// The size of names and counts.
    text: u32,
    /// Whether names have room below their columns; else they stand upright.
    names_fit: bool,
    /// In pixels: the side of a cell, of the matrix, the matrix's left edge, and the height of the names below it.
    cell: i32,
    side: i32,
    left: i32,
    below: i32,
}

impl Heatmap {
    fn new(confusion: &ConfusionMatrix, is_normalised: bool) -> Self {
        let largest = confusion.cells().map(|(.., count)| count).max().unwrap_or(0);
        let largest = if is_normalised { 100.0 } else { largest.max(1) as f64 };
        let names = confusion.classes().names();
        let cell = (SIDE / names.len().max(1) as i32).max(SMALLEST_CELL);
        // Lines of text that are as high as a cell would touch.
        let text = LABEL.min(cell as u32 * 7 / 10);
        let names: Vec<_> = names.iter().map(|name| cut(name, text, LONGEST_NAME)).collect();
        let longest = names.iter().map(|name| text_width(name, text)).max().unwrap_or(0);
        let (side, left, names_fit) = (cell * names.len() as i32, AXIS + longest + GAP, longest <= cell - 4);
        let (confusion, below) = (confusion.clone(), if names_fit { text as i32 } else { longest });
        Self { confusion, is_normalised, largest, names, text, names_fit, cell, side, left, below }
    }

    /// Draws a class's name beside its row and below its column.
    fn draw_names(&self, area: &Area, class: usize) -> DrawResult {
        let name = &self.names[class];
        let offset = class as i32 * self.cell + self.cell / 2;
        let style = font(self.text, &TEXT);
        let to_the_left = Pos::new(HPos::Right, VPos::Center);
        area.draw_text(name, &style.pos(to_the_left), (self.left - GAP, TOP + offset))?;
        let upright = style.transform(FontTransform::Rotate270).pos(to_the_left);
        let style = if self.names_fit { below(self.text, &TEXT) } else { upright };
        area.draw_text(name, &style, (self.left + offset, TOP + self.side + GAP))
    }

    fn draw_cell(&self, area: &Area, truth: usize, predicted: usize, look: &Look) -> DrawResult {
        let (count, support) = (self.confusion.count(truth, predicted), self.confusion.support(truth).max(1));
        let number = if self.is_normalised { 100.0 * count as f64 / support as f64 } else { count as f64 };
        let (fraction, cell) = (self.fraction(number), self.cell);
        let (left, top) = (self.left + predicted as i32 * cell, TOP + truth as i32 * cell);
        area.draw(&Rectangle::new([(left, top), (left + cell, top + cell)], shade(fraction, look).filled()))?;
        // All counts are shown, or none: a cell without a number would look like another kind of cell.
        let widest = if self.is_normalised { "100.0".into() } else { self.largest.to_string() };
        if text_width(&widest, self.text) > cell - 4 {
            return Ok(());
        }
        let ink = if fraction > DARK { WHITE } else { TEXT };
        let (x, y) = (left + cell / 2, top + cell / 2);
        let half = if self.is_normalised { self.text as i32 * 3 / 5 } else { 0 };
        area.draw_text(&count.to_string(), &centred(self.text, &ink), (x, y - half))?;
        if self.is_normalised {
            area.draw_text(&format!("{number:.1}"), &centred(self.text - 3, &ink), (x, y + half))?;
        }
        Ok(())
    }

    /// Draws the colors from nothing, at the bottom, to the largest count.
    fn draw_bar(&self, area: &Area, look: &Look) -> DrawResult {
        let (side, left) = (self.side, self.left + self.side + 32);
        for step in 0..side {
            let color = shade(1.0 - f64::from(step) / f64::from(side), look);
            area.draw(&Rectangle::new([(left, TOP + step), (left + 22, TOP + step + 1)], color.filled()))?;
        }
        let right = font(LABEL - 2, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        for count in self.ticks() {
            let y = TOP + side - (self.fraction(count) * f64::from(side)) as i32;
            area.draw(&PathElement::new([(left + 22, y), (left + 28, y)], TEXT))?;
            area.draw_text(&count.to_string(), &right, (left + 34, y))?;
        }
        let upwards = centred(LABEL - 2, &TEXT).transform(FontTransform::Rotate270);
        let what = if self.is_normalised { "% of the row (square-root scale)" } else { "samples (square-root scale)" };
        area.draw_text(what, &upwards, (left + 110, TOP + side / 2))
    }

    /// Returns round counts that lie apart on the bar.
    fn ticks(&self) -> Vec<f64> {
        let round = (0..18).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        let mut ticks = vec![0.0];
        for count in round.take_while(|count| *count <= self.largest) {
            if self.fraction(count) - self.fraction(ticks[ticks.len() - 1]) > 0.06 {
                ticks.push(count);
            }
        }
        ticks
    }

    /// Returns the place of a number on the scale, from 0 to 1.
    fn fraction(&self, number: f64) -> f64 {
        (number / self.largest).sqrt()
    }
}

impl Chart for Heatmap {
    fn title(&self) -> String {
        format!("Confusion matrix: {}", self.confusion.name())
    }

    fn size(&self) -> (u32, u32) {
        ((self.left + self.side + BAR) as u32, (TOP + self.side + GAP + self.below + 51) as u32)
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn description(&self) -> String {
        let confusion = &self.confusion;
        let mut mistakes: Vec<_> =
            confusion.cells().filter(|(truth, predicted, count)| truth != predicted && *count > 0).collect();
        mistakes.sort_by_key(|(.., count)| Reverse(*count));
        let name = |class: usize| confusion.classes().name(class);
        let worst = mistakes.iter().take(3);
        let worst =
            worst.map(|&(truth, predicted, count)| format!("{} taken for {}: {count}", name(truth), name(predicted)));
        let worst = match mistakes.len() {
            0 => "no mistakes".into(),
            _ => format!("the most frequent mistakes: {}", worst.collect::<Vec<_>>().join(", ")),
        };
        let (right, all) = (confusion.correct(), confusion.total());
        format!("{right} of {all} samples are right; {worst}.")
    }

    fn draw(&self, area: &Area, look: &Look) -> DrawResult {
        for truth in 0..self.names.len() {
            self.draw_names(area, truth)?;
            for predicted in 0..self.names.len() {
                self.draw_cell(area, truth, predicted, look)?;
            }
        }
        let middle = self.side / 2;
        let place = (self.left + middle, TOP + self.side + GAP + self.below + 9);
        area.draw_text(look.x_label("predicted class"), &below(LABEL, &TEXT), place)?;
        let upwards = centred(LABEL, &TEXT).transform(FontTransform::Rotate270);
        area.draw_text(look.y_label("true class"), &upwards, (AXIS / 2 + 5, TOP + middle))?;
        self.draw_bar(area, look)
    }
}

/// Above this place on the scale, white text has more contrast than dark text.
const DARK: f64 = 0.65;

/// Returns the color of a place on the scale, from nearly white, at 0, to a dark blue, at 1 (C. Brewer's "Blues"), or
/// to the reader's color.
fn shade(fraction: f64, look: &Look) -> RGBColor {
    let blues = [[247.0, 251.0, 255.0], [158.0, 202.0, 225.0], [49.0, 130.0, 189.0], [8.0, 48.0, 107.0]];
    let stops = match look.colors.first() {
        Some(&RGBColor(red, green, blue)) => vec![[250.0; 3], [red, green, blue].map(f64::from)],
        None => blues.to_vec(),
    };
    let place = fraction.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let stop = (place as usize).min(stops.len() - 2);
    let between = place - stop as f64;
    let part = |part: usize| (stops[stop][part] * (1.0 - between) + stops[stop + 1][part] * between) as u8;
    RGBColor(part(0), part(1), part(2))
}
