//! Experiments side by side: each seed's test accuracy, their mean with its 95 % interval, and the baseline as a line.

use mnist_classification::{
    Result,
    figures::{Chart, Figure, Look},
    metrics::significance::{mean, mean_interval},
    support::{
        chart::{Area, BLUE, DrawResult, LABEL, LINES, ORANGE, TEXT, around, below, font},
        decimals,
    },
};
use plotters::{
    coord::types::RangedCoordf64,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{ExperimentRuns, Results};

/// In pixels: a row, what lies above and below all rows, where the names end, and the right margin.
const ROW: i32 = 34;
const TOP: i32 = 62;
const BOTTOM: i32 = 110;
const LEFT: i32 = 380;
const RIGHT: i32 = 40;

/// Shows experiments side by side: the test accuracy from each seed and the mean with its 95 % interval, with the
/// baseline as a line; those that were trained on all digits are marked.
///
/// # Errors
/// [`Error::InvalidSetting`](mnist_classification::Error::InvalidSetting) when the baseline is not among the results.
pub fn comparison(results: &Results, baseline: &str) -> Result<Figure> {
    // An experiment has at least one outcome, so there is a mean.
    let baseline = mean(&results.baseline(baseline)?.test_accuracies()).unwrap_or_default();
    let row = |runs: &ExperimentRuns| {
        let (seeds, took_all_digits) = (runs.test_accuracies(), runs.took_all_digits());
        let (mean, interval) = (mean(&seeds)?, mean_interval(&seeds));
        Some(Row { name: runs.name.into(), seeds, mean, interval, took_all_digits })
    };
    Ok(Figure::new(Comparison { rows: results.experiments().iter().filter_map(row).collect(), baseline }))
}

/// A row per experiment.
struct Comparison {
    rows: Vec<Row>,
    /// The baseline's mean, in per cent.
    baseline: f64,
}

/// All numbers in per cent.
struct Row {
    name: String,
    /// The test accuracy from each seed.
    seeds: Vec<f64>,
    mean: f64,
    /// The mean's 95 % interval, where there are two seeds.
    interval: Option<[f64; 2]>,
    took_all_digits: bool,
}

impl Chart for Comparison {
    fn title(&self) -> String {
        "Test accuracy: each seed, and the mean with its 95 % interval".into()
    }

    fn size(&self) -> (u32, u32) {
        (1300, (TOP + ROW * self.rows.len() as i32 + BOTTOM) as u32)
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn description(&self) -> String {
        let means: Vec<_> = self.rows.iter().map(|row| format!("{} {:.2}", row.name, row.mean)).collect();
        format!("In per cent, means over the seeds: {}. The line is at {:.2}.", means.join(", "), self.baseline)
    }

    fn draw(&self, area: &Area, look: &Look) -> DrawResult {
        let (width, height) = area.dim_in_pixel();
        let (right, bottom) = (width as i32 - RIGHT, height as i32 - BOTTOM);
        let numbers = self.rows.iter().flat_map(|row| row.seeds.iter().chain(row.interval.iter().flatten()));
        let range = around(numbers.copied(), 0.04, 0.02);
        let across = |value: f64| {
            let share = (value - range.start) / (range.end - range.start);
            LEFT + (share * f64::from(right - LEFT)) as i32
        };
        let ticks = RangedCoordf64::from(range.clone()).key_points(10);
        let decimals = decimals(ticks.iter().copied());
        for tick in ticks {
            let x = across(tick);
            area.draw(&PathElement::new([(x, TOP), (x, bottom)], LINES))?;
            area.draw_text(&format!("{tick:.decimals$}"), &below(LABEL - 2, &TEXT), (x, bottom + 8))?;
        }
        let middle = (LEFT + right) / 2;
        let name = look.x_label("right answers on the test digits, %");
        area.draw_text(name, &below(LABEL, &TEXT), (middle, bottom + 36))?;
        if self.rows.iter().any(|row| row.took_all_digits) {
            let note = "* trained on all digits, the validation digits among them";
            area.draw_text(note, &below(LABEL - 2, &TEXT), (middle, bottom + 72))?;
        }
        let line = across(self.baseline);
        let color = look.color(1, ORANGE);
        area.draw(&PathElement::new([(line, TOP - 6), (line, bottom)], color.stroke_width(2)))?;
        let name = font(LABEL - 3, &color).pos(Pos::new(HPos::Center, VPos::Bottom));
        area.draw_text("the baseline's mean", &name, (line, TOP - 10))?;
        for (row, y) in self.rows.iter().zip((TOP + ROW / 2..).step_by(ROW as usize)) {
            row.draw(area, y, across, look.color(0, BLUE))?;
        }
        Ok(())
    }
}

impl Row {
    /// Draws the name to the left, then the interval as a bar with ends, the seeds as dots, the mean as a stroke.
    fn draw(&self, area: &Area, y: i32, across: impl Fn(f64) -> i32, color: RGBColor) -> DrawResult {
        let name = if self.took_all_digits { format!("{} *", self.name) } else { self.name.clone() };
        let style = font(LABEL - 1, &TEXT).pos(Pos::new(HPos::Right, VPos::Center));
        area.draw_text(&name, &style, (LEFT - 14, y))?;
        if let Some([low, high]) = self.interval.map(|ends| ends.map(&across)) {
            for line in [[(low, y), (high, y)], [(low, y - 6), (low, y + 6)], [(high, y - 6), (high, y + 6)]] {
                area.draw(&PathElement::new(line, color.stroke_width(2)))?;
            }
        }
        for &seed in &self.seeds {
            area.draw(&Circle::new((across(seed), y), 5, color.mix(0.5).filled()))?;
        }
        let mean = across(self.mean);
        area.draw(&Rectangle::new([(mean - 2, y - 10), (mean + 2, y + 10)], color.filled()))
    }
}
