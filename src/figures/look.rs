//! What a cell may set of a chart's look.

use plotters::style::RGBColor;

use super::{Drawable, style::series};

/// What a reader has set of a figure's look; the rest is the chart's own.
#[derive(Clone, Debug, Default)]
pub struct Look {
    pub(super) title: Option<String>,
    /// The names of the axes to the right and upwards.
    pub(super) labels: [Option<String>; 2],
    pub(super) size: Option<(u32, u32)>,
    pub(super) colors: Vec<RGBColor>,
}

impl Look {
    /// The name of the axis to the right, `usual` unless the reader has set one.
    pub fn x_label<'a>(&'a self, usual: &'a str) -> &'a str {
        self.labels[0].as_deref().unwrap_or(usual)
    }

    /// The name of the axis upwards.
    pub fn y_label<'a>(&'a self, usual: &'a str) -> &'a str {
        self.labels[1].as_deref().unwrap_or(usual)
    }

    /// The colour of a series.
    pub fn series(&self, index: usize) -> RGBColor {
        self.color(index, series(index))
    }

    /// The reader's colour with this number, else the usual one.
    pub fn color(&self, index: usize, usual: RGBColor) -> RGBColor {
        self.colors.get(index).copied().unwrap_or(usual)
    }

    /// Width and height of a chart in pixels.
    pub(super) fn size_of(&self, chart: &dyn Drawable) -> (u32, u32) {
        self.size.filter(|_| !chart.is_fixed()).unwrap_or_else(|| chart.size())
    }
}
