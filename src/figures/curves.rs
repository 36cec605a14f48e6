//! Training curves: accuracy and loss side by side.

use plotters::{chart::SeriesLabelPosition, coord::Shift, prelude::*};

use super::{
    Chart, Figure, Look,
    axes::{Axis, around, plot},
    style::{DrawResult, LABEL, LINES, TEXT, font, marker},
};
use crate::{Error, Result, training::History};

const SIZE: (u32, u32) = (1200, 460);
/// Numbers along an axis.
const MOST_EPOCHS: usize = 17;
const MOST_VALUES: usize = 6;

/// Accuracy and loss over the epochs, on training and validation samples, in two panels.
///
/// # Errors
/// [`Error::InvalidSetting`] when there is no epoch.
pub fn training_curves(history: &History) -> Result<Figure> {
    Curves::new(history).map(Figure::new)
}

/// The two panels.
struct Curves {
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
    /// The index of the best validation value.
    best: Option<usize>,
    legend: SeriesLabelPosition,
}

impl Curves {
    fn new(history: &History) -> Result<Self> {
        let epochs = &history.epochs;
        if epochs.is_empty() {
            return Err(Error::invalid_setting("history", "empty", "at least 1 epoch"));
        }
        let validation = || epochs.iter().filter_map(|epoch| epoch.validation);
        let accuracies: Vec<_> = validation().map(|scores| 100.0 * scores.accuracy).collect();
        let losses: Vec<_> = validation().map(|scores| scores.loss).collect();
        let accuracy = Panel {
            name: "Accuracy, %",
            training: epochs.iter().map(|epoch| 100.0 * epoch.accuracy).collect(),
            best: lowest(accuracies.iter().map(|accuracy| -accuracy)),
            validation: accuracies,
            legend: SeriesLabelPosition::LowerRight,
        };
        let loss = Panel {
            name: "Loss",
            training: epochs.iter().map(|epoch| epoch.loss).collect(),
            best: lowest(losses.iter().copied()),
            validation: losses,
            legend: SeriesLabelPosition::UpperRight,
        };
        Ok(Self { title: format!("Training and validation: {}", history.name), panels: [accuracy, loss] })
    }
}

impl Chart for Curves {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
        let [accuracy, loss] = &self.panels;
        let count = accuracy.training.len();
        let from_to = |values: &[f64], unit: &str, decimals: usize| match values {
            [.., last] if count > 1 => {
                format!("goes from {:.decimals$}{unit} to {last:.decimals$}{unit} in {count} epochs", values[0])
            }
            _ => format!("is {:.decimals$}{unit} after one epoch", values.first().unwrap_or(&f64::NAN)),
        };
        let mut text = String::new();
        match (accuracy.best, loss.best) {
            (Some(highest), Some(lowest)) => {
                text += &format!("Validation accuracy {}", from_to(&accuracy.validation, " %", 2));
                text += &format!(", at best {:.2} % after epoch {}; ", accuracy.validation[highest], highest + 1);
                let least = loss.validation[lowest];
                text += &format!("validation loss is lowest after epoch {}, at {least:.4}. ", lowest + 1);
            }
            _ => text += "There are no validation digits. ",
        }
        text += &format!("Training accuracy {}; ", from_to(&accuracy.training, " %", 2));
        text + &format!("training loss {}.", from_to(&loss.training, "", 4))
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, look: &Look) -> DrawResult<B> {
        let (_, below_title) = area.split_vertically(52);
        for (panel, area) in self.panels.iter().zip(below_title.split_evenly((1, 2))) {
            panel.draw(&area, look)?;
        }
        Ok(())
    }
}

/// The index of the lowest number, the first of several.
fn lowest(numbers: impl Iterator<Item = f64>) -> Option<usize> {
    numbers.enumerate().min_by(|one, other| one.1.total_cmp(&other.1)).map(|(index, _)| index)
}

impl Panel {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, look: &Look) -> DrawResult<B> {
        let last = self.training.len();
        // The axis goes an epoch beyond the first and the last, and there is none.
        let label = move |epoch: f64| {
            let is_one = epoch.fract() == 0.0 && (1.0..=last as f64).contains(&epoch);
            if is_one { epoch.to_string() } else { String::new() }
        };
        let epochs =
            Axis::new(look.x_label("Epoch"), 0.0..last as f64 + 1.0, MOST_EPOCHS.min(last + 2)).labelled(label);
        let values = around(self.training.iter().chain(&self.validation).copied(), 0.06, 1e-3);
        let mut chart = plot(area, [epochs, Axis::new(self.name, values, MOST_VALUES)])?;
        let validation = match self.best {
            Some(best) => format!("validation, best after epoch {}", best + 1),
            None => "validation".into(),
        };
        let series = [("training", &self.training), (validation.as_str(), &self.validation)];
        for (number, (name, values)) in series.into_iter().enumerate().filter(|(_, (_, values))| !values.is_empty()) {
            let color = look.series(number);
            let points = || values.iter().enumerate().map(|(index, &value)| ((index + 1) as f64, value));
            chart.draw_series(LineSeries::new(points(), color.stroke_width(3)))?;
            chart
                .draw_series(points().map(|point| EmptyElement::at(point) + marker(number, 0, color)))?
                .label(name)
                .legend(move |place| {
                    let line = PathElement::new([(0, 0), (28, 0)], color.stroke_width(3));
                    EmptyElement::at(place) + line + marker(number, 14, color)
                });
        }
        let best = self.best.map(|best| ((best + 1) as f64, self.validation[best]));
        chart.draw_series(best.map(|place| Circle::new(place, 11, TEXT.stroke_width(2))))?;
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
}
