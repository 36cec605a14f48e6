//! Attribution maps over their digits: a row per digit, a column per method.

use image::{Rgb, RgbImage};
use mnist_classification::{
    Error, Result,
    data::Samples,
    figures::{Chart, Figure, Look},
    support::chart::{Area, BLUE, DrawResult, LABEL, ORANGE, TEXT, below, fitted, paste},
};
use tch::{Kind, Tensor};

use super::{ProbabilityDrop, enlarged};

/// In pixels: the longer side of a picture, the room for it, a row, and what lies above all rows.
const SIDE: u32 = 168;
const CELL: i32 = 212;
const ROW: i32 = 222;
const TOP: i32 = 104;
const SMALL: u32 = 15;

/// Attribution maps over their digits: a row per sample, a column per method with its name, its maps
/// `[samples, height, width]`, and how much the answers' probabilities drop. `classes` are those that the maps are of.
///
/// # Errors
/// [`Error::Mismatch`] when samples are not pictures, or a class, map or drop is missing.
pub fn attributions(samples: &Samples, classes: &[usize], methods: &[Method]) -> Result<Figure> {
    Attributions::new(samples, classes, methods).map(Figure::new)
}

/// A method's name, its map of each sample, and how much the answers' probabilities drop.
type Method<'a> = (&'a str, &'a Tensor, &'a [ProbabilityDrop]);

/// Pictures in rows, each with a line below it.
struct Attributions {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<(RgbImage, String)>>,
}

impl Attributions {
    fn new(samples: &Samples, classes: &[usize], methods: &[Method]) -> Result<Self> {
        let mismatch = |what, found: String, expected| Err(Error::mismatch(what, found, expected));
        let (count, one_each) = (samples.len(), format!("{}, one per sample", samples.len()));
        let [height, width] = samples.shape[..] else {
            return mismatch("shape of a sample", format!("{:?}", samples.shape), "[height, width]".into());
        };
        if classes.len() != count {
            return mismatch("number of classes", classes.len().to_string(), one_each);
        }
        let ink = Vec::<f32>::try_from(samples.inputs.f_reshape([-1])?.to_kind(Kind::Float))?;
        if ink.len() != count * height * width {
            return mismatch("number of pixels", ink.len().to_string(), format!("{count} × {height} × {width}"));
        }
        let labels = Vec::<i64>::try_from(&samples.labels)?;
        let name = |class: usize| samples.classes.name(class);
        let size = [width as u32, height as u32];
        let of = |values: &[f32], sample: usize| values[sample * height * width..][..height * width].to_vec();
        let plain = |sample: usize| {
            let caption = format!("asked for {} (true {})", name(classes[sample]), name(labels[sample] as usize));
            (picture(&of(&ink, sample), &vec![0.0; height * width], size), caption)
        };
        let mut rows: Vec<_> = (0..count).map(|sample| vec![plain(sample)]).collect();
        for (_, maps, falls) in methods {
            if maps.dim() != 3 || maps.size()[0] != count as i64 || falls.len() != count {
                return mismatch(
                    "numbers of maps and falls",
                    format!("{:?} and {}", maps.size(), falls.len()),
                    one_each,
                );
            }
            let values = enlarged(&maps.to_kind(Kind::Float), [height, width])?;
            let values = Vec::<f32>::try_from(values.f_reshape([-1])?)?;
            for (sample, (row, fall)) in rows.iter_mut().zip(*falls).enumerate() {
                let caption = format!("marked {}, random {}", signed(-fall.marked), signed(-fall.random));
                row.push((picture(&of(&ink, sample), &of(&values, sample), size), caption));
            }
        }
        let columns = ["the digit"].into_iter().chain(methods.iter().map(|(name, ..)| *name)).map(String::from);
        Ok(Self { title: format!("What speaks for a class: {}", samples.name), columns: columns.collect(), rows })
    }
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
        let captions = |row: &Vec<(RgbImage, String)>| {
            let named =
                self.columns.iter().zip(row).skip(1).map(|(column, (_, caption))| format!("{column}: {caption}"));
            let digit = row.first().map_or("", |(_, caption)| caption);
            format!("{digit}; {}", named.collect::<Vec<_>>().join("; "))
        };
        let rows: Vec<_> = self.rows.iter().map(captions).collect();
        format!("Change of the probability without the marked, or a random, tenth. {}.", rows.join(". "))
    }

    fn draw(&self, area: &Area, _: &Look) -> DrawResult {
        let width = area.dim_in_pixel().0 as i32;
        let notes = [
            "orange: for the class; blue: against it; dark: the digit's ink; each map by its own largest value",
            "below: the change of the class's probability without the marked, or a random, tenth of the pixels",
        ];
        for (note, y) in notes.into_iter().zip([48, 70]) {
            let (note, size) = fitted(note, SMALL, width - 20);
            area.draw_text(&note, &below(size, &TEXT), (width / 2, y))?;
        }
        for (column, x) in self.columns.iter().zip((CELL / 2..).step_by(CELL as usize)) {
            let (column, size) = fitted(column, LABEL, CELL - 8);
            area.draw_text(&column, &below(size, &TEXT), (x, TOP))?;
        }
        for (row, top) in self.rows.iter().zip((TOP + 28..).step_by(ROW as usize)) {
            for ((picture, caption), x) in row.iter().zip((CELL / 2..).step_by(CELL as usize)) {
                paste(area, picture, (x - picture.width() as i32 / 2, top))?;
                let (caption, size) = fitted(caption, SMALL, CELL - 6);
                area.draw_text(&caption, &below(size, &TEXT), (x, top + picture.height() as i32 + 6))?;
            }
        }
        Ok(())
    }
}

/// A number with two decimals and its sign, a true minus; what rounds to 0 has none.
fn signed(number: f64) -> String {
    let text = format!("{:.2}", number.abs());
    match text.as_str() {
        "0.00" => text,
        _ if number < 0.0 => format!("−{text}"),
        _ => format!("+{text}"),
    }
}

/// Ink darkens the colour of its pixel: orange for values above 0, blue below, white at 0.
fn picture(ink: &[f32], values: &[f32], [width, height]: [u32; 2]) -> RgbImage {
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let color = |index: usize| {
        let share = if largest > 0.0 { values[index] / largest } else { 0.0 };
        let end = if share > 0.0 { ORANGE } else { BLUE };
        let light = 1.0 - if largest > 0.0 { 0.5 } else { 0.9 } * ink[index].clamp(0.0, 1.0);
        let part = |end: u8| ((255.0 + (f32::from(end) - 255.0) * share.abs()) * light) as u8;
        Rgb([part(end.0), part(end.1), part(end.2)])
    };
    let small = RgbImage::from_fn(width, height, |x, y| color((y * width + x) as usize));
    let scaled = |side: u32| (SIDE * side / width.max(height)).max(1);
    image::imageops::resize(&small, scaled(width), scaled(height), image::imageops::FilterType::Nearest)
}

#[cfg(test)]
mod tests {
    use mnist_classification::data::{Classes, Images};

    use super::*;

    /// Four digits of 2 × 3 pixels, each with one pixel of ink.
    fn four() -> Images {
        let mut pixels = vec![0_u8; 24];
        (0..4).for_each(|index| pixels[index * 6 + index] = 200);
        let images = Tensor::from_slice(&pixels).reshape([4, 2, 3]);
        let labels = Tensor::from_slice(&[1_i64, 2, 3, 4]);
        Images { name: "four <digits>".into(), images, labels, classes: Classes::numbered(10) }
    }

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
