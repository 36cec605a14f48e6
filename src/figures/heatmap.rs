//! The confusion matrix in shades of blue, for any number of classes.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    Chart, Figure, Look,
    style::{DrawResult, LABEL, TEXT, below, centred, cut, font, text_width},
};
use crate::metrics::ConfusionMatrix;

/// In pixels: the side of the matrix, unless its cells would be smaller than the smallest; then it grows.
const SIDE: i32 = 660;
const SMALLEST_CELL: i32 = 20;
/// In pixels: the matrix's upper edge, the space left of the classes' names, and the space for the colour bar.
const TOP: i32 = 60;
const AXIS: i32 = 54;
const BAR: i32 = 176;
/// In pixels, between a name and the matrix, and the most that a name may take.
const GAP: i32 = 10;
const LONGEST_NAME: i32 = 260;

/// A confusion matrix with its counts where they have room; darker is more, on a square-root scale that makes single
/// mistakes visible.
pub fn heatmap(confusion: &ConfusionMatrix) -> Figure {
    Figure::new(Heatmap::new(confusion, false))
}

/// A confusion matrix with its counts and, below each, its per cent of the row: of all samples of the true class, how many
/// were taken for this one. Darker is a higher per cent, on the scale of [`heatmap`].
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
    /// In pixels: the side of a cell, and the space that the longest name takes.
    cell: i32,
    name: i32,
    /// The size of names and counts.
    text: u32,
}

impl Heatmap {
    fn new(confusion: &ConfusionMatrix, is_normalised: bool) -> Self {
        let classes = confusion.classes().len();
        let cells = (0..classes).flat_map(|truth| (0..classes).map(move |predicted| (truth, predicted)));
        let largest = cells.map(|(truth, predicted)| confusion.count(truth, predicted)).max().unwrap_or(0);
        let largest = if is_normalised { 100.0 } else { largest.max(1) as f64 };
        let cell = (SIDE / classes.max(1) as i32).max(SMALLEST_CELL);
        // Lines of text that are as high as a cell would touch.
        let text = LABEL.min(cell as u32 * 7 / 10);
        let names = confusion.classes().names().iter().map(|name| cut(name, text, LONGEST_NAME));
        let names: Vec<_> = names.collect();
        let name = names.iter().map(|name| text_width(name, text)).max().unwrap_or(0);
        Self { confusion: confusion.clone(), is_normalised, largest, names, cell, name, text }
    }

    fn side(&self) -> i32 {
        self.cell * self.names.len() as i32
    }

    /// The matrix's left edge.
    fn left(&self) -> i32 {
        AXIS + self.name + GAP
    }

    /// Whether names have room below their columns; else they stand upright.
    fn names_fit(&self) -> bool {
        self.name <= self.cell - 4
    }

    /// A class's name beside its row and below its column.
    fn draw_names<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, class: usize) -> DrawResult<B> {
        let name = &self.names[class];
        let offset = class as i32 * self.cell + self.cell / 2;
        let style = font(self.text, &TEXT);
        let beside = style.pos(Pos::new(HPos::Right, VPos::Center));
        area.draw_text(name, &beside, (self.left() - GAP, TOP + offset))?;
        let place = (self.left() + offset, TOP + self.side() + GAP);
        if self.names_fit() {
            return area.draw_text(name, &below(self.text, &TEXT), place);
        }
        let upright = style.transform(FontTransform::Rotate270);
        area.draw_text(name, &upright.pos(Pos::new(HPos::Right, VPos::Center)), place)
    }

    fn draw_cell<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        truth: usize,
        predicted: usize,
        look: &Look,
    ) -> DrawResult<B> {
        let (count, cell) = (self.confusion.count(truth, predicted), self.cell);
        let (x, y) = (self.left() + predicted as i32 * cell, TOP + truth as i32 * cell);
        let fraction = self.fraction(self.number(truth, predicted));
        area.draw(&Rectangle::new([(x, y), (x + cell, y + cell)], shade(fraction, look).filled()))?;
        // All counts are shown, or none: a cell without a number would look like another kind of cell.
        let widest = if self.is_normalised { "100.0".into() } else { self.largest.to_string() };
        if text_width(&widest, self.text) > cell - 4 {
            return Ok(());
        }
        let ink = if fraction > DARK { WHITE } else { TEXT };
        let (middle, style) = ((x + cell / 2, y + cell / 2), centred(self.text, &ink));
        if !self.is_normalised {
            return area.draw_text(&count.to_string(), &style, middle);
        }
        let half = self.text as i32 * 3 / 5;
        area.draw_text(&count.to_string(), &style, (middle.0, middle.1 - half))?;
        let percent = format!("{:.1}", self.number(truth, predicted));
        area.draw_text(&percent, &centred(self.text - 3, &ink), (middle.0, middle.1 + half))
    }

    /// What darkens a cell: its count, or its per cent of the row.
    fn number(&self, truth: usize, predicted: usize) -> f64 {
        let count = self.confusion.count(truth, predicted) as f64;
        if self.is_normalised { 100.0 * count / self.confusion.support(truth).max(1) as f64 } else { count }
    }

    /// The colours from nothing, at the bottom, to the largest count.
    fn draw_bar<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, look: &Look) -> DrawResult<B> {
        let (side, left) = (self.side(), self.left() + self.side() + 32);
        for step in 0..side {
            let color = shade(1.0 - f64::from(step) / f64::from(side), look);
            area.draw(&Rectangle::new([(left, TOP + step), (left + 22, TOP + step + 1)], color.filled()))?;
        }
        let right = font(LABEL - 2, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        for count in self.ticks() {
            let y = TOP + side - (self.fraction(count as f64) * f64::from(side)) as i32;
            area.draw(&PathElement::new([(left + 22, y), (left + 28, y)], TEXT))?;
            area.draw_text(&count.to_string(), &right, (left + 34, y))?;
        }
        let upwards = centred(LABEL - 2, &TEXT).transform(FontTransform::Rotate270);
        let what = if self.is_normalised { "% of the row (square-root scale)" } else { "samples (square-root scale)" };
        area.draw_text(what, &upwards, (left + 110, TOP + side / 2))
    }

    /// Round counts that lie apart on the bar.
    fn ticks(&self) -> Vec<u64> {
        let powers = (0..18).map(|power| 10_u64.pow(power));
        let round: Vec<_> = powers
            .flat_map(|power| [power, 2 * power, 5 * power])
            .take_while(|&count| count as f64 <= self.largest)
            .collect();
        let mut ticks = vec![0];
        for count in round {
            if self.fraction(count as f64) - self.fraction(ticks[ticks.len() - 1] as f64) > 0.06 {
                ticks.push(count);
            }
        }
        ticks
    }

    /// The place of a number on the scale, from 0 to 1.
    fn fraction(&self, number: f64) -> f64 {
        (number / self.largest).sqrt()
    }
}

