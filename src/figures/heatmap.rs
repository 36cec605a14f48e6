//! The confusion matrix in shades of blue, for any number of classes.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::style::{DrawResult, LABEL, TEXT, TITLE, below, centred, cut, fitted, font, text_width};
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

/// A confusion matrix and where its parts lie.
#[derive(Debug)]
pub(super) struct Heatmap {
    confusion: ConfusionMatrix,
    largest: u64,
    /// The names of the classes, as they are shown.
    names: Vec<String>,
    /// In pixels: the side of a cell, and the space that the longest name takes.
    cell: i32,
    name: i32,
    /// The size of names and counts.
    text: u32,
}

impl Heatmap {
    pub(super) fn new(confusion: &ConfusionMatrix) -> Self {
        let classes = confusion.classes().len();
        let cells = (0..classes).flat_map(|truth| (0..classes).map(move |predicted| (truth, predicted)));
        let largest = cells.map(|(truth, predicted)| confusion.count(truth, predicted)).max().unwrap_or(0);
        let cell = (SIDE / classes.max(1) as i32).max(SMALLEST_CELL);
        // Lines of text that are as high as a cell would touch.
        let text = LABEL.min(cell as u32 * 7 / 10);
        let names = confusion.classes().names().iter().map(|name| cut(name, text, LONGEST_NAME));
        let names: Vec<_> = names.collect();
        let name = names.iter().map(|name| text_width(name, text)).max().unwrap_or(0);
        Self { confusion: confusion.clone(), largest, names, cell, name, text }
    }

    pub(super) fn size(&self) -> (u32, u32) {
        let below = if self.names_fit() { self.text as i32 } else { self.name };
        ((self.left() + self.side() + BAR) as u32, (TOP + self.side() + GAP + below + 51) as u32)
    }

    pub(super) fn description(&self) -> String {
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
        let (name, right, all) = (confusion.name(), confusion.correct(), confusion.total());
        format!("Confusion matrix: {name}. {right} of {all} samples are right; {worst}.")
    }

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (width, height) = self.size();
        let title = format!("Confusion matrix: {}", self.confusion.name());
        let (title, size) = fitted(&title, TITLE, width as i32 - 2 * GAP);
        let middle = self.side() / 2;
        // Above the matrix, where it has room there.
        let half = text_width(&title, size) / 2;
        let place = (self.left() + middle).clamp(half + GAP, (width as i32 - half - GAP).max(half + GAP));
        area.draw_text(&title, &below(size, &TEXT), (place, 16))?;
        for truth in 0..self.names.len() {
            self.draw_names(area, truth)?;
            for predicted in 0..self.names.len() {
                self.draw_cell(area, truth, predicted)?;
            }
        }
        area.draw_text("predicted class", &below(LABEL, &TEXT), (self.left() + middle, height as i32 - 42))?;
        let upwards = centred(LABEL, &TEXT).transform(FontTransform::Rotate270);
        area.draw_text("true class", &upwards, (AXIS / 2 + 5, TOP + middle))?;
        self.draw_bar(area)
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
    ) -> DrawResult<B> {
        let (count, cell) = (self.confusion.count(truth, predicted), self.cell);
        let (x, y) = (self.left() + predicted as i32 * cell, TOP + truth as i32 * cell);
        area.draw(&Rectangle::new([(x, y), (x + cell, y + cell)], self.shade(count).filled()))?;
        // All counts are shown, or none: a cell without a number would look like another kind of cell.
        if text_width(&self.largest.to_string(), self.text) > cell - 4 {
            return Ok(());
        }
        let ink = if self.share(count) > 0.5 { WHITE } else { TEXT };
        area.draw_text(&count.to_string(), &centred(self.text, &ink), (x + cell / 2, y + cell / 2))
    }

    /// The colours from nothing, at the bottom, to the largest count.
    fn draw_bar<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (side, left) = (self.side(), self.left() + self.side() + 32);
        for step in 0..side {
            let color = blue(1.0 - f64::from(step) / f64::from(side));
            area.draw(&Rectangle::new([(left, TOP + step), (left + 22, TOP + step + 1)], color.filled()))?;
        }
        let right = font(LABEL - 2, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        for count in self.ticks() {
            let y = TOP + side - (self.share(count) * f64::from(side)) as i32;
            area.draw(&PathElement::new([(left + 22, y), (left + 28, y)], TEXT))?;
            area.draw_text(&count.to_string(), &right, (left + 34, y))?;
        }
        let upwards = centred(LABEL - 2, &TEXT).transform(FontTransform::Rotate270);
        area.draw_text("samples (square-root scale)", &upwards, (left + 110, TOP + side / 2))
    }

    /// Round counts that lie apart on the bar.
    fn ticks(&self) -> Vec<u64> {
        let powers = (0..18).map(|power| 10_u64.pow(power));
        let round: Vec<_> =
            powers.flat_map(|power| [power, 2 * power, 5 * power]).take_while(|&count| count <= self.largest).collect();
        let mut ticks = vec![0];
        for count in round {
            if self.share(count) - self.share(ticks[ticks.len() - 1]) > 0.06 {
                ticks.push(count);
            }
        }
        ticks
    }

    fn shade(&self, count: u64) -> RGBColor {
        blue(self.share(count))
    }

    /// The place of a count on the scale, from 0 to 1.
    fn share(&self, count: u64) -> f64 {
        (count as f64 / self.largest.max(1) as f64).sqrt()
    }
}

/// A blue from nearly white, at 0, over a middle blue, to a dark one, at 1 (C. Brewer's "Blues").
fn blue(share: f64) -> RGBColor {
    const STOPS: [[f64; 3]; 4] =
        [[247.0, 251.0, 255.0], [158.0, 202.0, 225.0], [49.0, 130.0, 189.0], [8.0, 48.0, 107.0]];
    let place = share.clamp(0.0, 1.0) * (STOPS.len() - 1) as f64;
    let stop = (place as usize).min(STOPS.len() - 2);
    let between = place - stop as f64;
    let [red, green, blue] =
        [0, 1, 2].map(|part| (STOPS[stop][part] * (1.0 - between) + STOPS[stop + 1][part] * between) as u8);
    RGBColor(red, green, blue)
}
