//! Two axes with their names, numbers and lines, alike in every chart that has them.

use std::ops::Range;

use plotters::{chart::ChartContext, coord::types::RangedCoordf64, prelude::*};

use super::{
    backend::Backend,
    style::{Area, DrawResult, LABEL, LINES, TEXT, font},
};
use crate::decimals::{decimals, fixed};

/// What series are drawn on.
pub type Plot<'a, 'b> = ChartContext<'a, Backend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// An axis from its lowest to its highest number.
pub struct Axis<'a> {
    name: &'a str,
    range: Range<f64>,
    /// How many numbers stand along it at most.
    max_labels: usize,
    label: Box<dyn Fn(f64) -> String>,
}

impl<'a> Axis<'a> {
    /// Labels an axis with as many decimals as its numbers need.
    pub fn new(name: &'a str, range: Range<f64>, max_labels: usize) -> Self {
        let decimals = decimals(RangedCoordf64::from(range.clone()).key_points(max_labels).into_iter());
        Self { name, range, max_labels, label: Box::new(move |number| fixed(number, decimals).replace('-', "−")) }
    }

    /// Replaces the labels.
    pub fn labelled(self, label: impl Fn(f64) -> String + 'static) -> Self {
        Self { label: Box::new(label), ..self }
    }
}

/// Returns the range from the lowest to the highest number, and this share of their distance beyond, at least `space`.
pub fn around(numbers: impl Iterator<Item = f64> + Clone, share: f64, space: f64) -> Range<f64> {
    let (low, high) = (numbers.clone().fold(f64::INFINITY, f64::min), numbers.fold(f64::NEG_INFINITY, f64::max));
    let space = (share * (high - low)).max(space);
    low - space..high + space
}

/// Draws the axes into an area.
pub fn plot<'a, 'b>(area: &'a Area<'b>, [x, y]: [Axis; 2]) -> DrawResult<Plot<'a, 'b>> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(24)
        .x_label_area_size(54)
        .y_label_area_size(84)
        .build_cartesian_2d(x.range, y.range)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .bold_line_style(LINES)
        .axis_style(TEXT)
        .x_desc(x.name)
        .y_desc(y.name)
        .x_labels(x.max_labels)
        .y_labels(y.max_labels)
        .x_label_formatter(&|&number| (x.label)(number))
        .y_label_formatter(&|&number| (y.label)(number))
        .label_style(font(LABEL - 2, &TEXT))
        .axis_desc_style(font(LABEL, &TEXT))
        .draw()?;
    Ok(chart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_writes_its_numbers_alike() {
        let axis = Axis::new("accuracy", 0.895..1.0, 6);
        assert_eq!([0.9, 0.92, -0.1].map(|number| (axis.label)(number)), ["0.90", "0.92", "−0.10"]);
    }
}
