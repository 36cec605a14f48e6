//! Charts: each shows itself in a notebook and saves as PNG or SVG.
//!
//! [`custom`] shows what a cell draws with plotters. A chart of your own for more than one place implements [`Chart`],
//! and [`Figure::new`] makes it a figure.

pub(crate) mod axes;
mod backend;
mod bitmap;
mod curves;
mod custom;
mod grid;
mod heatmap;
mod reliability;
pub(crate) mod style;
mod text;

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use plotters::prelude::*;

pub use curves::{live_curves, training_curves};
pub use custom::custom;
pub use grid::{digits, misclassified, predictions};
pub use heatmap::{heatmap, normalised_heatmap};
pub use reliability::reliability;
pub use style::{Area, DrawResult};

use crate::{
    Error, Result, files,
    notebook::{Content, escaped, show},
};
use backend::Backend;

/// What a figure draws. All sizes are in the chart's own pixels; a PNG file has two for each in both directions.
pub trait Chart {
    /// Returns what stands above the chart, unless [`Figure::title`] says otherwise.
    fn title(&self) -> String;

    /// Says what the chart shows, in a few sentences with its numbers, without the title.
    fn description(&self) -> String;

    /// Returns its usual width and height, the title's line among them.
    fn size(&self) -> (u32, u32);

    /// Whether its parts have sizes of their own, as the pictures of a grid do, so that [`Figure::size`] cannot lay it
    /// out anew.
    fn is_fixed(&self) -> bool {
        false
    }

    /// Draws the chart below its title, which is drawn already: the area's upper left corner is the picture's.
    ///
    /// # Errors
    /// As plotters reports them.
    fn draw(&self, area: &Area, look: &Look) -> DrawResult;
}

/// What a reader has set of a figure's look; the rest is the chart's own.
#[derive(Clone, Debug, Default)]
pub struct Look {
    title: Option<String>,
    /// The names of the axes to the right and upwards.
    labels: [Option<String>; 2],
    size: Option<(u32, u32)>,
    colors: Vec<RGBColor>,
}

impl Look {
    /// Returns the name of the axis to the right, `usual` unless the reader has set one.
    pub fn x_label<'a>(&'a self, usual: &'a str) -> &'a str {
        self.labels[0].as_deref().unwrap_or(usual)
    }

    /// Returns the name of the axis upwards.
    pub fn y_label<'a>(&'a self, usual: &'a str) -> &'a str {
        self.labels[1].as_deref().unwrap_or(usual)
    }

    /// Returns the color of a series or class.
    pub fn series(&self, index: usize) -> RGBColor {
        self.color(index, style::SERIES[index % style::SERIES.len()])
    }

    /// Returns the reader's color with this number, else the usual one.
    pub fn color(&self, index: usize, usual: RGBColor) -> RGBColor {
        self.colors.get(index).copied().unwrap_or(usual)
    }
}

/// A chart that is ready to be drawn.
///
/// ```
/// use mnist_classification::prelude::*;
/// let confusion = ConfusionMatrix::new("example", &Classes::numbered(10), &[0, 1], &[0, 1])?;
/// let svg = figures::heatmap(&confusion).title("Two digits").svg()?;
/// assert!(svg.contains("Two digits"));
/// # Ok::<(), Error>(())
/// ```
pub struct Figure {
    chart: Box<dyn Chart>,
    look: Look,
}

impl Figure {
    /// Makes a figure of a chart.
    pub fn new(chart: impl Chart + 'static) -> Self {
        Self { chart: Box::new(chart), look: Look::default() }
    }

