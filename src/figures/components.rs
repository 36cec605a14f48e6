//! Samples along two components: the class by colour and by a name in its middle, mistakes and doubted labels by shape.

use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use tch::{Kind, Tensor};

use super::{
    axes::{Axis, around, plot},
    style::{DrawResult, LABEL, TEXT, TITLE, below, centred, cut, fitted, font, series},
};
use crate::{Error, Result, analysis::components::Components, training::Predictions};

pub(super) const SIZE: (u32, u32) = (1080, 800);
/// In pixels, the room for the legend.
const LEGEND: i32 = 210;

#[derive(Debug)]
pub(super) struct Scatter {
    title: String,
    axes: [String; 2],
    names: Vec<String>,
    points: Vec<Point>,
}

#[derive(Debug)]
struct Point {
    place: (f64, f64),
    class: usize,
    is_mistake: bool,
    is_doubted: bool,
}

impl Scatter {
    pub(super) fn new(
        components: &Components,
        projected: &Tensor,
        predictions: &Predictions,
        doubted: &[usize],
    ) -> Result<Self> {
        predictions.check()?;
        let count = predictions.truth.len();
        let is_flat = projected.dim() == 2 && projected.size()[0] == count as i64 && projected.size()[1] >= 2;
        if !is_flat || components.explained.len() < 2 {
            let expected = format!("[{count}, 2], a row per sample");
            return Err(Error::Mismatch { what: "components", found: format!("{:?}", projected.size()), expected });
        }
        let [across, up] = [0, 1].map(|axis| Vec::<f64>::try_from(projected.select(1, axis).to_kind(Kind::Double)));
        let places = across?.into_iter().zip(up?);
        let answers = predictions.truth.iter().zip(&predictions.predicted).enumerate();
        let points = answers.zip(places).map(|((index, (&class, &predicted)), place)| Point {
            place,
            class,
            is_mistake: predicted != class,
            is_doubted: doubted.contains(&index),
        });
        let points: Vec<_> = points.collect();
        if points.iter().any(|point| !(point.place.0.is_finite() && point.place.1.is_finite())) {
            let (found, expected) = ("a place that is NaN or infinite".into(), "finite numbers".into());
            return Err(Error::Mismatch { what: "components", found, expected });
        }
        let axis = |order, share: f64| format!("{order} component, {:.0} % of the variance", 100.0 * share);
        Ok(Self {
            title: format!("The last hidden layer in two dimensions: {}", predictions.name),
            axes: [axis("first", components.explained[0]), axis("second", components.explained[1])],
            names: predictions.classes.names().to_vec(),
            points,
        })
    }

    pub(super) fn description(&self) -> String {
        let (title, [x, y], count) = (&self.title, &self.axes, self.points.len());
        let [mistakes, doubted] = self.counts();
        format!(
            "{title}. {count} samples by class. Across: {x}; upwards: {y}. {mistakes} mistakes, {doubted} doubted labels."
        )
    }

    /// How many mistakes and doubted labels there are.
    fn counts(&self) -> [usize; 2] {
        let count = |is_so: fn(&&Point) -> bool| self.points.iter().filter(is_so).count();
        [count(|point| point.is_mistake), count(|point| point.is_doubted)]
    }

    pub(super) fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let (title, size) = fitted(&self.title, TITLE, SIZE.0 as i32 - 20);
        area.draw_text(&title, &below(size, &TEXT), (SIZE.0 as i32 / 2, 14))?;
        let (_, below_title) = area.split_vertically(52);
        let (left, legend) = below_title.split_horizontally(SIZE.0 as i32 - LEGEND);
        let axis = |name: usize, place: fn(&Point) -> f64| {
            Axis::new(&self.axes[name], around(self.points.iter().map(place), 0.04, 1e-3), 8)
        };
        let mut chart = plot(&left, [axis(0, |point| point.place.0), axis(1, |point| point.place.1)])?;
        let dot = |point: &Point| Circle::new(point.place, 3, series(point.class).mix(0.55).filled());
        chart.draw_series(self.points.iter().filter(|point| !point.is_mistake).map(dot))?;
        let cross = |point: &Point| Cross::new(point.place, 7, series(point.class).stroke_width(3));
        chart.draw_series(self.points.iter().filter(|point| point.is_mistake).map(cross))?;
        let square =
            |point: &Point| EmptyElement::at(point.place) + Rectangle::new([(-9, -9), (9, 9)], TEXT.stroke_width(2));
        chart.draw_series(self.points.iter().filter(|point| point.is_doubted).map(square))?;
        let middle = |class: usize| {
            let of_class: Vec<_> = self.points.iter().filter(|point| point.class == class).collect();
            let mean =
                |axis: fn(&Point) -> f64| of_class.iter().map(|point| axis(point)).sum::<f64>() / of_class.len() as f64;
            (!of_class.is_empty()).then(|| (mean(|point| point.place.0), mean(|point| point.place.1)))
        };
        let named = self.names.iter().enumerate().filter_map(|(class, name)| Some((middle(class)?, name)));
        // A white ground keeps a name readable among dots.
        chart.draw_series(named.map(|(place, name)| {
            let ground = Circle::new((0, 0), 14, WHITE.mix(0.8).filled());
            EmptyElement::at(place) + ground + Text::new(cut(name, LABEL + 3, 160), (0, 0), centred(LABEL + 3, &TEXT))
        }))?;
        self.draw_legend(&legend)
    }

    fn draw_legend<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> DrawResult<B> {
        let style = font(LABEL - 1, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        let rows = (20..).step_by(27);
        // A class for which there is no room is named in the chart.
        for ((class, name), y) in self.names.iter().enumerate().take(22).zip(rows) {
            area.draw(&Circle::new((18, y), 6, series(class).filled()))?;
            area.draw_text(&cut(name, LABEL - 1, LEGEND - 50), &style, (36, y))?;
        }
        let y = 20 + 27 * self.names.len().min(22) as i32 + 14;
        area.draw(&Cross::new((18, y), 7, TEXT.stroke_width(3)))?;
        let [mistakes, doubted] = self.counts();
        area.draw_text(&format!("mistake ({mistakes})"), &style, (36, y))?;
        area.draw(&Rectangle::new([(9, y + 21), (27, y + 39)], TEXT.stroke_width(2)))?;
        area.draw_text(&format!("doubted label ({doubted})"), &style, (36, y + 30))
    }
}
