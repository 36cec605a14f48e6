//! Experiments side by side: the test accuracy from each seed and the mean, with the baseline as a line.

use std::ops::Range;

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::style::{BLUE, Drawn, LABEL, LINES, ORANGE, TEXT, TITLE, below, font};
use crate::{
    Error, Result,
    results::{Results, mean},
};

const WIDTH: u32 = 1100;
/// In pixels: a row, what lies above and below all rows, where the names end, and the right margin.
const ROW: i32 = 34;
const TOP: i32 = 62;
const BOTTOM: i32 = 74;
const LEFT: i32 = 340;
const RIGHT: i32 = 40;

/// A row per experiment.
#[derive(Debug)]
pub(super) struct Comparison {
    rows: Vec<Row>,
    /// The baseline's mean, in per cent.
    baseline: f64,
}

#[derive(Debug)]
struct Row {
    name: String,
    /// The test accuracy from each seed, in per cent, and their mean.
    seeds: Vec<f64>,
    mean: f64,
}

impl Comparison {
    pub(super) fn new(results: &Results, baseline: &str) -> Result<Self> {
        let row = |summary: &crate::results::Summary| {
            let seeds: Vec<_> = summary.test().iter().map(|accuracy| 100.0 * accuracy).collect();
            Some(Row { name: summary.name.into(), mean: mean(seeds.clone())?, seeds })
        };
        let rows: Vec<_> = results.summaries().iter().filter_map(row).collect();
        let Some(baseline) = rows.iter().find(|row| row.name == baseline).map(|row| row.mean) else {
            let (found, expected) = (baseline.into(), "an experiment that is among the results".into());
            return Err(Error::Setting { setting: "baseline", found, expected });
        };
        Ok(Self { rows, baseline })
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (WIDTH, (TOP + BOTTOM + ROW * self.rows.len() as i32) as u32)
    }

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Drawn<B> {
        let range = self.range();
        let bottom = TOP + ROW * self.rows.len() as i32;
        let across = |value: f64| {
            let share = (value - range.start) / (range.end - range.start);
            LEFT + (share * f64::from(WIDTH as i32 - LEFT - RIGHT)) as i32
        };
        area.draw_text("Test accuracy: each seed, and the mean", &below(TITLE, &TEXT), (WIDTH as i32 / 2, 14))?;
        for tick in ticks(&range) {
            let x = across(tick);
            area.draw(&PathElement::new([(x, TOP), (x, bottom)], LINES))?;
            area.draw_text(&format!("{tick:.2}"), &below(LABEL - 2, &TEXT), (x, bottom + 8))?;
        }
        let middle = (LEFT + WIDTH as i32 - RIGHT) / 2;
        area.draw_text("right answers on the test digits, %", &below(LABEL, &TEXT), (middle, bottom + 36))?;
        let line = across(self.baseline);
        area.draw(&PathElement::new([(line, TOP - 6), (line, bottom)], ORANGE.stroke_width(2)))?;
        for (row, index) in self.rows.iter().zip(0..) {
            let y = TOP + ROW * index + ROW / 2;
            let name = font(LABEL - 1, &TEXT).pos(Pos::new(HPos::Right, VPos::Center));
            area.draw_text(&row.name, &name, (LEFT - 14, y))?;
            for &seed in &row.seeds {
                area.draw(&Circle::new((across(seed), y), 4, BLUE.mix(0.45).filled()))?;
            }
            let mean = across(row.mean);
            area.draw(&Rectangle::new([(mean - 2, y - 10), (mean + 2, y + 10)], BLUE.filled()))?;
        }
        Ok(())
    }

    fn range(&self) -> Range<f64> {
        let all = || self.rows.iter().flat_map(|row| &row.seeds).copied();
        let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let space = (0.04 * (high - low)).max(0.02);
        low - space..(high + space).min(100.0)
    }
}

/// Round numbers within a range, ten at most.
fn ticks(range: &Range<f64>) -> impl Iterator<Item = f64> {
    let length = range.end - range.start;
    let step =
        [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0].into_iter().find(|step| length / step <= 10.0).unwrap_or(20.0);
    let (first, last) = ((range.start / step).ceil() as i32, (range.end / step).floor() as i32);
    (first..=last).map(move |number| f64::from(number) * step)
}
