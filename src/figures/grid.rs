//! Digits in rows of five, each with a line or two below it.

use image::{GrayImage, Luma};
use plotters::prelude::*;
use tch::Kind;

use super::{
    Chart, Figure, Look,
    style::{Area, DrawResult, GREEN, LABEL, RED, TEXT, below, fitted, text_width},
};
use crate::{Error, Result, data::Images, decimals::percent, training::Predictions};

const COLUMNS: usize = 5;
/// The most digits that a picture of 32,000 pixels has room for.
const MOST: usize = 750;
/// In pixels: the side of a digit, the space for it, a line of text, and the space above all digits.
const DIGIT: i32 = 140;
const CELL: i32 = 184;
const LINE: i32 = 24;
const TOP: i32 = 64;
/// In pixels: the room for a caption.
const ROOM: i32 = CELL - 8;

/// Shows the first `count` digits with their labels, five in a row.
///
/// # Errors
/// [`Error::InvalidSetting`] when `count` is 0, or more than can be shown.
pub fn digits(digits: &Images, count: usize) -> Result<Figure> {
    let labels = Vec::<i64>::try_from(&digits.labels)?.into_iter().enumerate();
    let tiles = labels.map(|(index, label)| Tile::new(digits, index, vec![digits.classes.name(label as usize)], None));
    Grid::figure(format!("Digits with their labels: {}", digits.name), count, tiles)
}

/// Shows the first `count` digits with what the model takes them for: green and ✓ when right, red and ✗ when wrong.
///
/// # Errors
/// [`Error::InvalidSetting`] when `count` is 0, or more than can be shown; [`Error::Mismatch`] when the predictions are
/// of other digits.
pub fn predictions(digits: &Images, predictions: &Predictions, count: usize) -> Result<Figure> {
    check_lengths(digits, predictions)?;
    let tiles = (0..digits.len()).map(|index| Tile::answered(digits, predictions, index));
    Grid::figure(format!("Predictions: {}", digits.name), count, tiles)
}

/// Shows up to `count` digits that were taken for another, the most confident mistakes first.
///
/// # Errors
/// As [`predictions`].
pub fn misclassified(digits: &Images, predictions: &Predictions, count: usize) -> Result<Figure> {
    check_lengths(digits, predictions)?;
    let mistakes = predictions.mistakes()?;
    let title = match mistakes.len() {
        0 => format!("No digit was misclassified: {}", digits.name),
        all => format!("{} of {all} mistakes, most confident first: {}", all.min(count), digits.name),
    };
    let tiles = mistakes.into_iter().map(|(index, probability)| {
        let mut tile = Tile::answered(digits, predictions, index)?;
        tile.caption.push(percent(probability, 2));
        Ok(tile)
    });
    Grid::figure(title, count, tiles)
}

/// A title and some digits with captions.
struct Grid {
    title: String,
    tiles: Vec<Tile>,
}

struct Tile {
    /// 0 is paper and 255 is ink.
    picture: GrayImage,
    caption: Vec<String>,
    /// Whether the model's answer is right, where the digit is shown with one.
    is_right: Option<bool>,
}

impl Grid {
    fn figure(title: String, count: usize, tiles: impl Iterator<Item = Result<Tile>>) -> Result<Figure> {
        match count {
            0 => Err(Error::invalid_setting("count", 0, "at least 1 digit")),
            1..=MOST => Ok(Figure::new(Self { title, tiles: tiles.take(count).collect::<Result<_>>()? })),
            _ => Err(Error::invalid_setting("count", count, format!("at most {MOST} digits, which fill a picture"))),
        }
    }

    /// Returns the height of a row in pixels.
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

    /// Returns the captions of the first tiles.
    fn description(&self) -> String {
        const DESCRIBED: usize = 25;
        let captions: Vec<_> = self.tiles.iter().take(DESCRIBED).map(|tile| tile.caption.join(" ")).collect();
        let rest = if self.tiles.len() > DESCRIBED { "; …" } else { "" };
        captions.join("; ") + rest
    }

