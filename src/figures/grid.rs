//! Digits in rows of five, each with a line or two below it.

use plotters::{coord::Shift, prelude::*};
use tch::{Kind, Tensor};

use super::{
    Chart, Figure, Look,
    style::{DrawResult, GREEN, LABEL, RED, TEXT, below, fitted, text_width},
};
use crate::{Error, Result, data::Images, training::Predictions};

const COLUMNS: usize = 5;
/// In pixels: the side of a digit, the space for it, a line of text, and the space above all digits.
const DIGIT: i32 = 140;
const CELL: i32 = 184;
const LINE: i32 = 24;
const TOP: i32 = 64;
/// In pixels: the room for a caption.
const ROOM: i32 = CELL - 8;

/// The first `count` digits with their labels, five in a row.
///
/// # Errors
/// [`Error::InvalidSetting`] when `count` is 0, or more than can be shown.
pub fn digits(digits: &Images, count: usize) -> Result<Figure> {
    check(count)?;
    let labels = Vec::<i64>::try_from(&digits.labels)?;
    let labelled = labels.iter().enumerate().take(count);
    let name = |label: i64| digits.classes.name(label as usize);
    let tiles = labelled.map(|(index, label)| Tile::new(digits, index, vec![name(*label)], Ink::Plain));
    Grid::figure(format!("Digits with their labels: {}", digits.name), tiles)
}

/// The first `count` digits with what the model takes them for: green and ✓ when right, red and ✗ when wrong.
///
/// # Errors
/// [`Error::InvalidSetting`] when `count` is 0, or more than can be shown; [`Error::Mismatch`] when the predictions are of
/// other digits.
pub fn predictions(digits: &Images, predictions: &Predictions, count: usize) -> Result<Figure> {
    check(count)?;
    check_lengths(digits, predictions)?;
    let answers = predictions.predicted.iter().zip(&predictions.truth).enumerate().take(count);
    let tiles = answers.map(|(index, (answer, truth))| {
        let (mark, ink) = if answer == truth { ("✓", Ink::Right) } else { ("✗", Ink::Wrong) };
        Tile::new(digits, index, answer_and_truth(predictions, mark, *answer, *truth), ink)
    });
    Grid::figure(format!("Predictions: {}", digits.name), tiles)
}

/// Up to `count` digits that were taken for another, the most confident mistakes first.
///
/// # Errors
/// As [`predictions`].
pub fn misclassified(digits: &Images, predictions: &Predictions, count: usize) -> Result<Figure> {
    check(count)?;
    check_lengths(digits, predictions)?;
    let mistakes = predictions.mistakes()?;
    let shown = mistakes.len().min(count);
    let title = match mistakes.len() {
        0 => format!("No digit was misclassified: {}", digits.name),
        all => format!("{shown} of {all} mistakes, most confident first: {}", digits.name),
    };
    let tiles = mistakes.iter().take(count).map(|&(index, probability)| {
        let (answer, truth) = (predictions.predicted[index], predictions.truth[index]);
        // Rounding must not turn a doubt into a certainty.
        let certainty = if probability > 0.9999 { "> 99.99 %".into() } else { format!("{:.2} %", 100.0 * probability) };
        let mut caption = answer_and_truth(predictions, "✗", answer, truth);
        caption.push(certainty);
        Tile::new(digits, index, caption, Ink::Wrong)
    });
    Grid::figure(title, tiles)
}

/// A title and some digits with captions.
struct Grid {
    title: String,
    tiles: Vec<Tile>,
}

/// What a caption's colour says.
#[derive(Clone, Copy)]
enum Ink {
    Plain,
    Right,
    Wrong,
}

struct Tile {
    pixels: Vec<u8>,
    width: usize,
    height: usize,
    caption: Vec<String>,
    ink: Ink,
}

impl Grid {
    fn figure(title: String, tiles: impl Iterator<Item = Result<Tile>>) -> Result<Figure> {
        Ok(Figure::new(Self { title, tiles: tiles.collect::<Result<_>>()? }))
    }

    /// The height of a row in pixels.
    fn row(&self) -> i32 {
        let lines = self.tiles.first().map_or(0, |tile| tile.caption.len()) as i32;
        DIGIT + lines * LINE + 26
    }
}

impl Chart for Grid {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn is_fixed(&self) -> bool {
        true
    }

