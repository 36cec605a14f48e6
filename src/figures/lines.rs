//! Lines over a number, such as accuracy over severity: each with a colour and a marker of its own.

use plotters::{coord::Shift, prelude::*};

use super::{
    axes::{Axis, around, plot},
    style::{DrawResult, TEXT, TITLE, below, fitted, legend, marker, series},
};
use crate::{Error, Result};

pub(super) const SIZE: (u32, u32) = (1080, 520);
/// In pixels, the room for the legend.
const LEGEND: i32 = 240;

#[derive(Debug)]
pub(super) struct Lines {
    title: String,
    axes: [String; 2],
    series: Vec<(String, Vec<(f64, f64)>)>,
}

impl Lines {
    pub(super) fn new(title: &str, axes: [&str; 2], lines: &[(&str, Vec<(f64, f64)>)]) -> Result<Self> {
        let points = || lines.iter().flat_map(|(_, points)| points.iter());
        if points().count() == 0 || points().any(|(x, y)| !(x.is_finite() && y.is_finite())) {
            let found = if points().count() == 0 { "empty" } else { "a number that is NaN or infinite" };
            let expected = "at least one point, of finite numbers".into();
            return Err(Error::Setting { setting: "lines", found: found.into(), expected });
        }
        let series = lines.iter().map(|(name, points)| (name.to_string(), points.clone())).collect();
        Ok(Self { title: title.into(), axes: axes.map(String::from), series })
    }

    pub(super) fn description(&self) -> String {
        let [x, y] = &self.axes;
        let ends = self.series.iter().filter_map(|(name, points)| Some((name, points.first()?, points.last()?)));
        let lines = ends.map(|(name, first, last)| {
            let at = |point: &(f64, f64)| format!("{:.4} at {:.4}", point.1, point.0);
            format!("{name}: {}, {}", at(first), at(last))
        });
        format!("{}. {y} over {x}. {}.", self.title, lines.collect::<Vec<_>>().join("; "))
    }

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (title, size) = fitted(&self.title, TITLE, SIZE.0 as i32 - 20);
        area.draw_text(&title, &below(size, &TEXT), (SIZE.0 as i32 / 2, 14))?;
        let (_, below_title) = area.split_vertically(52);
        let (left, right) = below_title.split_horizontally(SIZE.0 as i32 - LEGEND);
        let points = || self.series.iter().flat_map(|(_, points)| points);
        let x = Axis::new(&self.axes[0], around(points().map(|point| point.0), 0.05, 1e-3), 10);
        let y = Axis::new(&self.axes[1], around(points().map(|point| point.1), 0.05, 1e-3), 8);
        let mut chart = plot(&left, [x, y])?;
        for (index, (_, points)) in self.series.iter().enumerate() {
            let color = series(index);
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(3)))?;
            let marked = points.iter().map(|&point| EmptyElement::at(point) + marker(index, 0, color));
            chart.draw_series(marked)?;
        }
        let names: Vec<_> = self.series.iter().map(|(name, _)| name.as_str()).collect();
        legend(&right, (14, 24), &names, LEGEND - 36)
    }
}
