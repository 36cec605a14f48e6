//! Samples along two components: the class by color and by a name in its middle, mistakes and doubted labels by shape.

use mnist_classification::{
    Error, Result,
    figures::{Chart, Figure, Look},
    metrics::significance::mean,
    support::chart::{Area, Axis, DrawResult, LABEL, TEXT, around, centred, cut, font, plot},
    training::Predictions,
};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use tch::{Kind, Tensor};

use super::Pca;

/// In pixels, the room for the legend.
const LEGEND: i32 = 210;

/// Shows samples along the first two components, `projected` as [`Pca::project`] gives them: the true class by color,
/// mistakes as crosses, and squares around the samples at the positions `doubted`.
///
/// # Errors
/// [`Error::Mismatch`] when there is not a finite place for each prediction.
pub fn components(
    components: &Pca,
    projected: &Tensor,
    predictions: &Predictions,
    doubted: &[usize],
) -> Result<Figure> {
    predictions.check()?;
    let count = predictions.truth.len();
    let has_places = matches!(projected.size()[..], [rows, axes] if rows == count as i64 && axes >= 2);
    let (true, [first, second, ..]) = (has_places, &components.explained[..]) else {
        let expected = format!("[{count}, 2], a row per sample");
        return Err(Error::mismatch("components", format!("{:?}", projected.size()), expected));
    };
    let places = projected.f_narrow(1, 0, 2)?.to_kind(Kind::Double);
    if !places.f_isfinite()?.f_all()?.f_is_nonzero()? {
        return Err(Error::mismatch("components", "a place that is NaN or infinite", "finite numbers"));
    }
    let places = Vec::<Vec<f64>>::try_from(places)?.into_iter().enumerate();
    let points = places.map(|(sample, place)| Point {
        place: (place[0], place[1]),
        class: predictions.truth[sample],
        is_mistake: predictions.predicted[sample] != predictions.truth[sample],
        is_doubted: doubted.contains(&sample),
    });
    let axis = |order, share: f64| format!("{order} component, {:.0} % of the variance", 100.0 * share);
    Ok(Figure::new(Scatter {
        title: format!("The last hidden layer in two dimensions: {}", predictions.name),
        axes: [axis("first", *first), axis("second", *second)],
        names: predictions.classes.names().to_vec(),
        points: points.collect(),
    }))
}

struct Scatter {
    title: String,
    axes: [String; 2],
    names: Vec<String>,
    points: Vec<Point>,
}

struct Point {
    place: (f64, f64),
    class: usize,
    is_mistake: bool,
    is_doubted: bool,
}

impl Scatter {
    /// Counts mistakes and doubted labels.
    fn counts(&self) -> [usize; 2] {
        let count = |is_so: fn(&&Point) -> bool| self.points.iter().filter(is_so).count();
        [count(|point| point.is_mistake), count(|point| point.is_doubted)]
    }

    fn draw_legend(&self, area: &Area, look: &Look) -> DrawResult {
        let style = font(LABEL - 1, &TEXT).pos(Pos::new(HPos::Left, VPos::Center));
        // A class for which there is no room is named in the chart.
        for ((class, name), y) in self.names.iter().enumerate().take(22).zip((20..).step_by(27)) {
            area.draw(&Circle::new((18, y), 6, look.series(class).filled()))?;
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

impl Chart for Scatter {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        (1080, 800)
    }

    fn description(&self) -> String {
        let ([x, y], count) = (&self.axes, self.points.len());
        let [mistakes, doubted] = self.counts();
        format!("{count} samples by class. Across: {x}; upwards: {y}. {mistakes} mistakes, {doubted} doubted labels.")
    }

    fn draw(&self, area: &Area, look: &Look) -> DrawResult {
        let (_, below_title) = area.split_vertically(52);
        let (left, legend) = below_title.split_horizontally(area.dim_in_pixel().0 as i32 - LEGEND);
        let names = [look.x_label(&self.axes[0]), look.y_label(&self.axes[1])];
        let axis = |name: usize, place: fn(&Point) -> f64| {
            Axis::new(names[name], around(self.points.iter().map(place), 0.04, 1e-3), 8)
        };
        let mut chart = plot(&left, [axis(0, |point| point.place.0), axis(1, |point| point.place.1)])?;
        let dot = |point: &Point| Circle::new(point.place, 3, look.series(point.class).mix(0.55).filled());
        chart.draw_series(self.points.iter().filter(|point| !point.is_mistake).map(dot))?;
        let cross = |point: &Point| Cross::new(point.place, 7, look.series(point.class).stroke_width(3));
        chart.draw_series(self.points.iter().filter(|point| point.is_mistake).map(cross))?;
        let square =
            |point: &Point| EmptyElement::at(point.place) + Rectangle::new([(-9, -9), (9, 9)], TEXT.stroke_width(2));
        chart.draw_series(self.points.iter().filter(|point| point.is_doubted).map(square))?;
        let middle = |class: usize| {
            let of_class = self.points.iter().filter(|point| point.class == class);
            let (across, up): (Vec<_>, Vec<_>) = of_class.map(|point| point.place).unzip();
            Some((mean(&across)?, mean(&up)?))
        };
        let named = self.names.iter().enumerate().filter_map(|(class, name)| Some((middle(class)?, name)));
        // A white ground keeps a name readable among dots.
        chart.draw_series(named.map(|(place, name)| {
            let ground = Circle::new((0, 0), 14, WHITE.mix(0.8).filled());
            EmptyElement::at(place) + ground + Text::new(cut(name, LABEL + 3, 160), (0, 0), centred(LABEL + 3, &TEXT))
        }))?;
        self.draw_legend(&legend, look)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::four_predictions as answers;

    #[test]
    fn a_scatter_marks_mistakes_and_doubted_labels_by_shape() {
        let places = Tensor::from_slice(&[0.0, 1.0, 2.0, 4.0, 3.0, 0.5, 7.0, 2.0]).reshape([4, 2]);
        let found = Pca::fit(&places, 2).unwrap();
        let figure = components(&found, &found.project(&places).unwrap(), &answers(), &[1]).unwrap();
        let shown = figure.svg().unwrap();
        for text in ["mistake (2)", "doubted label (1)", "first component, "] {
            assert!(shown.contains(text), "{text}: {shown:?}");
        }
        assert!(components(&found, &places.narrow(0, 0, 3), &answers(), &[]).is_err());
        assert!(components(&found, &places.narrow(1, 0, 1), &answers(), &[]).is_err());
        assert!(components(&found, &(places * f64::NAN), &answers(), &[]).is_err());
    }
}
