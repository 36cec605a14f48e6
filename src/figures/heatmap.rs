//! The confusion matrix in shades of blue.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::style::{Drawn, LABEL, TEXT, TITLE, below, centred, font};
use crate::metrics::{CLASSES, ConfusionMatrix};

pub(super) const SIZE: (u32, u32) = (920, 800);

/// In pixels: the side of a cell, the matrix's left upper corner, and the colour bar's left edge.
const CELL: i32 = 66;
const LEFT: i32 = 84;
const TOP: i32 = 60;
const BAR: i32 = LEFT + SIDE + 32;
const SIDE: i32 = CELL * CLASSES as i32;

/// A confusion matrix and its title.
#[derive(Debug)]
pub(super) struct Heatmap {
    confusion: ConfusionMatrix,
    largest: u64,
}

impl Heatmap {
    pub(super) fn new(confusion: &ConfusionMatrix) -> Self {
        let cells = (0..CLASSES).flat_map(|truth| (0..CLASSES).map(move |predicted| (truth, predicted)));
        let largest = cells.map(|(truth, predicted)| confusion.count(truth, predicted)).max().unwrap_or(0);
        Self { confusion: confusion.clone(), largest }
    }

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn<B> {
        let middle = LEFT + SIDE / 2;
        area.draw_text(&format!("Confusion matrix: {}", self.confusion.name()), &below(TITLE, &TEXT), (middle, 16))?;
        for truth in 0..CLASSES {
            let offset = truth as i32 * CELL + CELL / 2;
            let label = truth.to_string();
            area.draw_text(&label, &centred(LABEL, &TEXT), (LEFT + offset, TOP + SIDE + 18))?;
            area.draw_text(&label, &centred(LABEL, &TEXT), (LEFT - 18, TOP + offset))?;
            for predicted in 0..CLASSES {
                self.draw_cell(area, truth, predicted)?;
            }
        }
        area.draw_text("predicted digit", &below(LABEL, &TEXT), (middle, TOP + SIDE + 38))?;
        let upwards = centred(LABEL, &TEXT).transform(FontTransform::Rotate270);
        area.draw_text("true digit", &upwards, (LEFT - 52, TOP + SIDE / 2))?;
        self.draw_bar(area)
    }

    fn draw_cell<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, truth: usize, predicted: usize) -> Drawn<B> {
        let count = self.confusion.count(truth, predicted);
        let (x, y) = (LEFT + predicted as i32 * CELL, TOP + truth as i32 * CELL);
        area.draw(&Rectangle::new([(x, y), (x + CELL, y + CELL)], self.shade(count).filled()))?;
        let ink = if self.share(count) > 0.5 { WHITE } else { TEXT };
        area.draw_text(&count.to_string(), &centred(LABEL, &ink), (x + CELL / 2, y + CELL / 2))
    }

    /// The colours from nothing, at the bottom, to the largest count.
    fn draw_bar<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn<B> {
        for step in 0..SIDE {
            let color = blue(1.0 - f64::from(step) / f64::from(SIDE));
            area.draw(&Rectangle::new([(BAR, TOP + step), (BAR + 22, TOP + step + 1)], color.filled()))?;
        }
        let right = font(LABEL - 2, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        for count in self.ticks() {
            let y = TOP + SIDE - (self.share(count) * f64::from(SIDE)) as i32;
            area.draw(&PathElement::new([(BAR + 22, y), (BAR + 28, y)], TEXT))?;
            area.draw_text(&count.to_string(), &right, (BAR + 34, y))?;
        }
        let upwards = centred(LABEL - 2, &TEXT).transform(FontTransform::Rotate270);
        area.draw_text("digits (square-root scale)", &upwards, (BAR + 100, TOP + SIDE / 2))
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
