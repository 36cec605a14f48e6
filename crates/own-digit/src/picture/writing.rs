//! What is written on a page: the digits of each row from left to right, the rows from top to bottom, the marks between
//! digits, and what is neither.

use super::{
    clutter,
    luma_image::LumaImage,
    mark::{self, Row},
    parts::{Part, interval_gap, interval_overlap},
};

/// What was found on a page.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// The digits, row by row from left to right.
    pub(super) digits: Vec<Part>,
    /// Each mark, and how many digits stand before it. A space stands between two rows.
    pub(super) marks: Vec<(usize, char)>,
    /// What is neither digit nor mark, and too large for dust.
    pub(super) left_out: Vec<Part>,
}

impl Writing {
    /// Finds what is written on a page of ink.
    pub(super) fn on(ink: &LumaImage) -> Self {
        let (mut parts, mut rest) = clutter::writing(ink);
        let mut left_out = clutter::take_out_intruders(&mut parts, ink.dimensions());
        let tallest = parts.iter().map(Part::height).max().unwrap_or(0);
        left_out.extend(rest.extract_if(.., |part| part.size() * 8 > tallest));
        let mut writing = Self { left_out, ..Self::default() };
        for (large, small) in writing.rows(parts) {
            if !writing.digits.is_empty() {
                writing.marks.push((writing.digits.len(), ' '));
            }
            writing.add_row(large, small);
        }
        writing
    }

    /// Sorts parts into rows from top to bottom: of each row the large parts, and the small ones that lie near them.
    fn rows(&mut self, parts: Vec<Part>) -> Vec<(Vec<Part>, Vec<Part>)> {
        let tallest = parts.iter().map(Part::height).max().unwrap_or(0);
        let (large, small): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.height() * 5 >= tallest * 2);
        let mut rows: Vec<(Part, Vec<Part>)> = Vec::new();
        for part in large {
            let is_in_row = |(_, row): &mut (Part, Vec<Part>)| row.iter().any(|other| are_in_one_row(other, &part));
            let mut row: Vec<_> = rows.extract_if(.., is_in_row).flat_map(|(_, row)| row).collect();
            row.push(part);
            rows.push((outline(&row), row));
        }
        // A digit in two halves is no two rows.
        let are_near = |(one, parts): &(Part, Vec<Part>), (other, more): &(Part, Vec<Part>)| {
            let are_single = parts.len() == 1 && more.len() == 1;
            down(one, other) * 10 <= tallest * if are_single { 3 } else { 1 }
        };
        join_where(&mut rows, are_near, |(outline, parts), (more, rest)| {
            outline.join(more);
            parts.extend(rest);
        });
        rows.sort_by_key(|(outline, _)| outline.top);
        let mut found: Vec<_> = rows.iter().map(|_| Vec::new()).collect();
        for part in small {
            let nearest = (0..rows.len()).min_by_key(|&row| down(&rows[row].0, &part));
            match nearest.filter(|&row| down(&rows[row].0, &part) * 5 <= rows[row].0.height() * 2) {
                Some(row) => found[row].push(part),
                None if part.size() * 8 > tallest => self.left_out.push(part),
                None => {}
            }
        }
        rows.into_iter().map(|(_, large)| large).zip(found).collect()
    }

    /// Adds the digits and marks of a row.
    fn add_row(&mut self, mut digits: Vec<Part>, mut small: Vec<Part>) {
        let row = Row::of(&digits);
        let marks = mark::take(&mut small, &digits, &row);
        let tallest = digits.iter().map(Part::height).max().unwrap_or(0);
        let (mut pieces, dust): (Vec<_>, Vec<_>) = small.into_iter().partition(|part| part.size() * 8 > tallest);
        let belong = |one: &Part, other: &Part| one.gap(other) * 10 <= tallest * 3 && are_of_one_digit(one, other);
        join_where(&mut pieces, belong, Part::join);
        // Of a digit in pieces, or a low one, no part is tall; a small digit stands beside the others.
        let is_large = |part: &Part| part.size() * 5 >= tallest * 2;
        let is_beside = |part: &Part| row.is_by_its_pen(part) && digits.iter().all(|digit| across(digit, part) > 0);
        let is_digit = |part: &mut Part| part.height() * 4 >= tallest && (is_large(part) || is_beside(part));
        let more: Vec<_> = pieces.extract_if(.., is_digit).collect();
        digits.extend(more);
        join_where(&mut digits, are_of_one_digit, Part::join);
        for (mut small, reach, is_dust) in [(pieces, tallest * 3 / 10, false), (dust, tallest / 10, true)] {
            // Larger parts first, so that smaller ones find what they belong to.
            small.sort_by_key(|part| std::cmp::Reverse(part.pixels.len()));
            for part in small {
                let nearest = digits.iter_mut().min_by_key(|digit| digit.gap(&part));
                match nearest.filter(|digit| digit.gap(&part) <= reach.max(1)) {
                    Some(digit) => digit.join(part),
                    None if is_dust => {}
                    None => self.left_out.push(part),
                }
            }
        }
        digits.sort_by_key(|digit| digit.left + digit.right);
        for (middle, sign, parts) in marks {
            let before = digits.iter().filter(|digit| digit.left + digit.right < middle).count();
            // A mark stands between digits; a minus may stand before them.
            if before < digits.len() && (before > 0 || sign == '-') {
                self.marks.push((self.digits.len() + before, sign));
            } else {
                self.left_out.extend(parts);
            }
        }
        self.digits.extend(digits);
    }
}

/// Tells whether two parts share half of the lower one's height.
fn are_in_one_row(one: &Part, other: &Part) -> bool {
    let shared = interval_overlap((one.top, one.bottom), (other.top, other.bottom));
    shared * 2 >= one.height().min(other.height())
}

