//! Lines over a number, such as accuracy over severity: each with a colour and a marker of its own.

use std::ops::Range;

use plotters::{coord::Shift, prelude::*};

use super::style::{DrawResult, LABEL, LINES, TEXT, TITLE, below, fitted, font, legend, marker, series};
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

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (title, size) = fitted(&self.title, TITLE, SIZE.0 as i32 - 20);
        area.draw_text(&title, &below(size, &TEXT), (SIZE.0 as i32 / 2, 14))?;
        let (_, below_title) = area.split_vertically(52);
        let (left, right) = below_title.split_horizontally(SIZE.0 as i32 - LEGEND);
        let mut chart = ChartBuilder::on(&left)
            .margin(12)
            .margin_right(20)
            .x_label_area_size(54)
            .y_label_area_size(88)
            .build_cartesian_2d(self.range(|point| point.0), self.range(|point| point.1))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(LINES)
            .axis_style(TEXT)
            .x_desc(&self.axes[0])
            .y_desc(&self.axes[1])
            .label_style(font(LABEL - 2, &TEXT))
            .axis_desc_style(font(LABEL, &TEXT))
            .draw()?;
        for (index, (_, points)) in self.series.iter().enumerate() {
            let color = series(index);
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(3)))?;
            let marked = points.iter().map(|&point| EmptyElement::at(point) + marker(index, 0, color));
            chart.draw_series(marked)?;
        }
        let names: Vec<_> = self.series.iter().map(|(name, _)| name.as_str()).collect();
        legend(&right, (14, 24), &names, LEGEND - 36)
    }

    /// From the lowest to the highest number along an axis, and a little beyond.
    fn range(&self, axis: fn(&(f64, f64)) -> f64) -> Range<f64> {
        let values = || self.series.iter().flat_map(|(_, points)| points).map(axis);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let space = (0.05 * (high - low)).max(1e-3);
        low - space..high + space
    }
}
