//! Charts: each shows itself in a notebook and saves as PNG or SVG.

mod attributions;
mod axes;
mod bitmap;
mod comparison;
mod components;
mod curves;
mod grid;
mod heatmap;
mod lines;
mod reading;
mod reliability;
mod style;
mod text;

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use plotters::{coord::Shift, prelude::*};

use crate::{
    Error, Result,
    analysis::{attribution::Fall, components::Components},
    data::{Digits, Picture, Samples},
    files,
    metrics::{ConfusionMatrix, calibration::Calibration},
    notebook::{escaped, show},
    results::Results,
    training::{Answer, History, Predictions},
};
use attributions::Attributions;
use comparison::Comparison;
use components::Scatter;
use curves::Curves;
use grid::Grid;
use heatmap::Heatmap;
use lines::Lines;
use reading::Reading;
use reliability::Reliability;
use tch::Tensor;

/// A chart that is ready to be drawn.
///
/// ```
/// use mnist_classification::prelude::*;
/// let confusion = ConfusionMatrix::new("example", &Classes::numbered(10), &[0, 1], &[0, 1])?;
/// let svg = figures::heatmap(&confusion).svg()?;
/// assert!(svg.contains("Confusion matrix: example"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Figure {
    chart: Chart,
}

#[derive(Debug)]
enum Chart {
    Grid(Grid),
    Curves(Curves),
    Heatmap(Heatmap),
    Comparison(Comparison),
    Reading(Reading),
    Attributions(Attributions),
    Scatter(Scatter),
    Reliability(Reliability),
    Lines(Lines),
}

/// The first `count` digits with their labels, five in a row.
///
/// # Errors
/// [`Error::Setting`] when `count` is 0.
pub fn digits(digits: &Digits, count: usize) -> Result<Figure> {
    Grid::digits(digits, count).map(|grid| Figure { chart: Chart::Grid(grid) })
}

/// The first `count` digits with what the model takes them for: green and ✓ when right, red and ✗ when wrong.
///
/// # Errors
/// [`Error::Setting`] when `count` is 0; [`Error::Mismatch`] when the predictions are of other digits.
pub fn predictions(digits: &Digits, predictions: &Predictions, count: usize) -> Result<Figure> {
    Grid::predictions(digits, predictions, count).map(|grid| Figure { chart: Chart::Grid(grid) })
}

/// Up to `count` digits that were taken for another, the most confident mistakes first.
///
/// # Errors
/// [`Error::Setting`] when `count` is 0; [`Error::Mismatch`] when the predictions are of other digits.
pub fn misclassified(digits: &Digits, predictions: &Predictions, count: usize) -> Result<Figure> {
    Grid::misclassified(digits, predictions, count).map(|grid| Figure { chart: Chart::Grid(grid) })
}

/// Accuracy and loss over the epochs, on training and validation digits, in two panels.
///
/// # Errors
/// [`Error::Setting`] when there is no epoch.
pub fn training_curves(history: &History) -> Result<Figure> {
    Curves::new(history).map(|curves| Figure { chart: Chart::Curves(curves) })
}

/// A confusion matrix with its counts where they have room; darker is more, on a square-root scale that makes single
/// mistakes visible.
pub fn heatmap(confusion: &ConfusionMatrix) -> Figure {
    Figure { chart: Chart::Heatmap(Heatmap::new(confusion)) }
}

/// Experiments side by side: the test accuracy from each seed and the mean with its 95 % interval, with the baseline as a
/// line; those that were trained on all digits are marked.
///
/// # Errors
/// [`Error::Setting`] when the baseline is not among the results.
pub fn comparison(results: &Results, baseline: &str) -> Result<Figure> {
    Comparison::new(results, baseline).map(|comparison| Figure { chart: Chart::Comparison(comparison) })
}

/// A person's own picture, its ink, and of each digit what the network takes and the probability of each class.
///
/// # Errors
/// [`Error::Torch`] when the picture's inputs cannot be read.
pub fn reading(picture: &Picture, answer: &Answer) -> Result<Figure> {
    Reading::new(picture, answer).map(|reading| Figure { chart: Chart::Reading(reading) })
}

/// Attribution maps over their digits: a row per sample, a column per method with its name, its maps
/// `[samples, height, width]`, and how much the answers fall. `classes` are those that the maps are of.
///
/// # Errors
/// [`Error::Mismatch`] when samples are not pictures, or a class, map or fall is missing.
pub fn attributions(samples: &Samples, classes: &[usize], methods: &[(&str, &Tensor, &[Fall])]) -> Result<Figure> {
    Attributions::new(samples, classes, methods).map(|maps| Figure { chart: Chart::Attributions(maps) })
}

/// Samples along the first two components, `projected` as [`Components::project`] gives them: the true class by colour,
/// mistakes as crosses, and squares around the samples at the positions `doubted`.
///
/// # Errors
/// [`Error::Mismatch`] when there is not a finite place for each prediction.
pub fn components(
    components: &Components,
    projected: &Tensor,
    predictions: &Predictions,
    doubted: &[usize],
) -> Result<Figure> {
    Scatter::new(components, projected, predictions, doubted).map(|scatter| Figure { chart: Chart::Scatter(scatter) })
}