/// Returns how far one part lies below the other.
fn down(one: &Part, other: &Part) -> u32 {
    interval_gap((one.top, one.bottom), (other.top, other.bottom))
}

/// Returns how far one part lies beside the other.
fn across(one: &Part, other: &Part) -> u32 {
    interval_gap((one.left, one.right), (other.left, other.right))
}

/// Returns the rectangle of all these parts, without their pixels.
fn outline(parts: &[Part]) -> Part {
    let rectangle = |part: &Part| Part { pixels: Vec::new(), ..*part };
    let mut outline = rectangle(&parts[0]);
    parts.iter().for_each(|part| outline.join(rectangle(part)));
    outline
}

/// Joins what belongs together, two by two, until nothing does.
fn join_where<T>(items: &mut Vec<T>, belong_together: impl Fn(&T, &T) -> bool, join: impl Fn(&mut T, T)) {
    let mut before = usize::MAX;
    while items.len() < before {
        before = items.len();
        let mut one = 0;
        while one < items.len() {
            match (one + 1..items.len()).find(|&other| belong_together(&items[one], &items[other])) {
                Some(other) => {
                    let item = items.swap_remove(other);
                    join(&mut items[one], item);
                }
                None => one += 1,
            }
        }
    }
}

/// Tells whether two parts are of one digit: one lies largely above, below or inside the other, or they all but touch.
fn are_of_one_digit(one: &Part, other: &Part) -> bool {
    let overlap = interval_overlap((one.left, one.right), (other.left, other.right));
    let tallest = one.height().max(other.height());
    let is_slim = one.right.max(other.right) - one.left.min(other.left) < tallest;
    // The rectangles are compared first: to look at all pixels takes long.
    let is_near = |gap: u32| gap * 20 <= tallest;
    overlap * 5 >= one.width().min(other.width()) * 2
        || is_slim && is_near(across(one, other)) && one.gap_in_rows(other).is_some_and(is_near)
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    type Rectangle = [std::ops::Range<u32>; 2];

    /// Rectangles of ink, across and down.
    fn picture(ink: &[Rectangle]) -> LumaImage {
        let is_inked = |x, y| ink.iter().any(|[across, down]| across.contains(&x) && down.contains(&y));
        LumaImage::from_fn(300, 200, |x, y| Luma([f32::from(is_inked(x, y))]))
    }

    /// The rectangles of the digits found among these rectangles of ink.
    fn found(ink: &[Rectangle]) -> Vec<Rectangle> {
        Writing::on(&picture(ink))
            .digits
            .iter()
            .map(|digit| [digit.left..digit.right, digit.top..digit.bottom])
            .collect()
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
        let digits = Writing::on(&picture).digits;
        assert_eq!(digits.iter().map(|digit| (digit.left, digit.top)).collect::<Vec<_>>(), [(50, 60)]);
    }

    #[test]
    fn a_digit_is_cut_out_without_its_neighbours() {
        let overhanging = [[50..60, 60..140], [75..80, 50..140], [64..80, 50..55]];
        let is_inked = |x, y| overhanging.iter().any(|[across, down]| across.contains(&x) && down.contains(&y));
        let picture = LumaImage::from_fn(300, 200, |x, y| Luma([f32::from(is_inked(x, y))]));
        let one = &Writing::on(&picture).digits[0];
        assert_eq!(one.cut(&picture).iter().sum::<f32>(), (10 * 80) as f32);
    }

    #[test]
    fn rows_come_from_top_to_bottom_with_a_space_between() {
        let rows = [[50..60, 20..80], [150..170, 25..85], [70..80, 110..170]];
        let picture = picture(&rows);
        let writing = Writing::on(&picture);
        assert_eq!(
            writing.digits.iter().map(|digit| (digit.left, digit.top)).collect::<Vec<_>>(),
            [(50, 20), (150, 25), (70, 110)]
        );
        assert_eq!(writing.marks, [(2, ' ')]);
    }

    #[test]
    fn marks_are_told_by_their_size_and_place() {
        for (mark, expected) in [
            (&[[100..118, 122..140]][..], Some('.')),
            (&[[100..112, 130..160]], Some(',')),
            (&[[95..130, 95..106]], Some('-')),
            (&[[100..118, 75..93], [100..118, 120..138]], Some(':')),
            // A dot at the height of a hyphen is no mark.
            (&[[100..118, 85..103]], None),
        ] {
            let writing = Writing::on(&picture(&[mark, &[ONE, TWO]].concat()));
            assert_eq!(writing.digits.len(), 2, "{expected:?}");
            let signs: Vec<_> = writing.marks.iter().map(|&(before, sign)| (before, Some(sign))).collect();
            assert_eq!(signs, expected.map(|sign| (1, Some(sign))).into_iter().collect::<Vec<_>>());
            assert_eq!(writing.left_out.len(), usize::from(expected.is_none()));
        }
        // A minus stands before a number, a point between digits only.
        assert_eq!(Writing::on(&picture(&[[10..40, 95..106], ONE])).marks, [(0, '-')]);
        let pointed = Writing::on(&picture(&[[20..32, 128..140], ONE]));
        assert_eq!((pointed.marks.len(), pointed.left_out.len()), (0, 1));
    }

    #[test]
    fn a_cut_picture_keeps_its_first_and_last_digit_and_a_blot_at_the_border_is_left_out() {
        assert_eq!(found(&[[0..20, 0..200], [100..150, 0..200], [280..300, 0..200]]).len(), 3);
        let writing = Writing::on(&picture(&[ONE, TWO, [230..300, 130..200]]));
        assert_eq!((writing.digits.len(), writing.left_out.len()), (2, 1));
    }
}
