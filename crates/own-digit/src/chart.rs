//! A person's own picture, its ink, and of each digit what the network takes and the probability of each class.

use image::{
    GrayImage, Rgb, RgbImage,
    imageops::{self, FilterType},
};
use mnist_classification::{
    Result,
    figures::{Chart, Figure, Look},
    support::chart::{Area, BLUE, DrawResult, LABEL, LINES, TEXT, below, cut, font, paste},
};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{Answer, DigitAnswer, Picture};

/// In pixels: the width of all, the space above the pictures, the room for one, and a line of text.
const WIDTH: i32 = 920;
const TOP: i32 = 64;
const PICTURE: (i32, i32) = (440, 260);
const LINE: i32 = 26;
/// Digits in a row; in pixels, the room for one, its side and left margin, the longest bar, and the room for a class's name.
const COLUMNS: i32 = 3;
const CELL: i32 = WIDTH / COLUMNS;
const DIGIT: i32 = 126;
const MARGIN: i32 = 6;
const BAR: i32 = 70;
const NAME: i32 = 44;
const SMALL: u32 = 15;

/// A person's own picture, its ink, and of each digit what the network takes and the probability of each class.
///
/// # Errors
/// [`Error::Torch`](mnist_classification::Error::Torch) when the picture's inputs cannot be read.
pub fn classified(picture: &Picture, answer: &Answer) -> Result<Figure> {
    Reading::new(picture, answer).map(Figure::new)
}

/// A picture and what it was read as.
struct Reading {
    grey_and_ink: [GrayImage; 2],
    inputs: Vec<GrayImage>,
    answer: Answer,
}

impl Reading {
    fn new(picture: &Picture, answer: &Answer) -> Result<Self> {
        let [grey, ink] = picture.grey_and_ink().map(|picture| {
            let scale = (f64::from(PICTURE.0) / f64::from(picture.width()))
                .min(f64::from(PICTURE.1) / f64::from(picture.height()));
            let scaled = |length: u32| ((f64::from(length) * scale) as u32).max(1);
            imageops::resize(&picture, scaled(picture.width()), scaled(picture.height()), FilterType::Triangle)
        });
        let large = |input: &GrayImage| imageops::resize(input, DIGIT as u32, DIGIT as u32, FilterType::Nearest);
        let inputs = picture.inputs_as_pictures()?.iter().map(large).collect();
        Ok(Self { grey_and_ink: [grey, dark_on_light(ink)], inputs, answer: answer.clone() })
    }

    /// The upper edge of the first row of digits, in pixels.
    fn first_row(&self) -> i32 {
        let height = self.grey_and_ink.iter().map(|picture| picture.height() as i32).max().unwrap_or(0);
        TOP + height + LINE + 20
    }

    /// The height of a row of digits in pixels.
    fn row(&self) -> i32 {
        let classes = self.answer.digits.first().map_or(0, |digit| digit.probabilities.len()) as i32;
        (DIGIT + LINE).max(classes * (SMALL as i32 + 5)) + 24
    }
}

impl Chart for Reading {
    fn title(&self) -> String {
        let doubt = self.answer.doubt().map(|doubt| format!(", {doubt}")).unwrap_or_default();
        format!("Read as {}{doubt}", self.answer.text())
    }

    fn size(&self) -> (u32, u32) {
        let rows = (self.inputs.len() as i32 + COLUMNS - 1) / COLUMNS;
        (WIDTH as u32, (self.first_row() + rows * self.row()) as u32)
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn description(&self) -> String {
        let digits = self.answer.digits.iter().map(|digit| {
            let (name, probability) = digit.best();
            format!("{name} with {:.1} %", 100.0 * probability)
        });
        let digits: Vec<_> = digits.collect();
        format!("{}. Beside it the picture, its ink and the network's input.", digits.join(", "))
    }

    fn draw(&self, area: &Area, _: &Look) -> DrawResult {
        for (index, (picture, name)) in self.grey_and_ink.iter().zip(["the picture", "its ink"]).enumerate() {
            let middle = WIDTH / 4 + index as i32 * WIDTH / 2;
            paste(area, &colours(picture), (middle - picture.width() as i32 / 2, TOP))?;
            area.draw_text(name, &below(LABEL, &TEXT), (middle, TOP + picture.height() as i32 + 4))?;
        }
        let in_a_row = COLUMNS.min(self.inputs.len() as i32);
        for (index, (input, digit)) in self.inputs.iter().zip(&self.answer.digits).enumerate() {
            let (row, column) = (index as i32 / COLUMNS, index as i32 % COLUMNS);
            let left = (WIDTH - in_a_row * CELL) / 2 + column * CELL + MARGIN;
            let top = self.first_row() + row * self.row();
            paste(area, &colours(&dark_on_light(input.clone())), (left, top))?;
            area.draw_text("the network's input", &below(SMALL, &TEXT), (left + DIGIT / 2, top + DIGIT + 4))?;
            bars(area, digit, (left + DIGIT, top))?;
        }
        Ok(())
    }
}

/// A bar for each class, as long as its probability.
fn bars(area: &Area, digit: &DigitAnswer, (left, top): (i32, i32)) -> DrawResult {
    let best = digit.best().0;
    for (index, (name, probability)) in digit.probabilities.iter().enumerate() {
        let middle = top + index as i32 * (SMALL as i32 + 5) + SMALL as i32 / 2;
        let color = if name == best { BLUE } else { TEXT };
        let text = |horizontal| font(SMALL, &color).pos(Pos::new(horizontal, VPos::Center));
        area.draw_text(&cut(name, SMALL, NAME - 4), &text(HPos::Right), (left + NAME - 6, middle))?;
        let bar = |length: f64, color: RGBColor| {
            let (start, end) = (left + NAME, left + NAME + (f64::from(BAR) * length).round() as i32);
            Rectangle::new([(start, middle - 5), (end, middle + 5)], color.filled())
        };
        area.draw(&bar(1.0, LINES))?;
        area.draw(&bar(*probability, BLUE))?;
        let share = format!("{:.0} %", 100.0 * probability);
        area.draw_text(&share, &text(HPos::Left), (left + NAME + BAR + 6, middle))?;
    }
    Ok(())
}

/// Ink is white in a network's inputs, and dark on the page.
fn dark_on_light(mut picture: GrayImage) -> GrayImage {
    imageops::invert(&mut picture);
    picture
}

fn colours(picture: &GrayImage) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| Rgb([picture.get_pixel(x, y).0[0]; 3]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_shows_each_digit_with_the_probability_of_each_class() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two strokes.png");
        let is_inked = |x: u32, y: u32| y > 20 && y < 80 && ((30..36).contains(&x) || (90..96).contains(&x));
        image::GrayImage::from_fn(130, 100, |x, y| image::Luma([if is_inked(x, y) { 0 } else { 255 }]))
            .save(&path)
            .unwrap();
        let picture = Picture::of_digits(&path, [28, 28]).unwrap();
        let model = mnist_classification::model::Network::mlp([784, 10], 0).unwrap();
        let answer = crate::classify(&model, &picture, &mnist_classification::data::Classes::numbered(10)).unwrap();
        let figure = classified(&picture, &answer).unwrap();
        let svg = figure.svg().unwrap();
        assert!(svg.contains(&format!("Read as {}", answer.text())), "{svg}");
        assert_eq!(svg.matches(" %\n").count(), 20);
        assert_eq!(figure.svg().unwrap().matches("<image").count(), 4, "picture, ink and two inputs");
        assert!(figure.png().unwrap().starts_with(b"\x89PNG"));
    }
}
