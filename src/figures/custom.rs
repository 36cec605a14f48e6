//! A chart that a cell draws itself, with plotters.

use super::{Area, Chart, DrawResult, Figure, Look};

/// In pixels: the room for the title.
const TITLE: u32 = 48;

/// Shows what `draw` draws with plotters, below the title. `words` say what the chart shows, for readers who do not see
/// it; `size` is width and height in pixels.
///
/// ```
/// use mnist_classification::{plotters::prelude::*, prelude::*};
/// let figure = figures::custom("Squares", "They rise from 0 to 81.", (400, 300), |area| {
///     let mut chart = ChartBuilder::on(area).margin(20).build_cartesian_2d(0..9, 0..81)?;
///     chart.draw_series(LineSeries::new((0..10).map(|number| (number, number * number)), BLUE))?;
///     Ok(())
/// });
/// assert_eq!(figure.description(), "Squares. They rise from 0 to 81.");
/// assert!(figure.svg()?.contains("<polyline"));
/// # Ok::<(), Error>(())
/// ```
pub fn custom(
    title: impl Into<String>,
    words: impl Into<String>,
    size: (u32, u32),
    draw: impl Fn(&Area) -> DrawResult + 'static,
) -> Figure {
    Figure::new(Custom { title: title.into(), words: words.into(), size, draw: Box::new(draw) })
}

struct Custom {
    title: String,
    words: String,
    size: (u32, u32),
    draw: Box<dyn Fn(&Area) -> DrawResult>,
}

impl Chart for Custom {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn description(&self) -> String {
        self.words.clone()
    }

    fn size(&self) -> (u32, u32) {
        self.size
    }

    fn draw(&self, area: &Area, _: &Look) -> DrawResult {
        (self.draw)(&area.split_vertically(TITLE).1)
    }
}
