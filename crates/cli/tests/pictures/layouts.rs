//! Digits as people set them on a page, drawn by a program: marks between them, rows, ruled paper, windows, tight
//! crops, touching and small digits, digits in pieces, and what reaches in from the border.

use std::{f32::consts::TAU, path::Path};

use image::{GrayImage, Luma, imageops};
use own_digit::Classifier;
use rand::{Rng, SeedableRng, rngs::StdRng};

type Line = Vec<(f32, f32)>;

/// Points of an ellipse's arc, in degrees clockwise from the right.
fn arc([x, y]: [f32; 2], [width, height]: [f32; 2], [start, end]: [f32; 2]) -> Line {
    let angle = |step: u8| (start + (end - start) * f32::from(step) / 40.0) / 360.0 * TAU;
    (0..=40).map(|step| (x + width * angle(step).cos(), y + height * angle(step).sin())).collect()
}

/// The lines of a digit in a box from (0, 0) to (1, 1). The bar of a 5 and the strokes of a 4 may stand `apart`.
fn lines(digit: char, apart: f32) -> Vec<Line> {
    match digit {
        '4' if apart > 0.0 => {
            vec![vec![(0.4, 0.02), (0.12, 0.6), (0.55 - apart, 0.6)], vec![(0.68, 0.05), (0.66, 0.98)]]
        }
        '5' if apart > 0.0 => {
            let bow = [vec![(0.28, 0.08), (0.25, 0.43)], arc([0.48, 0.68], [0.34, 0.28], [-130.0, 150.0])].concat();
            vec![vec![(0.4 + apart, 0.06), (0.95 + apart, 0.02)], bow]
        }
        '0' => vec![arc([0.5, 0.5], [0.32, 0.48], [0.0, 360.0])],
        '1' => vec![vec![(0.5, 0.02), (0.5, 0.98)]],
        '2' => {
            vec![[arc([0.5, 0.27], [0.32, 0.25], [190.0, 390.0]), vec![(0.2, 0.97), (0.85, 0.97)]].concat()]
        }
        '3' => vec![
            [arc([0.45, 0.26], [0.32, 0.24], [200.0, 450.0]), arc([0.45, 0.73], [0.36, 0.24], [-90.0, 160.0])].concat(),
        ],
        '4' => vec![vec![(0.62, 0.02), (0.15, 0.66), (0.9, 0.66)], vec![(0.65, 0.3), (0.65, 0.98)]],
        '5' => {
            let bar = vec![(0.82, 0.04), (0.28, 0.04), (0.25, 0.43)];
            vec![[bar, arc([0.48, 0.68], [0.34, 0.28], [-130.0, 150.0])].concat()]
        }
        '6' => vec![
            [arc([0.62, 0.5], [0.42, 0.48], [250.0, 160.0]), arc([0.5, 0.7], [0.3, 0.27], [180.0, 540.0])].concat(),
        ],
        '7' => vec![vec![(0.15, 0.05), (0.85, 0.05), (0.45, 0.98)]],
        '8' => vec![arc([0.5, 0.26], [0.26, 0.24], [0.0, 360.0]), arc([0.5, 0.74], [0.32, 0.24], [0.0, 360.0])],
        _ => vec![arc([0.5, 0.3], [0.28, 0.27], [0.0, 360.0]), vec![(0.78, 0.3), (0.7, 0.98)]],
    }
}

/// A hand: how large it writes, with which pen, and how far apart.
struct Hand {
    height: f32,
    width: f32,
    pen: f32,
    gap: f32,
    /// How far the strokes of a digit stand apart.
    apart: f32,
    ink: u8,
}

impl Hand {
    fn random(random: &mut StdRng) -> Self {
        let height = random.gen_range(60.0..230.0_f32);
        Self {
            height,
            width: height * random.gen_range(0.45..0.75),
            pen: (height * random.gen_range(0.05..0.12_f32)).max(2.0),
            gap: random.gen_range(0.3..0.6),
            apart: 0.0,
            ink: random.gen_range(0..60),
        }
    }

    fn advance(&self) -> f32 {
        self.width * (1.0 + self.gap)
    }