    fn size(&self) -> (u32, u32) {
        let rows = self.tiles.len().div_ceil(COLUMNS) as i32;
        ((CELL * COLUMNS as i32) as u32, (TOP + rows * self.row()) as u32)
    }

    fn draw(&self, area: &Area, look: &Look) -> DrawResult {
        for (index, tile) in self.tiles.iter().enumerate() {
            let (row, column) = ((index / COLUMNS) as i32, (index % COLUMNS) as i32);
            tile.draw(area, (column * CELL + (CELL - DIGIT) / 2, TOP + row * self.row()), look)?;
        }
        Ok(())
    }
}

impl Tile {
    fn new(digits: &Images, index: usize, caption: Vec<String>, is_right: Option<bool>) -> Result<Self> {
        let image = digits.images.f_get(index as i64)?.to_kind(Kind::Uint8).contiguous();
        let [height, width] = image.size()[..] else {
            let found = format!("{:?}", digits.images.size());
            return Err(Error::mismatch("shape of the images", found, "[count, height, width]"));
        };
        let pixels = Vec::<u8>::try_from(image.f_reshape([-1])?)?;
        // The pixels are as many as the picture has.
        let picture = GrayImage::from_raw(width as u32, height as u32, pixels).unwrap_or_default();
        Ok(Self { picture, caption, is_right })
    }

    /// Captions a digit with what it was taken for and what it is: on one line where that has room for all classes,
    /// else on two.
    fn answered(digits: &Images, predictions: &Predictions, index: usize) -> Result<Self> {
        let Predictions { predicted, truth, classes, .. } = predictions;
        let is_right = predicted[index] == truth[index];
        let answer = format!("{} {}", if is_right { "✓" } else { "✗" }, classes.name(predicted[index]));
        let truth = format!("true {}", classes.name(truth[index]));
        let widest = classes.names().iter().map(|name| text_width(name, LABEL)).max().unwrap_or(0);
        let is_long = text_width("✗  (true )", LABEL) + 2 * widest > ROOM;
        let caption = if is_long { vec![answer, truth] } else { vec![format!("{answer} ({truth})")] };
        Self::new(digits, index, caption, Some(is_right))
    }

    fn draw(&self, area: &Area, (left, top): (i32, i32), look: &Look) -> DrawResult {
        // Whole pixels keep their edges sharp; a picture that is not square keeps its shape.
        let (width, height) = (self.picture.width() as i32, self.picture.height() as i32);
        let longest = width.max(height).max(1);
        let edge = |length: i32, index: u32| (DIGIT * (longest - length) / 2 + DIGIT * index as i32) / longest;
        let corner = |x: u32, y: u32| (left + edge(width, x), top + edge(height, y));
        for (x, y, &Luma([ink])) in self.picture.enumerate_pixels().filter(|(.., pixel)| pixel.0 != [0]) {
            let grey = 255 - ink;
            let color = RGBColor(grey, grey, grey).filled();
            area.draw(&Rectangle::new([corner(x, y), corner(x + 1, y + 1)], color))?;
        }
        let color = match self.is_right {
            None => TEXT,
            Some(true) => look.color(0, GREEN),
            Some(false) => look.color(1, RED),
        };
        for (line, top) in self.caption.iter().zip((top + DIGIT + 6..).step_by(LINE as usize)) {
            let (line, size) = fitted(line, LABEL, ROOM);
            area.draw_text(&line, &below(size, &color), (left + DIGIT / 2, top))?;
        }
        Ok(())
    }
}

fn check_lengths(digits: &Images, predictions: &Predictions) -> Result<()> {
    let Predictions { predicted, truth, probabilities, .. } = predictions;
    let lengths = [predicted.len(), truth.len(), probabilities.size()[0] as usize];
    if lengths == [digits.len(); 3] {
        return Ok(());
    }
    let (found, expected) = (format!("{lengths:?}"), format!("{}, one per digit", digits.len()));
    Err(Error::mismatch("numbers of predictions, truths and probabilities", found, expected))
}
