//! Lines over a number, such as accuracy over severity: each with a color and a marker of its own.

use mnist_classification::{
    Error, Result,
    figures::{Chart, Figure, Look},
    support::chart::{Area, Axis, DrawResult, around, legend, marker, plot},
};
use plotters::prelude::*;

/// In pixels, the room for the legend.
const LEGEND: i32 = 240;

/// Draws named lines through points from left to right, such as accuracy over severity; `axes` are what the numbers to
/// the right and upwards are. `upwards` are the ends of the axis upwards, so that several charts can be compared;
/// without them it goes from the lowest to the highest number.
///
/// # Errors
/// [`Error::InvalidSetting`] when there is no point, or a number is not finite.
pub fn lines(
    title: &str,
    axes: [&str; 2],
    upwards: Option<[f64; 2]>,
    lines: &[(&str, Vec<(f64, f64)>)],
) -> Result<Figure> {
    let points: Vec<_> = lines.iter().flat_map(|(_, points)| points).collect();
    if points.is_empty() || points.iter().any(|(x, y)| !(x.is_finite() && y.is_finite())) {
        let found = if points.is_empty() { "empty" } else { "a number that is NaN or infinite" };
        return Err(Error::invalid_setting("lines", found, "at least one point, of finite numbers"));
    }
    let series = lines.iter().map(|(name, points)| (name.to_string(), points.clone())).collect();
    Ok(Figure::new(Lines { title: title.into(), axes: axes.map(String::from), upwards, series }))
}

/// A name, and points from left to right.
type Series = (String, Vec<(f64, f64)>);

struct Lines {
    title: String,
    axes: [String; 2],
    upwards: Option<[f64; 2]>,
    series: Vec<Series>,
}

impl Chart for Lines {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        (1080, 520)
    }

    fn description(&self) -> String {
        let [x, y] = &self.axes;
        let at = |(x, y): &(f64, f64)| format!("{y:.4} at {x:.4}");
        let line = |(name, points): &Series| Some(format!("{name}: {}, {}", at(points.first()?), at(points.last()?)));
        let lines: Vec<_> = self.series.iter().filter_map(line).collect();
        format!("{y} over {x}. {}.", lines.join("; "))
    }

    fn draw(&self, area: &Area, look: &Look) -> DrawResult {
        let (_, below_title) = area.split_vertically(52);
        let (left, right) = below_title.split_horizontally(area.dim_in_pixel().0 as i32 - LEGEND);
        let points = || self.series.iter().flat_map(|(_, points)| points);
        let x = Axis::new(look.x_label(&self.axes[0]), around(points().map(|point| point.0), 0.05, 1e-3), 10);
        let range = match self.upwards {
            Some([low, high]) => around([low, high].into_iter(), 0.05, 1e-3),
            None => around(points().map(|point| point.1), 0.05, 1e-3),
        };
        let y = Axis::new(look.y_label(&self.axes[1]), range, 8);
        let mut chart = plot(&left, [x, y])?;
        for (index, (_, points)) in self.series.iter().enumerate() {
            let color = look.series(index);
            chart.draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(3)))?;
            chart.draw_series(points.iter().map(|&point| EmptyElement::at(point) + marker(index, 0, color)))?;
        }
        let names: Vec<_> = self.series.iter().map(|(name, _)| name.as_str()).collect();
        legend(&right, (14, 24), &names, LEGEND - 36, look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_named_and_need_a_finite_point() {
        let two = [("one", vec![(0.0, 0.9), (1.0, 0.8)]), ("two", vec![(0.0, 0.7)])];
        let figure = lines("example", ["severity", "accuracy"], None, &two).unwrap();
        for text in ["example", "severity", "accuracy", "one", "two"] {
            assert!(figure.svg().unwrap().contains(text), "{text}");
        }
        let falling = lines("example", ["severity", "accuracy"], None, &two[..1]).unwrap();
        let described = "example. accuracy over severity. one: 0.9000 at 0.0000, 0.8000 at 1.0000.";
        assert_eq!(falling.description(), described);
        assert!(lines("", ["", ""], None, &[("none", vec![])]).is_err());
        assert!(lines("", ["", ""], None, &[("nan", vec![(0.0, f64::NAN)])]).is_err());
    }
}