    /// Writes a text on a page.
    fn write(&self, page: &mut GrayImage, text: &str, [left, top]: [f32; 2]) {
        let (mut left, bottom, radius) = (left, top + self.height, 0.6 * self.pen);
        for sign in text.chars() {
            match sign {
                '-' => {
                    let y = top + self.height / 2.0;
                    draw(page, &[(left, y), (left + 0.6 * self.width, y)], self.pen, self.ink);
                    left += self.width * (0.6 + self.gap);
                }
                '.' | ',' | ':' => {
                    let x = left + radius;
                    dot(page, [x, bottom - 0.4 * self.pen], radius, self.ink);
                    if sign == ',' {
                        draw(page, &[(x, bottom), (left, bottom + 1.6 * self.pen)], 0.6 * self.pen, self.ink);
                    } else if sign == ':' {
                        dot(page, [x, bottom - 0.5 * self.height], radius, self.ink);
                    }
                    left += 0.5 * self.width;
                }
                digit => {
                    for line in lines(digit, self.apart) {
                        let place = |(x, y)| (left + x * self.width, top + y * self.height);
                        draw(page, &line.into_iter().map(place).collect::<Vec<_>>(), self.pen, self.ink);
                    }
                    left += self.advance();
                }
            }
        }
    }

    /// A page with room for so many signs in so many rows.
    fn page(&self, signs: usize, rows: f32) -> GrayImage {
        let (width, height) = (self.advance() * signs as f32 + self.height, self.height * (0.5 + 1.45 * rows));
        GrayImage::from_pixel(width as u32, height as u32, Luma([245]))
    }

    fn corner(&self) -> [f32; 2] {
        [0.4 * self.height; 2]
    }
}

/// Draws a line with a round pen.
fn draw(page: &mut GrayImage, line: &[(f32, f32)], pen: f32, ink: u8) {
    for ends in line.windows(2) {
        let [(x1, y1), (x2, y2)] = [ends[0], ends[1]];
        let (across, down, reach) = (x2 - x1, y2 - y1, pen / 2.0 + 1.0);
        let columns = ((x1.min(x2) - reach).max(0.0) as u32)..((x1.max(x2) + reach + 1.0) as u32).min(page.width());
        for x in columns {
            let rows = ((y1.min(y2) - reach).max(0.0) as u32)..((y1.max(y2) + reach + 1.0) as u32).min(page.height());
            for y in rows {
                let (x0, y0) = (x as f32 - x1, y as f32 - y1);
                let along = ((x0 * across + y0 * down) / (across * across + down * down).max(1e-6)).clamp(0.0, 1.0);
                let distance = (x0 - along * across).hypot(y0 - along * down);
                let cover = (pen / 2.0 + 0.5 - distance).clamp(0.0, 1.0);
                let pixel = &mut page.get_pixel_mut(x, y).0[0];
                *pixel = (*pixel).min((f32::from(*pixel) + (f32::from(ink) - f32::from(*pixel)) * cover) as u8);
            }
        }
    }
}

fn dot(page: &mut GrayImage, [x, y]: [f32; 2], radius: f32, ink: u8) {
    draw(page, &[(x, y), (x + 0.01, y)], 2.0 * radius, ink);
}

fn digits(random: &mut StdRng, count: std::ops::Range<usize>) -> String {
    (0..random.gen_range(count)).map(|_| char::from(b'0' + random.gen_range(0..10_u8))).collect()
}

/// The kinds of layouts, and whether one may be doubtful instead of right.
const KINDS: [(&str, bool); 12] = [
    ("point", false),
    ("hyphen", false),
    ("colon", false),
    ("minus", false),
    ("tight", false),
    ("ruled", false),
    ("squared", false),
    ("rows", false),
    ("window", false),
    ("touching", true),
    ("small", false),
    ("border", true),
];

