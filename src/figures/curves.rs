//! Training curves: accuracy and loss side by side.

use std::{cmp::Ordering, ops::ControlFlow};

use plotters::{chart::SeriesLabelPosition, prelude::*};

use super::{
    Chart, Figure, Look,
    axes::{Axis, around, plot},
    style::{Area, DrawResult, LABEL, LINES, TEXT, font, marker},
};
use crate::{
    Error, Result,
    model::Model,
    notebook::Live,
    training::{Epoch, History, Scores},
};

const SIZE: (u32, u32) = (1200, 460);
/// Numbers along an axis.
const MOST_EPOCHS: usize = 17;
const MOST_VALUES: usize = 6;

/// Shows accuracy and loss over the epochs, on training and validation samples, in two panels.
///
/// # Errors
/// [`Error::InvalidSetting`] when there is no epoch.
pub fn training_curves(history: &History) -> Result<Figure> {
    if history.epochs.is_empty() {
        return Err(Error::invalid_setting("history", "empty", "at least 1 epoch"));
    }
    let panel = |name, value: fn(Scores) -> f64, better_first: fn(&f64, &f64) -> Ordering| {
        let of_training = |&Epoch { loss, accuracy, .. }: &Epoch| value(Scores { loss, accuracy });
        let validation: Vec<_> = history.epochs.iter().filter_map(|epoch| epoch.validation).map(value).collect();
        let first = history.epochs[0].epoch;
        let best = (first..).zip(validation.iter().copied()).min_by(|(_, one), (_, other)| better_first(one, other));
        Panel { name, first, training: history.epochs.iter().map(of_training).collect(), validation, best }
    };
    let accuracy = panel("Accuracy, %", |scores| 100.0 * scores.accuracy, |one, other| other.total_cmp(one));
    let loss = panel("Loss", |scores| scores.loss, f64::total_cmp);
    Ok(Figure::new(Curves { title: format!("Training and validation: {}", history.name), accuracy, loss }))
}

/// Draws the curves anew after each epoch, while [`fit_with`](crate::training::fit_with) trains: its last argument.
/// With `verbose: false` no lines of text stand around the picture.
///
/// ```
/// use mnist_classification::prelude::*;
/// let train = Dataset::drawn(0)?.train.preprocess();
/// let mut model = Network::mlp([784, 16, 10], 0)?;
/// let training = Training { epochs: 2, ..Training::default() };
/// fit_with(&mut model, &train, &training, None, figures::live_curves("16 units"))?;
/// # Ok::<(), Error>(())
/// ```
pub fn live_curves(title: &str) -> impl FnMut(&mut Epoch, &dyn Model) -> Result<ControlFlow<()>> + use<> {
    let (mut live, mut history) = (Live::new(), History { name: title.into(), epochs: Vec::new() });
    move |epoch, _| {
        history.epochs.push(epoch.clone());
        live.show(&training_curves(&history)?)?;
        Ok(ControlFlow::Continue(()))
    }
}

/// The two panels.
struct Curves {
    title: String,
    accuracy: Panel,
    loss: Panel,
}

/// A measure over the epochs.
struct Panel {
    name: &'static str,
    /// The number of the first epoch.
    first: usize,
    training: Vec<f64>,
    /// As long as `training`, or empty.
    validation: Vec<f64>,
    /// The epoch with the best validation value, the first of several, and this value.
    best: Option<(usize, f64)>,
}

impl Chart for Curves {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        SIZE
    }

    fn description(&self) -> String {
        let Self { accuracy, loss, .. } = self;
        let count = accuracy.training.len();
        let from_to = |values: &[f64], unit: &str, decimals: usize| match values {
            [first, .., last] => {
                format!("goes from {first:.decimals$}{unit} to {last:.decimals$}{unit} in {count} epochs")
            }
            _ => format!("is {:.decimals$}{unit} after one epoch", values.first().unwrap_or(&f64::NAN)),
        };
        let validation = match (accuracy.best, loss.best) {
            (Some((best, highest)), Some((lowest_after, lowest))) => {
                let accuracy = format!("{}, at best {highest:.2} %", from_to(&accuracy.validation, " %", 2));
                let loss = format!("lowest after epoch {lowest_after}, at {lowest:.4}");
                format!("Validation accuracy {accuracy} after epoch {best}; validation loss is {loss}.")
            }
            _ => "There are no validation digits.".into(),
        };
        let [accuracy, loss] = [from_to(&accuracy.training, " %", 2), from_to(&loss.training, "", 4)];
        format!("{validation} Training accuracy {accuracy}; training loss {loss}.")
    }

    fn draw(&self, area: &Area, look: &Look) -> DrawResult {
        let (_, below_title) = area.split_vertically(52);
        let (left, right) = below_title.split_horizontally(area.dim_in_pixel().0.div_ceil(2));
        self.accuracy.draw(&left, SeriesLabelPosition::LowerRight, look)?;
        self.loss.draw(&right, SeriesLabelPosition::UpperRight, look)
    }
}

impl Panel {
    fn draw(&self, area: &Area, legend: SeriesLabelPosition, look: &Look) -> DrawResult {
        let count = self.training.len();
        let (first, last) = (self.first as f64, (self.first + count - 1) as f64);
        // The axis goes an epoch beyond the first and the last, and there is none.
        let label = move |epoch: f64| {
            let is_one = epoch.fract() == 0.0 && (first..=last).contains(&epoch);
            if is_one { epoch.to_string() } else { String::new() }
        };
        let epochs =
            Axis::new(look.x_label("Epoch"), first - 1.0..last + 1.0, MOST_EPOCHS.min(count + 2)).labelled(label);
        let values = around(self.training.iter().chain(&self.validation).copied(), 0.06, 1e-3);
        let mut chart = plot(area, [epochs, Axis::new(self.name, values, MOST_VALUES)])?;
        let validation = self.best.map_or(String::new(), |(epoch, _)| format!("validation, best after epoch {epoch}"));
        let series = [("training", &self.training), (validation.as_str(), &self.validation)];
        for (number, (name, values)) in series.into_iter().enumerate().filter(|(_, (_, values))| !values.is_empty()) {
            let color = look.series(number);
            let points = || values.iter().enumerate().map(|(index, &value)| (first + index as f64, value));
            chart.draw_series(LineSeries::new(points(), color.stroke_width(3)))?;
            let marked = points().step_by(count.div_ceil(MOST_EPOCHS));
            chart
                .draw_series(marked.map(|point| EmptyElement::at(point) + marker(number, 0, color)))?
                .label(name)
                .legend(move |place| {
                    let line = PathElement::new([(0, 0), (28, 0)], color.stroke_width(3));
                    EmptyElement::at(place) + line + marker(number, 14, color)
                });
        }
        let circle = |(epoch, value)| Circle::new((epoch as f64, value), 11, TEXT.stroke_width(2));
        chart.draw_series(self.best.map(circle))?;
        chart
            .configure_series_labels()
            .position(legend)
            .legend_area_size(38)
            .margin(12)
            .background_style(WHITE.mix(0.85))
            .border_style(LINES)
            .label_font(font(LABEL - 1, &TEXT))
            .draw()
    }
}
