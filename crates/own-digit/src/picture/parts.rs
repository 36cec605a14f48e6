//! The parts of a picture's ink: which belong to digits, which are dust, lines, frames and edges, and where each digit
//! is.

use image::{GrayImage, Luma, imageops};

use super::{luma_image::LumaImage, morphology::dilation};

/// Connected pixels of ink, or several such parts that make a digit. The rectangle's right and bottom lie behind it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
    /// Column and row of its pixels.
    pixels: Vec<(u32, u32)>,
}

/// Ink has more than these fractions of a stroke's strength: a higher one where the lower finds only lines.
const THRESHOLDS: [f32; 3] = [0.42, 0.6, 0.75];

/// Finds the digits of a picture from left to right, each with the parts that it is made of.
pub(super) fn digits(ink: &LumaImage) -> Vec<Part> {
    let parts = THRESHOLDS.iter().find_map(|&threshold| without_marks(ink, threshold));
    let parts = parts.unwrap_or_else(|| connected(ink, THRESHOLDS[0]));
    let tallest = parts.iter().map(Part::height).max().unwrap_or(0);
    let (mut digits, small): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.height() * 5 >= tallest * 2);
    let (mut pieces, dust): (Vec<_>, Vec<_>) = small.into_iter().partition(|part| part.size() * 8 > tallest);
    join(&mut pieces, |one, other| one.gap(other) * 10 <= tallest * 3 && are_of_one_digit(one, other));
    // Of a digit in pieces, or a low one, no part is tall.
    let is_digit = |part: &mut Part| part.height() * 4 >= tallest && part.size() * 5 >= tallest * 2;
    digits.extend(pieces.extract_if(.., is_digit));
    join(&mut digits, are_of_one_digit);
    for (mut small, reach) in [(pieces, tallest * 3 / 10), (dust, tallest / 10)] {
        // Larger parts first, so that smaller ones find what they belong to.
        small.sort_by_key(|part| std::cmp::Reverse(part.pixels.len()));
        for part in small {
            let nearest = digits.iter_mut().min_by_key(|digit| digit.gap(&part));
            if let Some(digit) = nearest.filter(|digit| digit.gap(&part) <= reach.max(1)) {
                digit.join(part);
            }
        }
    }
    digits.sort_by_key(|digit| digit.left + digit.right);
    digits
}

impl Part {
    pub(super) fn width(&self) -> u32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> u32 {
        self.bottom - self.top
    }

    /// Cuts out the rectangle with a soft edge around its ink, without the ink of other parts.
    pub(super) fn cut(&self, ink: &LumaImage) -> LumaImage {
        // MNIST's strokes pale over one pixel of a digit's 20.
        let reach = self.size().div_ceil(20);
        let (width, height) = (self.width() + 2 * reach, self.height() + 2 * reach);
        let (mut digit, mut own) = (LumaImage::new(width, height), GrayImage::new(width, height));
        let [across, down] = [self.left, self.top].map(|start| i64::from(reach) - i64::from(start));
        imageops::replace(&mut digit, ink, across, down);
        for &(x, y) in &self.pixels {
            own.put_pixel(x - self.left + reach, y - self.top + reach, Luma([1]));
        }
        let around = dilation(&own, reach);
        for ((value, &own), &around) in digit.iter_mut().zip(own.iter()).zip(around.iter()) {
            let is_edge = around > 0 && *value <= THRESHOLDS[0];
            *value *= f32::from(own > 0 || is_edge);
        }
        digit
    }

    fn size(&self) -> u32 {
        self.width().max(self.height())
    }

    fn join(&mut self, mut other: Self) {
        (self.left, self.top) = (self.left.min(other.left), self.top.min(other.top));
        (self.right, self.bottom) = (self.right.max(other.right), self.bottom.max(other.bottom));
        self.pixels.append(&mut other.pixels);
    }

    /// Returns how far two rectangles lie apart, across or down; 0 where they overlap.
    fn gap(&self, other: &Self) -> u32 {
        let across = interval_gap((self.left, self.right), (other.left, other.right));
        across.max(interval_gap((self.top, self.bottom), (other.top, other.bottom)))
    }