/// A layout of a kind: the answer, and the picture.
fn layout(kind: &str, random: &mut StdRng) -> (String, GrayImage) {
    let hand = Hand::random(random);
    let (corner, height) = (hand.corner(), hand.height);
    let on_a_page = |text: String| {
        let mut page = hand.page(text.len(), 1.0);
        hand.write(&mut page, &text, corner);
        (text, page)
    };
    match kind {
        "point" => {
            let sign = [".", ","][random.gen_range(0..2)];
            on_a_page(digits(random, 1..4) + sign + &digits(random, 1..3))
        }
        "hyphen" => on_a_page(digits(random, 1..4) + "-" + &digits(random, 1..5)),
        "colon" => on_a_page(digits(random, 1..3) + ":" + &digits(random, 2..3)),
        "minus" => on_a_page(String::from("-") + &digits(random, 1..4)),
        "tight" => {
            let (text, page) = on_a_page(digits(random, 1..5));
            let inked: Vec<_> = page.enumerate_pixels().filter(|(.., pixel)| pixel.0[0] < 150).collect();
            let [left, right] = [inked.iter().map(|pixel| pixel.0).min(), inked.iter().map(|pixel| pixel.0).max()];
            let [top, bottom] = [inked.iter().map(|pixel| pixel.1).min(), inked.iter().map(|pixel| pixel.1).max()];
            let ([left, top], [right, bottom]) = ([left, top].map(Option::unwrap), [right, bottom].map(Option::unwrap));
            (text, imageops::crop_imm(&page, left, top, right + 1 - left, bottom + 1 - top).to_image())
        }
        "ruled" | "squared" => {
            let text = digits(random, 1..5);
            let mut page = hand.page(text.len(), 1.0);
            let (space, pen) = (height * random.gen_range(0.15..0.4), random.gen_range(1.0..3.0));
            let (grey, slope) = (random.gen_range(120..190), random.gen_range(-0.02..0.02));
            let [width, tall] = [page.width() as f32, page.height() as f32];
            let mut place = random.gen_range(-space..0.0);
            while place < width.max(tall) + space {
                draw(&mut page, &[(0.0, place), (width, place + slope * width)], pen, grey);
                if kind == "squared" {
                    draw(&mut page, &[(place, 0.0), (place - slope * tall, tall)], pen, grey);
                }
                place += space;
            }
            hand.write(&mut page, &text, corner);
            (text, page)
        }
        "rows" => {
            let rows: Vec<_> = (0..random.gen_range(2..4)).map(|_| digits(random, 1..5)).collect();
            let mut page = hand.page(5, rows.len() as f32);
            for (row, text) in (0_u8..).zip(&rows) {
                let left = corner[0] + random.gen_range(0.0..0.3) * height;
                hand.write(&mut page, text, [left, corner[1] + 1.45 * height * f32::from(row)]);
            }
            (rows.join(" "), page)
        }
        "window" => {
            let (text, page) = on_a_page(digits(random, 1..3));
            let mut around = || (height * random.gen_range(0.25..1.0)) as u32;
            let [left, top, right, bottom] = [(); 4].map(|()| around());
            let size = (page.width() + left + right, page.height() + top + bottom);
            let mut window = GrayImage::from_pixel(size.0, size.1, Luma([random.gen_range(10..90)]));
            imageops::replace(&mut window, &page, left.into(), top.into());
            (text, window)
        }
        "touching" => {
            let (text, hand) = (digits(random, 2..3), Hand { gap: random.gen_range(-0.3..-0.1), ..hand });
            let mut page = hand.page(3, 1.0);
            hand.write(&mut page, &text, corner);
            (text, page)
        }
        "small" => {
            let (first, second, share) = (digits(random, 1..2), digits(random, 1..3), random.gen_range(0.32..0.6));
            let mut page = hand.page(3, 1.0);
            hand.write(&mut page, &first, corner);
            let small = Hand { height: share * height, width: share * hand.width, pen: 0.8 * hand.pen, ..hand };
            let down = if random.gen_bool(0.5) { 0.0 } else { (1.0 - share) * height };
            small.write(&mut page, &second, [corner[0] + hand.advance(), corner[1] + down]);
            (first + &second, page)
        }
        "close" => {
            let text = digits(random, 2..5);
            let (mut page, mut left) = (hand.page(text.len(), 1.0), corner[0]);
            for digit in text.chars() {
                let places = lines(digit, 0.0).concat();
                let first = places.iter().fold(1.0_f32, |first, (x, _)| first.min(*x));
                let last = places.iter().fold(0.0_f32, |last, (x, _)| last.max(*x));
                hand.write(&mut page, &digit.to_string(), [left - first * hand.width, corner[1]]);
                left += (last - first) * hand.width + hand.pen + height * random.gen_range(0.05..0.3);
            }
            (text, page)
        }
        "pieces" => {
            let text = digits(random, 0..2) + ["4", "5"][random.gen_range(0..2)] + &digits(random, 0..2);
            let hand = Hand { gap: hand.gap + 0.3, apart: random.gen_range(0.1..0.25), ..hand };
            let mut page = hand.page(text.len(), 1.0);
            hand.write(&mut page, &text, corner);
            (text, page)
        }
        _ => {
            let (text, page) = on_a_page(digits(random, 1..4));
            let mut wide =
                GrayImage::from_pixel(page.width() + height as u32, page.height() + height as u32, Luma([245]));
            imageops::replace(&mut wide, &page, i64::from(height as u32 / 3), i64::from(height as u32 / 4));
            let [right, bottom] = [wide.width() as f32, wide.height() as f32];
            let grey = random.gen_range(30..110);
            match random.gen_range(0..3) {
                0 => dot(&mut wide, [right + 0.1 * height, bottom + 0.1 * height], 0.6 * height, grey),
                1 => dot(&mut wide, [-0.15 * height, bottom + 0.2 * height], 0.6 * height, grey),
                _ => draw(&mut wide, &[(0.0, 0.0), (right, 0.0)], 0.12 * height, grey),
            }
            (text, wide)
        }
    }
}

