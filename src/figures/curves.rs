//! Training curves: accuracy and loss side by side.

use std::ops::Range;

use plotters::{chart::SeriesLabelPosition, coord::Shift, prelude::*};

use super::style::{self, DrawResult, LABEL, LINES, TEXT, TITLE, below, font, marker};
use crate::{Error, Result, training::History};

pub(super) const SIZE: (u32, u32) = (1200, 460);

/// The two panels.
#[derive(Debug)]
pub(super) struct Curves {
    title: String,
    panels: [Panel; 2],
}

/// A measure over the epochs, which count from 1.
#[derive(Debug)]
struct Panel {
    name: &'static str,
    training: Vec<f64>,
    /// As long as `training`, or empty.
    validation: Vec<f64>,
    legend: SeriesLabelPosition,
}

impl Curves {
    pub(super) fn new(history: &History) -> Result<Self> {
        let epochs = &history.epochs;
        if epochs.is_empty() {
            return Err(Error::Setting {
                setting: "history",
                found: "empty".into(),
                expected: "at least 1 epoch".into(),
            });
        }
        let validation = || epochs.iter().filter_map(|epoch| epoch.validation);
        let accuracy = Panel {
            name: "Accuracy",
            training: epochs.iter().map(|epoch| epoch.accuracy).collect(),
            validation: validation().map(|scores| scores.accuracy).collect(),
            legend: SeriesLabelPosition::LowerRight,
        };
        let loss = Panel {
            name: "Loss",
            training: epochs.iter().map(|epoch| epoch.loss).collect(),
            validation: validation().map(|scores| scores.loss).collect(),
            legend: SeriesLabelPosition::UpperRight,
        };
        Ok(Self { title: format!("Training and validation: {}", history.name), panels: [accuracy, loss] })
    }

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        area.draw_text(&self.title, &below(TITLE, &TEXT), (SIZE.0 as i32 / 2, 14))?;
        let (_, below_title) = area.split_vertically(52);
        for (panel, area) in self.panels.iter().zip(below_title.split_evenly((1, 2))) {
            panel.draw(&area)?;
        }
        Ok(())
    }
}

impl Panel {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let last = self.training.len() as i32;
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(24)
            .x_label_area_size(54)
            .y_label_area_size(88)
            .build_cartesian_2d(0..last + 1, self.range())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(LINES)
            .axis_style(TEXT)
            .x_desc("Epoch")
            .y_desc(self.name)
            .y_labels(6)
            .x_labels(17)
            // The axis goes an epoch beyond the first and the last, and there is none.
            .x_label_formatter(&|epoch| if (1..=last).contains(epoch) { epoch.to_string() } else { String::new() })
            .y_label_formatter(&|value| format!("{value:.3}"))
            .label_style(font(LABEL - 2, &TEXT))
            .axis_desc_style(font(LABEL, &TEXT))
            .draw()?;
        let series = [("training", &self.training), ("validation", &self.validation)];
        for (number, (name, values)) in series.into_iter().enumerate().filter(|(_, (_, values))| !values.is_empty()) {
            let color = style::series(number);
            let points = || values.iter().enumerate().map(|(index, &value)| (index as i32 + 1, value));
            chart.draw_series(LineSeries::new(points(), color.stroke_width(3)))?;
            chart
                .draw_series(points().map(|point| EmptyElement::at(point) + marker(number, 0, color)))?
                .label(name)
                .legend(move |place| {
                    let line = PathElement::new([(0, 0), (28, 0)], color.stroke_width(3));
                    EmptyElement::at(place) + line + marker(number, 14, color)
                });
        }
        chart
            .configure_series_labels()
            .position(self.legend.clone())
            .legend_area_size(38)
            .margin(12)
            .background_style(WHITE.mix(0.85))
            .border_style(LINES)
            .label_font(font(LABEL - 1, &TEXT))
            .draw()
    }

    /// From the lowest to the highest value, and a little beyond.
    fn range(&self) -> Range<f64> {
        let values = || self.training.iter().chain(&self.validation).copied();
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let space = (0.06 * (high - low)).max(1e-3);
        low - space..high + space
    }
}