/// A reliability diagram: accuracy against confidence, and the share of samples in each bin; for example before and after a
/// temperature, each with its name.
///
/// # Errors
/// [`Error::Setting`] when there is nothing to draw.
pub fn reliability(title: &str, measured: &[(&str, &Calibration)]) -> Result<Figure> {
    Reliability::new(title, measured).map(|reliability| Figure { chart: Chart::Reliability(reliability) })
}

/// Named lines through points from left to right, such as accuracy over severity; `axes` are what the numbers to the right
/// and upwards are.
///
/// # Errors
/// [`Error::Setting`] when there is no point, or a number is not finite.
pub fn lines(title: &str, axes: [&str; 2], lines: &[(&str, Vec<(f64, f64)>)]) -> Result<Figure> {
    Lines::new(title, axes, lines).map(|lines| Figure { chart: Chart::Lines(lines) })
}

impl Figure {
    /// The chart as a PNG file's bytes, with two pixels for each of the chart's own in both directions.
    ///
    /// # Errors
    /// [`Error::Figure`] with plotters' reason.
    pub fn png(&self) -> Result<Vec<u8>> {
        bitmap::png(self.size(), |area| self.draw(area))
    }

    /// The chart as an SVG document.
    ///
    /// # Errors
    /// [`Error::Figure`] with plotters' reason.
    pub fn svg(&self) -> Result<String> {
        let mut document = String::new();
        self.draw(&SVGBackend::with_string(&mut document, self.size()).into_drawing_area())?;
        Ok(document)
    }

    /// What the chart shows, in a few sentences with its numbers: its alternative text in a notebook.
    pub fn description(&self) -> String {
        match &self.chart {
            Chart::Grid(grid) => grid.description(),
            Chart::Curves(curves) => curves.description(),
            Chart::Heatmap(heatmap) => heatmap.description(),
            Chart::Comparison(comparison) => comparison.description(),
            Chart::Reading(reading) => reading.description(),
            Chart::Attributions(maps) => maps.description(),
            Chart::Scatter(scatter) => scatter.description(),
            Chart::Reliability(reliability) => reliability.description(),
            Chart::Lines(lines) => lines.description(),
        }
    }

    /// Writes the chart as PNG or SVG, by the file's ending.
    ///
    /// # Errors
    /// [`Error::Setting`] for another ending; [`Error::Io`] when the file cannot be written; then nothing is left of it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            "png" => files::write(path, self.png()?),
            "svg" => files::write(path, self.svg()?),
            _ => {
                let found = path.display().to_string();
                Err(Error::Setting {
                    setting: "a figure's file",
                    found,
                    expected: "a name that ends in .png or .svg".into(),
                })
            }
        }
    }

    /// Shows the chart in a notebook: evcxr calls this for the last value of a cell. The page of a notebook takes the
    /// picture with its size and description, other programs the PNG file or the description alone.
    pub fn evcxr_display(&self) {
        match self.png() {
            Ok(png) => {
                let (png, description, (width, _)) = (STANDARD.encode(png), self.description(), self.size());
                let alternative = escaped(&description);
                let html = format!("<img width=\"{width}\" alt=\"{alternative}\" src=\"data:image/png;base64,{png}\">");
                show(&[("text/html", &html), ("image/png", &png), ("text/plain", &description)]);
            }
            Err(error) => eprintln!("{error}"),
        }
    }

    /// Width and height in the chart's own pixels.
    fn size(&self) -> (u32, u32) {
        match &self.chart {
            Chart::Grid(grid) => grid.size(),
            Chart::Curves(_) => curves::SIZE,
            Chart::Heatmap(heatmap) => heatmap.size(),
            Chart::Comparison(comparison) => comparison.size(),
            Chart::Reading(reading) => reading.size(),
            Chart::Attributions(maps) => maps.size(),
            Chart::Scatter(_) => components::SIZE,
            Chart::Reliability(_) => reliability::SIZE,
            Chart::Lines(_) => lines::SIZE,
        }
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()> {
        style::register_font();
        let drawn = area.fill(&WHITE).and_then(|()| match &self.chart {
            Chart::Grid(grid) => grid.draw(area),
            Chart::Curves(curves) => curves.draw(area),
            Chart::Heatmap(heatmap) => heatmap.draw(area),
            Chart::Comparison(comparison) => comparison.draw(area),
            Chart::Reading(reading) => reading.draw(area),
            Chart::Attributions(maps) => maps.draw(area),
            Chart::Scatter(scatter) => scatter.draw(area),
            Chart::Reliability(reliability) => reliability.draw(area),
            Chart::Lines(lines) => lines.draw(area),
        });
        drawn.and_then(|()| area.present()).map_err(|error| Error::Figure(error.to_string()))
    }
}

#[cfg(test)]
mod tests;
