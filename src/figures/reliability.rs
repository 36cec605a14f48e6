//! A reliability diagram: the accuracy of each bin of confidence, and below it the share of samples in each bin.

use plotters::{coord::Shift, prelude::*};

use super::{
    Chart, Figure, Look,
    axes::{Axis, plot},
    style::{DrawResult, TEXT, legend, marker},
};
use crate::{
    Error, Result,
    metrics::calibration::{Bin, Calibration},
};

const SIZE: (u32, u32) = (760, 880);

/// A reliability diagram: accuracy against confidence, and the share of samples in each bin; for example before and after a
/// temperature, each with its name.
///
/// # Errors
/// [`Error::InvalidSetting`] when there is nothing to draw.
pub fn reliability(title: &str, measured: &[(&str, &Calibration)]) -> Result<Figure> {
    Reliability::new(title, measured).map(Figure::new)
}

struct Reliability {
    title: String,
    measured: Vec<(String, Calibration)>,
}

impl Reliability {
    fn new(title: &str, measured: &[(&str, &Calibration)]) -> Result<Self> {
        if measured.is_empty() {
            return Err(Error::invalid_setting("calibrations", "empty", "at least 1 calibration"));
        }
        let named = |(name, calibration): &(&str, &Calibration)| {
            let error = 100.0 * calibration.expected_error;
            (format!("{name}: expected error {error:.2} %"), (*calibration).clone())
        };
        Ok(Self { title: title.into(), measured: measured.iter().map(named).collect() })
    }

    /// A value of each bin that has samples, over the bin's mean confidence; `value` is given the number of all samples,
    /// too. The grey line is where accuracy equals confidence, or where the shares end.
    fn draw_panel<B: DrawingBackend>(
        &self,
        (area, look): (&DrawingArea<B, Shift>, &Look),
        axis: Axis,
        grey: [(f64, f64); 2],
        value: impl Fn(&Bin, f64) -> f64,
    ) -> DrawResult<B> {
        let mut chart = plot(area, [Axis::new(look.x_label("Confidence"), 0.0..1.0, 10), axis])?;
        chart.draw_series(LineSeries::new(grey, TEXT.mix(0.5).stroke_width(2)))?;
        for (index, (_, calibration)) in self.measured.iter().enumerate() {
            let all = calibration.bins.iter().map(|bin| bin.count).sum::<usize>() as f64;
            let shown = calibration.bins.iter().filter(|bin| bin.count > 0);
            let points: Vec<_> = shown.map(|bin| (bin.confidence, value(bin, all))).collect();
            chart.draw_series(LineSeries::new(points.iter().copied(), look.series(index).stroke_width(2)))?;
            chart.draw_series(points.iter().map(|&at| EmptyElement::at(at) + marker(index, 0, look.series(index))))?;
        }
        Ok(())
    }
}

impl Chart for Reliability {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
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
        measured.join(". ") + "."
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, look: &Look) -> DrawResult<B> {
        let (width, height) = area.dim_in_pixel();
        let names: Vec<_> = self.measured.iter().map(|(name, _)| name.as_str()).collect();
        legend(area, (100, 70), &names, width as i32 - 130, look)?;
        let (_, rest) = area.split_vertically(64 + 25 * names.len() as u32);
        let (upper, lower) = rest.split_vertically(height * 470 / SIZE.1);
        let accuracy = Axis::new(look.y_label("Accuracy"), -0.02..1.04, 7);
        self.draw_panel((&upper, look), accuracy, [(0.0, 0.0), (1.0, 1.0)], |bin, _| bin.accuracy)?;
        // Most samples lie in the last bin; the others would not be seen on an even scale.
        let percent = |power: f64| format!("{} %", (100.0 * 10_f64.powf(power) * 100.0).round() / 100.0);
        let share = Axis::new("Share of samples", -4.2..0.2, 5).labelled(percent);
        self.draw_panel((&lower, look), share, [(0.0, 0.0), (1.0, 0.0)], |bin, all| (bin.count as f64 / all).log10())
    }
}