    /// Returns how far two parts lie apart in the rows that both have; nothing where there is no such row.
    fn gap_in_rows(&self, other: &Self) -> Option<u32> {
        let rows = self.top.max(other.top)..self.bottom.min(other.bottom);
        let extents = |part: &Self| {
            let mut extents = vec![None; rows.len()];
            for &(x, y) in part.pixels.iter().filter(|(_, y)| rows.contains(y)) {
                let extent = &mut extents[(y - rows.start) as usize];
                *extent = Some(extent.map_or((x, x), |(first, last): (u32, u32)| (first.min(x), last.max(x))));
            }
            extents
        };
        let both = extents(self).into_iter().zip(extents(other));
        both.filter_map(|(one, other)| Some(interval_gap(one?, other?))).min()
    }

    /// Tells whether it is a frame around another part: its pixels lie along its sides.
    fn is_frame_of(&self, other: &Self) -> bool {
        let is_around =
            self.left < other.left && self.top < other.top && self.right > other.right && self.bottom > other.bottom;
        let near = self.height().min(self.width()) / 12;
        let is_near = |&&(x, y): &&(u32, u32)| {
            (x - self.left).min(self.right - 1 - x).min(y - self.top).min(self.bottom - 1 - y) < near
        };
        let fraction_near = || self.pixels.iter().filter(is_near).count() as f64 / self.pixels.len() as f64;
        is_around && other.height() * 6 > self.height() && fraction_near() > 0.8
    }

    /// Tells whether it looks like an edge of the scanner, a line or squares; a digit may, too.
    fn is_mark(&self, (width, height): (u32, u32)) -> bool {
        let near = width.min(height) / 50;
        let touches = [self.left <= near, self.top <= near, self.right + near >= width, self.bottom + near >= height];
        let is_edge = (touches[0] || touches[2]) && self.height() * 10 >= height * 9 && self.width() * 4 < width
            || (touches[1] || touches[3]) && self.width() * 10 >= width * 9 && self.height() * 4 < height;
        let fill = self.pixels.len() as f64 / f64::from(self.width() * self.height());
        let is_line = self.width() > 8 * self.height() && fill > 0.6;
        let are_squares = touches == [true; 4] && fill < 0.35;
        is_edge || is_line || are_squares
    }
}

/// Returns how far two intervals lie apart; 0 where they overlap.
fn interval_gap(one: (u32, u32), other: (u32, u32)) -> u32 {
    other.0.saturating_sub(one.1).max(one.0.saturating_sub(other.1))
}

/// Finds the parts that can be digits: without frames, edges, lines and squares. Nothing where no large one remains.
fn without_marks(ink: &LumaImage, threshold: f32) -> Option<Vec<Part>> {
    let parts = connected(ink, threshold);
    let is_frame = |part: &Part| parts.iter().any(|other| part.is_frame_of(other));
    let is_mark: Vec<_> = parts.iter().map(|part| part.is_mark(ink.dimensions()) || is_frame(part)).collect();
    let others = parts.into_iter().zip(is_mark).filter(|(_, is_mark)| !is_mark);
    let others: Vec<_> = others.map(|(part, _)| part).collect();
    others.iter().any(|part| part.height() * 10 > ink.width().min(ink.height())).then_some(others)
}

/// Joins the parts that belong together, two by two.
fn join(parts: &mut Vec<Part>, belong_together: impl Fn(&Part, &Part) -> bool) {
    let two = |parts: &[Part]| {
        let mut pairs = (0..parts.len()).flat_map(|one| (one + 1..parts.len()).map(move |other| (one, other)));
        pairs.find(|&(one, other)| belong_together(&parts[one], &parts[other]))
    };
    while let Some((one, other)) = two(parts) {
        let part = parts.swap_remove(other);
        parts[one].join(part);
    }
}

/// Tells whether two parts are of one digit: one lies largely above, below or inside the other, or they all but touch.
fn are_of_one_digit(one: &Part, other: &Part) -> bool {
    let overlap = one.right.min(other.right).saturating_sub(one.left.max(other.left));
    let tallest = one.height().max(other.height());
    let is_slim = one.right.max(other.right) - one.left.min(other.left) < tallest;
    overlap * 5 >= one.width().min(other.width()) * 2
        || is_slim && one.gap_in_rows(other).is_some_and(|gap| gap * 20 <= tallest)
}