    /// Sets the title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.look.title = Some(title.into());
        self
    }

    /// Names the axis to the right, where there is one.
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.look.labels[0] = Some(label.into());
        self
    }

    /// Names the axis upwards, where there is one.
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.look.labels[1] = Some(label.into());
        self
    }

    /// Sets width and height in pixels, at least 300 × 200. A chart [of fixed parts](Chart::is_fixed) keeps its layout
    /// and its file: a notebook shows it enlarged or shrunk to this width.
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.look.size = Some((width.max(300), height.max(200)));
        self
    }

    /// Sets the colors: those of the series in their order, those of right and wrong answers, or that of the largest
    /// count.
    pub fn colors(mut self, colors: &[RGBColor]) -> Self {
        self.look.colors = colors.into();
        self
    }

    /// Returns the chart as a PNG file's bytes, with two pixels for each of the chart's own in both directions.
    ///
    /// # Errors
    /// [`Error::Figure`] with plotters' reason.
    pub fn png(&self) -> Result<Vec<u8>> {
        bitmap::png(self.pixels()?, |area| self.draw(area))
    }

    /// Returns the chart as an SVG document.
    ///
    /// # Errors
    /// [`Error::Figure`] with plotters' reason.
    pub fn svg(&self) -> Result<String> {
        let mut document = String::new();
        let svg = SVGBackend::with_string(&mut document, self.pixels()?);
        self.draw(&Backend::Svg(svg).into_drawing_area())?;
        Ok(document)
    }

    /// Says what the chart shows, in a few sentences with its numbers: its alternative text in a notebook.
    pub fn description(&self) -> String {
        format!("{}. {}", self.shown_title(), self.chart.description())
    }

    /// Writes the chart as PNG or SVG, by the file's ending.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for another ending; [`Error::Io`] when the file cannot be written; then nothing is
    /// left of it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            "png" => files::write(path, self.png()?),
            "svg" => files::write(path, self.svg()?),
            _ => Err(Error::invalid_setting("a figure's file", path.display(), "a name that ends in .png or .svg")),
        }
    }

    /// Shows the chart in a notebook: evcxr calls this for the last value of a cell. The page of a notebook takes the
    /// picture with its size and description, other programs the PNG file or the description alone.
    pub fn evcxr_display(&self) {
        match self.forms() {
            Ok(forms) => show(&forms),
            Err(error) => eprintln!("{error}"),
        }
    }

    fn shown_title(&self) -> String {
        self.look.title.clone().unwrap_or_else(|| self.chart.title())
    }

    /// Returns width and height, within what a picture file can hold.
    fn pixels(&self) -> Result<(u32, u32)> {
        let set = self.look.size.filter(|_| !self.chart.is_fixed());
        let (width, height) = set.unwrap_or_else(|| self.chart.size());
        if width.max(height) > LARGEST {
            let found = format!("{width} × {height} pixels");
            return Err(Error::invalid_setting("the size of a figure", found, format!("at most {LARGEST} a side")));
        }
        Ok((width, height))
    }

    /// Draws title and chart on white.
    fn draw(&self, area: &Area) -> Result<()> {
        style::register_font();
        let drawn = area.fill(&WHITE).and_then(|()| {
            let width = area.dim_in_pixel().0 as i32;
            let (title, size) = style::fitted(&self.shown_title(), style::TITLE, width - 20);
            area.draw_text(&title, &style::below(size, &style::TEXT), (width / 2, 14))?;
            self.chart.draw(area, &self.look)
        });
        drawn.map_err(|error| Error::Figure(error.to_string()))
    }
}

impl Content for Figure {
    fn words(&self) -> String {
        self.description()
    }

    fn forms(&self) -> Result<Vec<(&'static str, String)>> {
        let (png, description) = (STANDARD.encode(self.png()?), self.description());
        let (width, _) = self.look.size.unwrap_or_else(|| self.chart.size());
        let alternative = escaped(&description);
        let html = format!("<img width=\"{width}\" alt=\"{alternative}\" src=\"data:image/png;base64,{png}\">");
        Ok(vec![("text/html", html), ("image/png", png), ("text/plain", description)])
    }
}

/// The longest side of a figure in pixels: browsers show no pictures above 65,535, and a PNG file has two for each.
const LARGEST: u32 = 32_000;

impl std::fmt::Debug for Figure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(formatter, "Figure({:?})", self.description())
    }
}

#[cfg(test)]
pub(crate) mod tests;
