//! A reliability diagram: the accuracy of each bin of confidence, and below it the share of samples in each bin.

use plotters::{coord::Shift, prelude::*};

use super::{
    axes::{Axis, plot},
    style::{DrawResult, TEXT, TITLE, below, fitted, legend, marker, series},
};
use crate::{
    Error, Result,
    metrics::calibration::{Bin, Calibration},
};

pub(super) const SIZE: (u32, u32) = (760, 880);

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

    pub(super) fn description(&self) -> String {
        let measured: Vec<_> = self
            .measured
            .iter()
            .map(|(name, calibration)| {
                let surest = calibration.bins.iter().rfind(|bin| bin.count > 0);
                let surest = surest.map_or(String::new(), |bin| {
                    let (count, accuracy, confidence) = (bin.count, 100.0 * bin.accuracy, 100.0 * bin.confidence);
                    format!("; of the surest {count}, {accuracy:.2} % are right at a confidence of {confidence:.2} %")
                });
                format!("{name}{surest}")
            })
            .collect();
        format!("{}. {}.", self.title, measured.join(". "))
    }

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (title, size) = fitted(&self.title, TITLE, SIZE.0 as i32 - 20);
        area.draw_text(&title, &below(size, &TEXT), (SIZE.0 as i32 / 2, 14))?;
        let names: Vec<_> = self.measured.iter().map(|(name, _)| name.as_str()).collect();
        legend(area, (100, 70), &names, SIZE.0 as i32 - 130)?;
        let (_, rest) = area.split_vertically(64 + 25 * names.len() as u32);
        let (upper, lower) = rest.split_vertically(470);
        let accuracy = Axis::new("Accuracy", -0.02..1.04, 7);
        self.draw_panel(&upper, accuracy, [(0.0, 0.0), (1.0, 1.0)], |bin, _| bin.accuracy)?;
        // Most samples lie in the last bin; the others would not be seen on an even scale.
        let percent = |power: f64| format!("{} %", (100.0 * 10_f64.powf(power) * 100.0).round() / 100.0);
        let share = Axis::new("Share of samples", -4.2..0.2, 5).labelled(percent);
        self.draw_panel(&lower, share, [(0.0, 0.0), (1.0, 0.0)], |bin, all| (bin.count as f64 / all).log10())
    }

    /// A value of each bin that has samples, over the bin's mean confidence; `value` is given the number of all samples,
    /// too. The grey line is where accuracy equals confidence, or where the shares end.
    fn draw_panel<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        axis: Axis,
        grey: [(f64, f64); 2],
        value: impl Fn(&Bin, f64) -> f64,
    ) -> DrawResult<B> {
        let mut chart = plot(area, [Axis::new("Confidence", 0.0..1.0, 10), axis])?;
        chart.draw_series(LineSeries::new(grey, TEXT.mix(0.5).stroke_width(2)))?;
        for (index, (_, calibration)) in self.measured.iter().enumerate() {
            let all = calibration.bins.iter().map(|bin| bin.count).sum::<usize>() as f64;
            let shown = calibration.bins.iter().filter(|bin| bin.count > 0);
            let points: Vec<_> = shown.map(|bin| (bin.confidence, value(bin, all))).collect();
            chart.draw_series(LineSeries::new(points.iter().copied(), series(index).stroke_width(2)))?;
            chart.draw_series(points.iter().map(|&at| EmptyElement::at(at) + marker(index, 0, series(index))))?;
        }
        Ok(())
    }
}
