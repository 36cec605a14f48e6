//! Attribution maps over their digits: a row per digit, a column per method.

use image::{Rgb, RgbImage};
use mnist_classification::{
    Error, Result,
    data::Samples,
    figures::{Chart, Figure, Look},
    support::chart::{Area, BLUE, DrawResult, LABEL, ORANGE, TEXT, below, fitted, paste},
};
use tch::{Kind, Tensor};

use super::{ProbabilityDrop, as_pictures, asked_about, picture};

/// In pixels: the longer side of a picture, the room for it, a row, and what lies above all rows.
const SIDE: u32 = 168;
const CELL: i32 = 212;
const ROW: i32 = 222;
const TOP: i32 = 104;
const SMALL: u32 = 15;

/// A method's name, its map of each sample, and how much the answers' probabilities drop.
type Method<'a> = (&'a str, &'a Tensor, &'a [ProbabilityDrop]);

/// Shows attribution maps over their digits: a row per sample, a column per method with its name, its maps
/// `[samples, height, width]`, and how much the answers' probabilities drop. `classes` are those that the maps are of.
///
/// # Errors
/// [`Error::Mismatch`] when samples are not pictures, or a class, map or drop is missing.
pub fn attributions(samples: &Samples, classes: &[usize], methods: &[Method]) -> Result<Figure> {
    let size = picture(samples)?.map(|side| side as u32);
    let inks = Vec::<Vec<f32>>::try_from(samples.inputs.to_kind(Kind::Float))?;
    let [asked, truth] = [&asked_about(samples, classes)?, samples].map(|all| Vec::<i64>::try_from(&all.labels));
    let name = |label: i64| samples.classes.name(label as usize);
    let caption = |(asked, truth)| format!("asked for {} (true {})", name(asked), name(truth));
    let captions = asked?.into_iter().zip(truth?).map(caption);
    let digits = inks.iter().map(|ink| painted(ink, &vec![0.0; ink.len()], size));
    let mut rows: Vec<_> = digits.zip(captions).map(|digit| vec![digit]).collect();
    for &(_, maps, drops) in methods {
        if drops.len() != samples.len() {
            return Err(Error::mismatch("number of drops", drops.len(), format!("{}, one per sample", samples.len())));
        }
        let maps = as_pictures(&maps.to_kind(Kind::Float), samples)?;
        let maps = Vec::<Vec<f32>>::try_from(maps.f_flatten(1, -1)?)?;
        for (((row, ink), map), drop) in rows.iter_mut().zip(&inks).zip(&maps).zip(drops) {
            let caption = format!("marked {}, random {}", signed(-drop.marked), signed(-drop.random));
            row.push((painted(ink, map, size), caption));
        }
    }
    let columns = ["the digit"].into_iter().chain(methods.iter().map(|(name, ..)| *name)).map(String::from).collect();
    Ok(Figure::new(Attributions { title: format!("What speaks for a class: {}", samples.name), columns, rows }))
}

/// Pictures in rows, each with a line below it.
struct Attributions {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<(RgbImage, String)>>,
}

impl Chart for Attributions {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn size(&self) -> (u32, u32) {
        // The notes need the room of four columns.
        let width = CELL * (self.columns.len() as i32).max(4);
        (width as u32, (TOP + 26 + ROW * self.rows.len() as i32) as u32)
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn description(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let methods = self.columns.iter().zip(row).skip(1);
            let captions = methods.map(|(column, (_, caption))| format!("; {column}: {caption}"));
            row[0].1.clone() + &captions.collect::<String>()
        });
        let rows: Vec<_> = rows.collect();
        format!("Change of the probability without the marked tenth, or as much random ink. {}.", rows.join(". "))
    }

    fn draw(&self, area: &Area, _: &Look) -> DrawResult {
        let write = |text: &str, size: u32, room: i32, place: (i32, i32)| {
            let (text, size) = fitted(text, size, room);
            area.draw_text(&text, &below(size, &TEXT), place)
        };
        let notes = [
            "orange: for the class; blue with a light point: against it; dark: ink; each map by its own largest value",
            "below: the change of the class's probability without the marked tenth, or as much random ink",
        ];
        let width = area.dim_in_pixel().0 as i32;
        for (note, y) in notes.into_iter().zip([48, 70]) {
            write(note, SMALL, width - 20, (width / 2, y))?;
        }
        let middles = || (CELL / 2..).step_by(CELL as usize);
        for (column, x) in self.columns.iter().zip(middles()) {
            write(column, LABEL, CELL - 8, (x, TOP))?;
        }
        for (row, top) in self.rows.iter().zip((TOP + 28..).step_by(ROW as usize)) {
            for ((picture, caption), x) in row.iter().zip(middles()) {
                paste(area, picture, (x - picture.width() as i32 / 2, top))?;
                write(caption, SMALL, CELL - 6, (x, top + picture.height() as i32 + 6))?;
            }
        }
        Ok(())
    }
}