impl Chart for Heatmap {
    fn title(&self) -> String {
        format!("Confusion matrix: {}", self.confusion.name())
    }

    fn size(&self) -> (u32, u32) {
        let below = if self.names_fit() { self.text as i32 } else { self.name };
        ((self.left() + self.side() + BAR) as u32, (TOP + self.side() + GAP + below + 51) as u32)
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn description(&self) -> String {
        let (confusion, classes) = (&self.confusion, 0..self.names.len());
        let pairs = classes.clone().flat_map(|truth| classes.clone().map(move |predicted| (truth, predicted)));
        let mistakes = pairs.filter(|(truth, predicted)| truth != predicted);
        let counts = mistakes.map(|(truth, predicted)| (truth, predicted, confusion.count(truth, predicted)));
        let mut wrong: Vec<_> = counts.filter(|(.., count)| *count > 0).collect();
        wrong.sort_by_key(|(.., count)| std::cmp::Reverse(*count));
        let name = |class: usize| confusion.classes().name(class);
        let worst: Vec<_> = wrong
            .iter()
            .take(3)
            .map(|(truth, predicted, count)| format!("{} taken for {}: {count}", name(*truth), name(*predicted)))
            .collect();
        let worst = if worst.is_empty() {
            "no mistakes".into()
        } else {
            format!("the most frequent mistakes: {}", worst.join(", "))
        };
        let (right, all) = (confusion.correct(), confusion.total());
        format!("{right} of {all} samples are right; {worst}.")
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, look: &Look) -> DrawResult<B> {
        let height = self.size().1 as i32;
        let middle = self.side() / 2;
        for truth in 0..self.names.len() {
            self.draw_names(area, truth)?;
            for predicted in 0..self.names.len() {
                self.draw_cell(area, truth, predicted, look)?;
            }
        }
        let place = (self.left() + middle, height - 42);
        area.draw_text(look.x_label("predicted class"), &below(LABEL, &TEXT), place)?;
        let upwards = centred(LABEL, &TEXT).transform(FontTransform::Rotate270);
        area.draw_text(look.y_label("true class"), &upwards, (AXIS / 2 + 5, TOP + middle))?;
        self.draw_bar(area, look)
    }
}

/// Above this place on the scale, white text has more contrast than dark text.
const DARK: f64 = 0.65;

/// The colour of a place on the scale, from nearly white, at 0, to a dark blue, at 1 (C. Brewer's "Blues"), or to the
/// reader's colour.
fn shade(fraction: f64, look: &Look) -> RGBColor {
    let blues = [[247.0, 251.0, 255.0], [158.0, 202.0, 225.0], [49.0, 130.0, 189.0], [8.0, 48.0, 107.0]];
    let RGBColor(red, green, blue) = look.color(0, RGBColor(8, 48, 107));
    let stops =
        if look.colors.is_empty() { blues.to_vec() } else { vec![[250.0; 3], [red, green, blue].map(f64::from)] };
    let place = fraction.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let stop = (place as usize).min(stops.len() - 2);
    let between = place - stop as f64;
    let [red, green, blue] =
        [0, 1, 2].map(|part| (stops[stop][part] * (1.0 - between) + stops[stop + 1][part] * between) as u8);
    RGBColor(red, green, blue)
}
