//! The parts of a picture's ink: which belong to digits, which are dust, lines, frames and edges, and where each digit is.

use image::{GrayImage, Luma};

use super::{luma_image::LumaImage, morphology::dilation};

/// Connected pixels of ink, or several such parts that make a digit. The rectangle's right and bottom lie behind it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
    /// The positions of its pixels.
    pixels: Vec<u32>,
}

/// Ink has more than these shares of a stroke's strength: a higher one where the lower finds only lines.
const THRESHOLDS: [f32; 3] = [0.42, 0.6, 0.75];

/// The digits of a picture from left to right, each with the parts that it is made of.
pub(super) fn digits(ink: &LumaImage) -> Vec<Part> {
    let without_marks =
        THRESHOLDS.iter().find_map(|&threshold| without_marks(connected(ink, threshold), ink.width(), ink.height()));
    let parts = without_marks.unwrap_or_else(|| connected(ink, THRESHOLDS[0]));
    let tallest = parts.iter().map(Part::height).max().unwrap_or(0);
    let (mut digits, small): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.height() * 5 >= tallest * 2);
    let (mut pieces, dust): (Vec<_>, Vec<_>) = small.into_iter().partition(|part| part.size() * 8 > tallest);
    join(&mut pieces, |one, other| one.gap(other) * 10 <= tallest * 3 && are_of_one_digit(one, other, ink.width()));
    // Of a digit in pieces, or a low one, no part is tall.
    let is_digit = |part: &mut Part| part.height() * 4 >= tallest && part.size() * 5 >= tallest * 2;
    digits.extend(pieces.extract_if(.., is_digit));
    join(&mut digits, |one, other| are_of_one_digit(one, other, ink.width()));
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

    /// The ink within the rectangle and its soft edge around that, without the ink of other parts.
    pub(super) fn cut(&self, ink: &LumaImage) -> LumaImage {
        // MNIST's strokes pale over one pixel of a digit's 20.
        let reach = self.size().div_ceil(20);
        let (left, top) = (self.left as i64 - i64::from(reach), self.top as i64 - i64::from(reach));
        let mut own = GrayImage::new(self.width() + 2 * reach, self.height() + 2 * reach);
        for &pixel in &self.pixels {
            let (x, y) = (i64::from(pixel % ink.width()) - left, i64::from(pixel / ink.width()) - top);
            own.put_pixel(x as u32, y as u32, Luma([1]));
        }
        let around = dilation(&own, reach);
        LumaImage::from_fn(own.width(), own.height(), |x, y| {
            let place = (u32::try_from(i64::from(x) + left), u32::try_from(i64::from(y) + top));
            let (Ok(in_x), Ok(in_y)) = place else { return Luma([0.0]) };
            let value = ink.get_pixel_checked(in_x, in_y).map_or(0.0, |pixel| pixel.0[0]);
            let is_own = own.get_pixel(x, y).0[0] > 0;
            let is_edge = around.get_pixel(x, y).0[0] > 0 && value <= THRESHOLDS[0];
            Luma([if is_own || is_edge { value } else { 0.0 }])
        })
    }

    /// How far two parts lie apart in the rows that both have; nothing where there is no such row.
    fn gap_in_rows(&self, other: &Self, across: u32) -> Option<u32> {
        let (first, last) = (self.top.max(other.top), self.bottom.min(other.bottom));
        let extents = |part: &Self| {
            let mut extents = vec![(u32::MAX, 0); last.saturating_sub(first) as usize];
            for &pixel in &part.pixels {
                let (x, y) = (pixel % across, pixel / across);
                if (first..last).contains(&y) {
                    let extent: &mut (u32, u32) = &mut extents[(y - first) as usize];
                    *extent = (extent.0.min(x), extent.1.max(x));
                }
            }
            extents
        };
        let rows = extents(self).into_iter().zip(extents(other));
        let both = rows.filter(|(one, other)| one.0 <= one.1 && other.0 <= other.1);
        both.map(|(one, other)| other.0.saturating_sub(one.1).max(one.0.saturating_sub(other.1))).min()
    }

    fn size(&self) -> u32 {
        self.width().max(self.height())
    }

    fn join(&mut self, mut other: Self) {
        (self.left, self.top) = (self.left.min(other.left), self.top.min(other.top));
        (self.right, self.bottom) = (self.right.max(other.right), self.bottom.max(other.bottom));
        self.pixels.append(&mut other.pixels);
    }

    /// How far two rectangles lie apart, across or down; 0 where they overlap.
    fn gap(&self, other: &Self) -> u32 {
        let between =
            |one: (u32, u32), other: (u32, u32)| other.0.saturating_sub(one.1).max(one.0.saturating_sub(other.1));
        between((self.left, self.right), (other.left, other.right))
            .max(between((self.top, self.bottom), (other.top, other.bottom)))
    }

    /// The share of its pixels that lie within this many pixels of its rectangle's sides.
    fn at_the_sides(&self, reach: u32, across: u32) -> f64 {
        let is_near = |&&pixel: &&u32| {
            let (x, y) = (pixel % across, pixel / across);
            (x - self.left).min(self.right - 1 - x).min(y - self.top).min(self.bottom - 1 - y) < reach
        };
        self.pixels.iter().filter(is_near).count() as f64 / self.pixels.len() as f64
    }

    /// Whether it is a frame around another part: its pixels lie along its sides.
    fn is_frame_of(&self, other: &Self, across: u32) -> bool {
        let is_around =
            self.left < other.left && self.top < other.top && self.right > other.right && self.bottom > other.bottom;
        is_around
            && other.height() * 6 > self.height()
            && self.at_the_sides(self.height().min(self.width()) / 12, across) > 0.8
    }

    /// Whether it looks like an edge of the scanner, a line or squares; a digit may, too.
    fn is_mark(&self, width: u32, height: u32) -> bool {
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

/// The parts that can be digits: without frames, edges, lines and squares. Nothing where no large one remains.
fn without_marks(parts: Vec<Part>, width: u32, height: u32) -> Option<Vec<Part>> {
    let is_frame = |part: &Part| parts.iter().any(|other| part.is_frame_of(other, width));
    let is_mark: Vec<_> = parts.iter().map(|part| part.is_mark(width, height) || is_frame(part)).collect();
    let parts: Vec<_> =
        parts.into_iter().zip(is_mark).filter_map(|(part, is_mark)| (!is_mark).then_some(part)).collect();
    parts.iter().any(|part| part.height() * 10 > width.min(height)).then_some(parts)
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

/// Two parts of one digit: one lies largely above, below or inside the other, or they all but touch.
fn are_of_one_digit(one: &Part, other: &Part, across: u32) -> bool {
    let overlap = one.right.min(other.right).saturating_sub(one.left.max(other.left));
    let is_slim = one.right.max(other.right) - one.left.min(other.left) < one.height().max(other.height());
    overlap * 5 >= one.width().min(other.width()) * 2
        || is_slim && one.gap_in_rows(other, across).is_some_and(|gap| gap * 20 <= one.height().max(other.height()))
}

/// The connected parts, corner to corner, of the pixels above a threshold.
fn connected(ink: &LumaImage, threshold: f32) -> Vec<Part> {
    let (width, height) = ink.dimensions();
    let mut is_free: Vec<_> = ink.iter().map(|&value| value > threshold).collect();
    let mut parts = Vec::new();
    for start in 0..is_free.len() as u32 {
        if !std::mem::take(&mut is_free[start as usize]) {
            continue;
        }
        let mut part = Part { left: u32::MAX, top: u32::MAX, right: 0, bottom: 0, pixels: vec![start] };
        let mut next = 0;
        while let Some(&pixel) = part.pixels.get(next) {
            next += 1;
            let (x, y) = (pixel % width, pixel / width);
            (part.left, part.top) = (part.left.min(x), part.top.min(y));
            (part.right, part.bottom) = (part.right.max(x + 1), part.bottom.max(y + 1));
            for y in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                for x in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    let neighbour = y * width + x;
                    if std::mem::take(&mut is_free[neighbour as usize]) {
                        part.pixels.push(neighbour);
                    }
                }
            }
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
