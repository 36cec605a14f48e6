//! The chart of a person's own picture: its ink, each digit's input, and the probabilities of all classes.

use image::{DynamicImage, GrayImage, RgbImage, imageops::FilterType};
use mnist_classification::{
    Result,
    figures::{Chart, Figure, Look},
    support::{
        chart::{Area, BLUE, DrawResult, LABEL, LINES, TEXT, below, cut, font, paste},
        percent,
    },
};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use crate::{Answer, DigitAnswer, Picture};

/// In pixels: the width of all, the space above the pictures, the room for one, and a line of text.
const WIDTH: i32 = 920;
const TOP: i32 = 64;
const PICTURE: (u32, u32) = (440, 260);
const LINE: i32 = 26;
/// Digits in a row; in pixels, the room for one, its side and left margin, the longest bar, the room for a class's
/// name, small text, and the height of a class.
const COLUMNS: i32 = 3;
const CELL: i32 = WIDTH / COLUMNS;
const DIGIT: i32 = 126;
const MARGIN: i32 = 6;
const BAR: i32 = 70;
const NAME: i32 = 44;
const SMALL: u32 = 15;
const CLASS: i32 = 20;

/// Shows a person's own picture, its ink, each digit's input to the network, and the probabilities of all classes.
///
/// # Errors
/// [`Error::Torch`](mnist_classification::Error::Torch) when the picture's inputs cannot be read.
pub fn classified(picture: &Picture, answer: &Answer) -> Result<Figure> {
    let [grey, ink] = picture.grey_and_ink();
    let fit = |image: DynamicImage| image.resize(PICTURE.0, PICTURE.1, FilterType::Triangle).into_rgb8();
    let large = |input| dark_on_light(input).resize_exact(DIGIT as u32, DIGIT as u32, FilterType::Nearest).into_rgb8();
    let inputs = picture.with(&answer.taken)?.inputs_as_pictures()?.into_iter().map(large).collect();
    let grey_and_ink = [grey.into(), dark_on_light(ink)].map(fit);
    Ok(Figure::new(Reading { grey_and_ink, inputs, answer: answer.clone() }))
}

/// A picture and what it was read as.
struct Reading {
    grey_and_ink: [RgbImage; 2],
    inputs: Vec<RgbImage>,
    answer: Answer,
}

impl Reading {
    /// Returns the upper edge of the first row of digits, in pixels.
    fn first_row(&self) -> i32 {
        TOP + self.grey_and_ink[0].height() as i32 + LINE + 20
    }

    /// Returns the height of a row of digits in pixels.
    fn row(&self) -> i32 {
        let classes = self.answer.digits.first().map_or(0, |digit| digit.probabilities.len()) as i32;
        (DIGIT + LINE).max(classes * CLASS) + 24
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
        let digits = self.answer.digits.iter().map(DigitAnswer::best);
        let digits: Vec<_> =
            digits.map(|(name, probability)| format!("{name} with {}", percent(probability, 1))).collect();
        format!("{}. Beside it the picture, its ink and the network's input.", digits.join(", "))
    }

    fn draw(&self, area: &Area, _: &Look) -> DrawResult {
        for ((picture, name), index) in self.grey_and_ink.iter().zip(["the picture", "its ink"]).zip(0..) {
            let middle = WIDTH / 4 + index * WIDTH / 2;
            paste(area, picture, (middle - picture.width() as i32 / 2, TOP))?;
            area.draw_text(name, &below(LABEL, &TEXT), (middle, TOP + picture.height() as i32 + 4))?;
        }
        let in_a_row = COLUMNS.min(self.inputs.len() as i32);
        for ((input, digit), index) in self.inputs.iter().zip(&self.answer.digits).zip(0..) {
            let left = (WIDTH - in_a_row * CELL) / 2 + index % COLUMNS * CELL + MARGIN;
            let top = self.first_row() + index / COLUMNS * self.row();
            paste(area, input, (left, top))?;
            area.draw_text("the network's input", &below(SMALL, &TEXT), (left + DIGIT / 2, top + DIGIT + 4))?;
            bars(area, digit, (left + DIGIT, top))?;
        }
        Ok(())
    }
}

/// Draws a bar for each class, as long as its probability.
fn bars(area: &Area, digit: &DigitAnswer, (x, y): (i32, i32)) -> DrawResult {
    let (best, _) = digit.best();
    for ((name, probability), index) in digit.probabilities.iter().zip(0..) {
        let middle = y + index * CLASS + SMALL as i32 / 2;
        let color = if name == best { BLUE } else { TEXT };
        let text = |horizontal| font(SMALL, &color).pos(Pos::new(horizontal, VPos::Center));
        area.draw_text(&cut(name, SMALL, NAME - 4), &text(HPos::Right), (x + NAME - 6, middle))?;
        let start = x + NAME;
        for (length, color) in [(1.0, LINES), (*probability, BLUE)] {
            let end = start + (f64::from(BAR) * length).round() as i32;
            area.draw(&Rectangle::new([(start, middle - 5), (end, middle + 5)], color.filled()))?;
        }
        area.draw_text(&percent(*probability, 0), &text(HPos::Left), (start + BAR + 6, middle))?;
    }
    Ok(())
}

/// Inverts a picture: ink is white in a network's inputs, and dark on the page.
fn dark_on_light(picture: GrayImage) -> DynamicImage {
    let mut picture = DynamicImage::from(picture);
    picture.invert();
    picture
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