    /// The captions of the first tiles.
    fn description(&self) -> String {
        const MOST: usize = 25;
        let captions: Vec<_> = self.tiles.iter().take(MOST).map(|tile| tile.caption.join(" ")).collect();
        let rest = if self.tiles.len() > MOST { "; …" } else { "" };
        captions.join("; ") + rest
    }

    fn size(&self) -> (u32, u32) {
        let rows = self.tiles.len().div_ceil(COLUMNS) as i32;
        ((CELL * COLUMNS as i32) as u32, (TOP + rows * self.row()) as u32)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, look: &Look) -> DrawResult<B> {
        for (index, tile) in self.tiles.iter().enumerate() {
            let (row, column) = ((index / COLUMNS) as i32, (index % COLUMNS) as i32);
            tile.draw(area, (column * CELL + (CELL - DIGIT) / 2, TOP + row * self.row()), look)?;
        }
        Ok(())
    }
}

impl Tile {
    fn new(digits: &Images, index: usize, caption: Vec<String>, ink: Ink) -> Result<Self> {
        let image = digits.images.f_get(index as i64)?.to_kind(Kind::Uint8).contiguous();
        let [height, width] = image.size()[..] else {
            let found = format!("{:?}", digits.images.size());
            return Err(Error::mismatch("shape of the images", found, "[count, height, width]"));
        };
        let pixels = Vec::<u8>::try_from(image.f_reshape([-1])?)?;
        Ok(Self { pixels, width: width as usize, height: height as usize, caption, ink })
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        (left, top): (i32, i32),
        look: &Look,
    ) -> DrawResult<B> {
        // Whole pixels keep their edges sharp; a picture that is not square keeps its shape.
        let longest = self.width.max(self.height).max(1) as i32;
        let edge = |start: i32, length: usize, index: usize| {
            start + (DIGIT * (longest - length as i32) / 2 + DIGIT * index as i32) / longest
        };
        for (index, &ink) in self.pixels.iter().enumerate().filter(|(_, ink)| **ink > 0) {
            let (x, y) = (index % self.width, index / self.width);
            let from = (edge(left, self.width, x), edge(top, self.height, y));
            let to = (edge(left, self.width, x + 1), edge(top, self.height, y + 1));
            let grey = 255 - ink;
            area.draw(&Rectangle::new([from, to], RGBColor(grey, grey, grey).filled()))?;
        }
        let color = match self.ink {
            Ink::Plain => TEXT,
            Ink::Right => look.color(0, GREEN),
            Ink::Wrong => look.color(1, RED),
        };
        for (number, line) in self.caption.iter().enumerate() {
            let place = (left + DIGIT / 2, top + DIGIT + 6 + number as i32 * LINE);
            let (line, size) = fitted(line, LABEL, ROOM);
            area.draw_text(&line, &below(size, &color), place)?;
        }
        Ok(())
    }
}

/// What a sample was taken for and what it is: on one line where that has room for all classes, else on two.
fn answer_and_truth(predictions: &Predictions, mark: &str, answer: usize, truth: usize) -> Vec<String> {
    let classes = &predictions.classes;
    let widest = classes.names().iter().map(|name| text_width(name, LABEL)).max().unwrap_or(0);
    let (answer, truth) = (format!("{mark} {}", classes.name(answer)), format!("true {}", classes.name(truth)));
    if text_width("✗  (true )", LABEL) + 2 * widest > ROOM {
        vec![answer, truth]
    } else {
        vec![format!("{answer} ({truth})")]
    }
}

/// The most digits that a picture of 32,000 pixels has room for.
const MOST: usize = 750;

fn check(count: usize) -> Result<()> {
    match count {
        0 => Err(Error::invalid_setting("count", 0, "at least 1 digit")),
        1..=MOST => Ok(()),
        _ => Err(Error::invalid_setting("count", count, format!("at most {MOST} digits, which fill a picture"))),
    }
}

fn check_lengths(digits: &Images, predictions: &Predictions) -> Result<()> {
    let lengths =
        [predictions.predicted.len(), predictions.truth.len(), Tensor::size(&predictions.probabilities)[0] as usize];
    if lengths.iter().all(|&length| length == digits.len()) {
        return Ok(());
    }
    let (found, expected) = (format!("{lengths:?}"), format!("{}, one per digit", digits.len()));
    Err(Error::mismatch("numbers of predictions, truths and probabilities", found, expected))
}
