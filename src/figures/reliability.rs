//! A reliability diagram: the accuracy of each bin of confidence, and below it the share of samples in each bin.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    Chart, Figure, Look,
    axes::{Axis, plot},
    style::{Area, DrawResult, LABEL, TEXT, font, legend, marker},
};
use crate::{
    Error, Result,
    metrics::calibration::{Bin, Calibration},
};

const SIZE: (u32, u32) = (760, 905);

/// Shows the accuracy over the confidence, and the share of samples in each bin; for example before and after a
/// temperature, each with its name.
///
/// # Errors
/// [`Error::InvalidSetting`] when there is nothing to draw.
pub fn reliability(title: &str, measured: &[(&str, &Calibration)]) -> Result<Figure> {
    if measured.is_empty() {
        return Err(Error::invalid_setting("calibrations", "empty", "at least 1 calibration"));
    }
    let named = |&(name, calibration): &(&str, &Calibration)| {
        let error = 100.0 * calibration.expected_error;
        (format!("{name}: expected error {error:.2} %"), calibration.clone())
    };
    Ok(Figure::new(Reliability { title: title.into(), measured: measured.iter().map(named).collect() }))
}

struct Reliability {
    title: String,
    measured: Vec<(String, Calibration)>,
}

impl Chart for Reliability {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
        let described = self.measured.iter().map(|(name, calibration)| {
            let surest = calibration.bins.iter().rfind(|bin| bin.count > 0);
            let surest = surest.map_or(String::new(), |bin| {
                let (count, accuracy, confidence) = (bin.count, 100.0 * bin.accuracy, 100.0 * bin.confidence);
                format!("; of the surest {count}, {accuracy:.2} % are right at a confidence of {confidence:.2} %")
            });
            format!("{name}{surest}")
        });
        described.collect::<Vec<_>>().join(". ") + "."
    }

    fn draw(&self, area: &Area, look: &Look) -> DrawResult {
        let (width, height) = area.dim_in_pixel();
        let names: Vec<_> = self.measured.iter().map(|(name, _)| name.as_str()).collect();
        legend(area, (100, 70), &names, width as i32 - 130, look)?;
        let y = 70 + 25 * names.len() as i32;
        area.draw(&PathElement::new([(92, y), (108, y)], TEXT.mix(0.5).stroke_width(2)))?;
        let line = "accuracy equals confidence (above); all samples (below)";
        area.draw_text(line, &font(LABEL - 2, &TEXT).pos(Pos::new(HPos::Left, VPos::Center)), (116, y))?;
        // A panel has a value of each bin that has samples, over the bin's mean confidence, and a grey line for
        // comparison.
        let panel = |area: &Area, axis: Axis, grey: [(f64, f64); 2], value: fn(&Bin, f64) -> f64| -> DrawResult {
            let mut chart = plot(area, [Axis::new(look.x_label("Confidence, %"), 0.0..100.0, 10), axis])?;
            chart.draw_series(LineSeries::new(grey, TEXT.mix(0.5).stroke_width(2)))?;
            for (index, (_, calibration)) in self.measured.iter().enumerate() {
                let all = calibration.bins.iter().map(|bin| bin.count).sum::<usize>() as f64;
                let shown = calibration.bins.iter().filter(|bin| bin.count > 0);
                let points: Vec<_> = shown.map(|bin| (100.0 * bin.confidence, value(bin, all))).collect();
                let color = look.series(index);
                chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?;
                chart.draw_series(points.iter().map(|&point| EmptyElement::at(point) + marker(index, 0, color)))?;
            }
            Ok(())
        };
        let (_, rest) = area.split_vertically(89 + 25 * names.len() as u32);
        let (upper, lower) = rest.split_vertically(height * 470 / SIZE.1);
        let accuracy = Axis::new(look.y_label("Accuracy, %"), -2.0..104.0, 7);
        panel(&upper, accuracy, [(0.0, 0.0), (100.0, 100.0)], |bin, _| 100.0 * bin.accuracy)?;
        // Most samples lie in the last bin; the others would not be seen on an even scale.
        let percent = |power: f64| format!("{} %", (100.0 * 10_f64.powf(power) * 100.0).round() / 100.0);
        let share = Axis::new("Share of samples", -4.2..0.2, 5).labelled(percent);
        panel(&lower, share, [(0.0, 0.0), (100.0, 0.0)], |bin, all| (bin.count as f64 / all).log10())
    }
}