/// Writes a number with two decimals and its sign, a true minus; what rounds to 0 has none.
fn signed(number: f64) -> String {
    match format!("{number:+.2}").as_str() {
        "+0.00" | "-0.00" => "0.00".into(),
        text => text.replace('-', "−"),
    }
}

/// Below this share of the largest value, a value against the class has no point.
const POINTED: f32 = -0.1;

/// Paints values over ink, which darkens its pixel: orange for values above 0, blue with a light point in the middle
/// below, white at 0.
fn painted(ink: &[f32], values: &[f32], [height, width]: [u32; 2]) -> RgbImage {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let share = |index: usize| if largest > 0.0 { values[index] / largest } else { 0.0 };
    let color = |index: usize| {
        let share = share(index);
        let end = if share > 0.0 { ORANGE } else { BLUE };
        let light = 1.0 - if largest > 0.0 { 0.5 } else { 0.9 } * ink[index].clamp(0.0, 1.0);
        let part = |end: u8| ((255.0 + (f32::from(end) - 255.0) * share.abs()) * light) as u8;
        Rgb([part(end.0), part(end.1), part(end.2)])
    };
    let pixel = (SIDE / width.max(height)).max(1);
    let large = RgbImage::from_fn(width * pixel, height * pixel, |x, y| {
        let index = (y / pixel * width + x / pixel) as usize;
        let is_middle = [x, y].iter().all(|place| (2 * (place % pixel) + 1).abs_diff(pixel) <= pixel / 4);
        if is_middle && share(index) < POINTED { Rgb([255; 3]) } else { color(index) }
    });
    let scaled = |side: u32| (SIDE * side / width.max(height)).max(1);
    image::imageops::resize(&large, scaled(width), scaled(height), image::imageops::FilterType::Nearest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::four_digits as four;

    #[test]
    fn maps_have_a_row_per_sample_and_say_how_much_the_answer_falls() {
        let samples = four().preprocess();
        let maps = Tensor::ones([4, 2, 3], (Kind::Float, tch::Device::Cpu));
        let falls = [ProbabilityDrop { marked: 0.93, random: 0.021 }, ProbabilityDrop { marked: -0.5, random: 0.001 }]
            .repeat(2);
        let figure = attributions(&samples, &[1, 7, 3, 9], &[("occlusion", &maps, &falls)]).unwrap();
        let shown = figure.svg().unwrap();
        for text in [
            "the digit",
            "occlusion",
            "asked for 7 (true 2)",
            "marked −0.93, random −0.02",
            "marked +0.50, random 0.00",
        ] {
            assert!(shown.contains(text), "{text}: {shown:?}");
        }
        assert_eq!(figure.svg().unwrap().matches("<image").count(), 8);
        assert!(attributions(&samples, &[1], &[]).is_err());
        for (maps, falls) in [(maps.narrow(0, 0, 3), &falls[..]), (maps.shallow_clone(), &falls[1..])] {
            assert!(attributions(&samples, &[1, 7, 3, 9], &[("occlusion", &maps, falls)]).is_err());
        }
        let flat = Samples { shape: vec![6], ..samples };
        assert!(attributions(&flat, &[1, 7, 3, 9], &[]).is_err());
    }
}