/// Finds the connected parts, corner to corner, of the pixels above a threshold.
fn connected(ink: &LumaImage, threshold: f32) -> Vec<Part> {
    let (width, height) = ink.dimensions();
    let mut is_free: Vec<_> = ink.iter().map(|&value| value > threshold).collect();
    let mut take = |(x, y): (u32, u32)| std::mem::take(&mut is_free[(y * width + x) as usize]);
    let mut parts = Vec::new();
    for (x, y, _) in ink.enumerate_pixels() {
        if !take((x, y)) {
            continue;
        }
        let mut part = Part { left: x, top: y, right: 0, bottom: 0, pixels: vec![(x, y)] };
        let mut next = 0;
        while let Some(&(x, y)) = part.pixels.get(next) {
            next += 1;
            (part.left, part.right) = (part.left.min(x), part.right.max(x + 1));
            part.bottom = part.bottom.max(y + 1);
            let rows = y.saturating_sub(1)..(y + 2).min(height);
            let around = rows.flat_map(|y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| (x, y)));
            part.pixels.extend(around.filter(|&pixel| take(pixel)));
        }
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rectangle = [std::ops::Range<u32>; 2];

    /// The rectangles, across and down, of the digits found among these rectangles of ink.
    fn found(ink: &[Rectangle]) -> Vec<Rectangle> {
        let is_inked = |x, y| ink.iter().any(|[across, down]| across.contains(&x) && down.contains(&y));
        let picture = LumaImage::from_fn(300, 200, |x, y| Luma([f32::from(is_inked(x, y))]));
        digits(&picture).iter().map(|digit| [digit.left..digit.right, digit.top..digit.bottom]).collect()
    }

    const ONE: Rectangle = [50..60, 60..140];
    const TWO: Rectangle = [150..170, 55..145];

    #[test]
    fn digits_come_from_left_to_right_with_all_their_parts() {
        assert_eq!(found(&[TWO, ONE]), [ONE, TWO]);
        // A bar of a 5 that does not touch the rest; a digit in two halves, one above the other.
        assert_eq!(found(&[ONE, [64..85, 60..66]]), [[50..85, 60..140]]);
        assert_eq!(found(&[ONE, [150..170, 60..97], [152..168, 103..140]]), [ONE, [150..170, 60..140]]);
        // A low digit, and one in pieces, neither of which is tall.
        assert_eq!(found(&[ONE, [150..200, 75..102]]), [ONE, [150..200, 75..102]]);
        assert_eq!(found(&[ONE, [150..180, 70..98], [160..175, 110..138]]), [ONE, [150..180, 70..138]]);
        assert_eq!(found(&[]), Vec::<Rectangle>::new());
    }

    #[test]
    fn dust_lines_frames_edges_and_squares_are_left_out() {
        let marks: [(&str, &[Rectangle]); 5] = [
            ("dust", &[[280..283, 190..193], [5..6, 5..6]]),
            ("a line below", &[[20..250, 160..164]]),
            ("a frame", &[[10..290, 10..13], [10..290, 187..190], [10..13, 10..190], [287..290, 10..190]]),
            ("edges of the scanner", &[[290..300, 0..200], [0..300, 0..8]]),
            ("a form field", &[[30..200, 30..32], [30..200, 168..170], [30..32, 30..170], [198..200, 30..170]]),
        ];
        for (name, marks) in marks {
            assert_eq!(found(&[marks, &[ONE, TWO]].concat()), [ONE, TWO], "{name}");
        }
        // What could be a mark is a digit where there is nothing else.
        assert_eq!(found(&[[0..300, 90..110]]).len(), 1);
    }

    #[test]
    fn squares_that_are_fainter_than_the_digit_are_left_out() {
        let is_digit = |x: u32, y: u32| ONE[0].contains(&x) && ONE[1].contains(&y);
        let picture = LumaImage::from_fn(300, 200, |x, y| {
            let is_line = x % 25 < 2 || y % 25 < 2;
            Luma([if is_digit(x, y) { 1.0 } else { 0.5 * f32::from(is_line) }])
        });
        let digits = digits(&picture);
        assert_eq!(digits.iter().map(|digit| (digit.left, digit.top)).collect::<Vec<_>>(), [(50, 60)]);
    }

    #[test]
    fn a_digit_is_cut_out_without_its_neighbours() {
        let overhanging = [[50..60, 60..140], [75..80, 50..140], [64..80, 50..55]];
        let is_inked = |x, y| overhanging.iter().any(|[across, down]| across.contains(&x) && down.contains(&y));
        let picture = LumaImage::from_fn(300, 200, |x, y| Luma([f32::from(is_inked(x, y))]));
        let one = &digits(&picture)[0];
        assert_eq!(one.cut(&picture).iter().sum::<f32>(), (10 * 80) as f32);
    }
}
