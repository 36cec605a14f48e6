//! A reliability diagram: the accuracy of each bin of confidence, and below it the share of samples in each bin.

use plotters::{chart::SeriesLabelPosition, coord::Shift, prelude::*};

use super::style::{DrawResult, LABEL, LINES, TEXT, TITLE, below, fitted, font, marker, series};
use crate::{Error, Result, metrics::calibration::Calibration};

pub(super) const SIZE: (u32, u32) = (760, 860);

#[derive(Debug)]
pub(super) struct Reliability {
    title: String,
    measured: Vec<(String, Calibration)>,
}

impl Reliability {
    pub(super) fn new(title: &str, measured: &[(&str, &Calibration)]) -> Result<Self> {
        if measured.is_empty() {
            let expected = "at least 1 calibration".into();
            return Err(Error::Setting { setting: "calibrations", found: "empty".into(), expected });
        }
        let named = |(name, calibration): &(&str, &Calibration)| {
            let error = 100.0 * calibration.expected_error;
            (format!("{name}: expected error {error:.2} %"), (*calibration).clone())
        };
        Ok(Self { title: title.into(), measured: measured.iter().map(named).collect() })
    }

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (title, size) = fitted(&self.title, TITLE, SIZE.0 as i32 - 20);
        area.draw_text(&title, &below(size, &TEXT), (SIZE.0 as i32 / 2, 14))?;
        let (_, below_title) = area.split_vertically(52);
        let (upper, lower) = below_title.split_vertically(520);
        self.draw_panel(&upper, "Accuracy", true)?;
        self.draw_panel(&lower, "Share of samples", false)
    }

    /// The accuracies against the mean confidences, or the shares against the middles of the bins.
    fn draw_panel<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, name: &str, of_accuracy: bool) -> DrawResult<B> {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(28)
            .x_label_area_size(54)
            .y_label_area_size(80)
            .build_cartesian_2d(0.0..1.0, -0.02..1.04)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(LINES)
            .axis_style(TEXT)
            .x_desc("Confidence")
            .y_desc(name)
            .y_labels(6)
            .label_style(font(LABEL - 2, &TEXT))
            .axis_desc_style(font(LABEL, &TEXT))
            .draw()?;
        if of_accuracy {
            let exact = LineSeries::new([(0.0, 0.0), (1.0, 1.0)], TEXT.mix(0.5).stroke_width(2));
            let line = |(x, y)| PathElement::new([(x, y), (x + 28, y)], TEXT.mix(0.5).stroke_width(2));
            chart.draw_series(exact)?.label("as accurate as confident").legend(line);
        }
        for (index, (name, calibration)) in self.measured.iter().enumerate() {
            let (color, bins) = (series(index), &calibration.bins);
            let all = bins.iter().map(|bin| bin.count).sum::<usize>() as f64;
            let place = |(number, bin): (usize, &crate::metrics::calibration::Bin)| match of_accuracy {
                true => (bin.confidence, bin.accuracy),
                false => ((number as f64 + 0.5) / bins.len() as f64, bin.count as f64 / all),
            };
            // A bin without samples has no accuracy.
            let shown = bins.iter().enumerate().filter(|(_, bin)| bin.count > 0 || !of_accuracy);
            let points: Vec<_> = shown.map(place).collect();
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
            let marked = points.iter().map(|&point| EmptyElement::at(point) + marker(index, 0, color));
            chart.draw_series(marked)?.label(name).legend(move |at| EmptyElement::at(at) + marker(index, 14, color));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .legend_area_size(38)
            .margin(12)
            .background_style(WHITE.mix(0.85))
            .border_style(LINES)
            .label_font(font(LABEL - 2, &TEXT))
            .draw()
    }
}