/// Reads this many layouts: prints those that are not right, and returns of how many kinds' pictures each was right,
/// doubtful with a reason where that is allowed, wrong in other ways, and wrong with over 95 % and no word.
fn read(kinds: &[(&str, bool)], count: usize, seed: u64) -> [usize; 4] {
    let classifier = Classifier::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/handwriting")).unwrap();
    let (mut random, mut counts) = (StdRng::seed_from_u64(seed), [0; 4]);
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let (kind, may_be_doubtful) = kinds[number % kinds.len()];
        let (expected, page) = layout(kind, &mut random);
        let path = folder.path().join("layout.png");
        page.save(&path).unwrap();
        let answer = classifier.open(&path).and_then(|picture| classifier.classify(&picture)).unwrap();
        let outcome = match answer.doubt() {
            _ if answer.text() == expected => 0,
            Some(_) if may_be_doubtful => 1,
            None if answer.probability() > 0.95 => 3,
            _ => 2,
        };
        counts[outcome] += 1;
        if outcome > 0 {
            println!("{kind} {number}: {expected}, read as {} {:?}", answer.text(), answer.doubt());
        }
    }
    counts
}

#[test]
fn layouts_are_read_or_doubtful_with_a_reason() {
    let [right, doubtful, wrong, silent] = read(&KINDS, 204, 1);
    println!("{right} right, {doubtful} doubtful with a reason, {wrong} wrong, {silent} wrong without a word");
    assert!(silent == 0 && (right + doubtful) * 100 >= 204 * 95, "{wrong} wrong, {silent} without a word");
}

#[test]
fn close_digits_stay_apart() {
    let [right, doubtful, wrong, silent] = read(&[("close", true)], 300, 1);
    println!("close: {right} right, {doubtful} doubtful, {wrong} wrong, {silent} wrong without a word");
    assert!(right >= 290 && silent == 0, "{right} right, {silent} without a word");
}

#[test]
fn digits_in_pieces_are_read_or_doubtful() {
    let [right, doubtful, wrong, silent] = read(&[("pieces", true)], 100, 1);
    println!("in pieces: {right} right, {doubtful} doubtful, {wrong} wrong, {silent} wrong without a word");
    assert!(right >= 70 && right + doubtful >= 92, "{right} right, {silent} without a word");
}
