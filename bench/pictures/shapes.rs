//! What is no digit: letters and shapes, as strokes of a pen.

use rand::{Rng, rngs::StdRng};

use super::anew::{LumaImage, cut, traced};

/// A name and strokes: points `xy` from 0 to 9, x to the right and y down. Corners are cut round; a point that stands
/// twice stays sharp. What is written as some digit is, such as O, l, S and Z, is left out.
pub type Shape = (&'static str, &'static str);

/// What `--none` learns from.
pub const LEARNT: &[Shape] = &[
    ("A", "09 40 40 89,25 65"),
    ("E", "70 10 10 19 19 79,15 55"),
    ("F", "80 10 10 19,15 65"),
    ("H", "10 19,80 89,15 85"),
    ("M", "09 10 10 46 46 80 80 99"),
    ("R", "19 10 10 70 93 65 15 15 89"),
    ("T", "00 80,40 49"),
    ("U", "00 07 29 69 87 80"),
    ("V", "00 49 49 90"),
    ("X", "00 89,80 09"),
    ("d", "74 44 16 19 59 76,70 70 79"),
    ("e", "16 76 74 43 14 17 29 69 78"),
    ("h", "10 19 19 16 44 75 79"),
    ("k", "10 19,64 16 16 79"),
    ("m", "04 09 09 05 34 44 49 49 45 74 84 89"),
    ("p", "14 19,15 54 75 67 17"),
    ("r", "14 19 19 16 44 65"),
    ("u", "14 17 39 68 74 74 79"),
    ("w", "04 29 29 45 45 69 69 84"),
    ("star", "49 20 20 86 86 03 03 93 93 16 16 49"),
    ("cross", "40 49,05 85"),
    ("house", "09 04 04 40 40 84 84 89 89 09"),
    ("square", "00 09 09 89 89 80 80 00"),
    ("triangle", "09 40 40 89 89 09"),
    ("hash", "30 29,60 59,13 83,16 86"),
    ("zigzag", "00 82 82 04 04 86 86 09"),
    ("question", "12 30 72 55 46 47,49 49"),
    ("and", "89 22 20 50 52 16 18 49 86"),
    ("note", "58 50 50 82,58 38 39 59 58"),
    ("scrawl", "05 21 27 31 38 41 47 52 68 61 77 72 87 91"),
];

/// What it does not learn from.
pub const UNSEEN: &[Shape] = &[
    ("C", "82 60 20 04 28 69 87"),
    ("K", "10 19,80 15 15 89"),
    ("N", "09 10 10 79 79 80"),
    ("P", "19 10 10 70 94 65 15"),
    ("W", "00 29 29 53 53 79 79 90"),
    ("a", "73 43 14 18 59 77 73 73 76 89"),
    ("f", "71 50 32 39,14 64"),
    ("n", "14 19 19 15 54 75 79"),
    ("t", "40 48 69 78,23 73"),
    ("x", "14 79,74 19"),
    ("heart", "49 05 01 20 43 43 60 81 85 49"),
    ("smiley", "40 02 07 49 87 82 40,33 34,63 64,26 48 66"),
    ("arrow", "05 85,52 85 85 58"),
    ("tree", "49 46 46 06 06 40 40 86 86 46"),
    ("scribble", "14 62 25 81 47 93 58 84 39 76 05 67 12 98"),
    ("spiral", "55 44 34 36 58 77 73 51 21 05 29 69"),
];

/// A shape, `size` pixels high, bent, slanted and stretched by chance.
pub fn shape(strokes: &str, size: f32, pen: f32, random: &mut StdRng) -> LumaImage {
    let points = |stroke: &str| {
        stroke.split(' ').map(|point| [0, 1].map(|place| f32::from(point.as_bytes()[place] - b'0'))).collect()
    };
    let mut lines: Vec<Vec<[f32; 2]>> = strokes.split(',').map(points).collect();
    let (slant, stretch, turn) =
        (random.gen_range(-0.3..0.3_f32), random.gen_range(0.75..1.15_f32), random.gen_range(-0.15..0.15_f32));
    let scale = size / 10.0;
    let mut page = vec![vec![false; (2.4 * size) as usize]; (2.4 * size) as usize];
    for line in &mut lines {
        let mut before = [f32::NAN; 2];
        for point in line.iter_mut() {
            // A point that stands twice stays one.
            let is_twice = *point == before;
            before = *point;
            *point = if is_twice { [f32::NAN; 2] } else { point.map(|part| part + random.gen_range(-0.45..0.45_f32)) };
        }
        for index in 1..line.len() {
            if line[index][0].is_nan() {
                line[index] = line[index - 1];
            }
        }
        for point in line.iter_mut() {
            let [x, y] = point.map(|part| part - 4.5);
            let (x, y) = ((x - slant * y) * stretch, y);
            let (sine, cosine) = turn.sin_cos();
            *point = [x * cosine - y * sine, x * sine + y * cosine].map(|part| 1.2 * size + scale * part);
        }
        for pair in rounded(&rounded(&rounded(line))).windows(2) {
            let steps = (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]).ceil().max(1.0);
            for step in 0..=steps as u32 {
                let [x, y] = [0, 1].map(|axis| pair[0][axis] + (pair[1][axis] - pair[0][axis]) * step as f32 / steps);
                page[y as usize][x as usize] = true;
            }
        }
    }
    cut(&traced(&page, (pen * size / 40.0).max(0.5)))
}

/// The line with its corners cut (G. Chaikin, 1974).
fn rounded(line: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let between = |one: [f32; 2], other: [f32; 2]| [0, 1].map(|axis| 0.75 * one[axis] + 0.25 * other[axis]);
    let mut points = vec![line[0]];
    points.extend(line.windows(2).flat_map(|pair| [between(pair[0], pair[1]), between(pair[1], pair[0])]));
    points.push(line[line.len() - 1]);
    points
}
