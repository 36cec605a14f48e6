//! Strokes that other hands add to digits or leave out: hooks and feet of ones, bars of sevens, closed fours, fours
//! whose right stroke begins low, curls of nines.

use rand::{Rng, rngs::StdRng};

use super::plane::Plane;

/// A share of the digits is left as MNIST's writers wrote them.
const CHANGED: f64 = 0.5;

/// A digit, and where it lies on its 28 × 28 pixels.
struct Digit<'a> {
    plane: Plane,
    left: f32,
    top: f32,
    right: f32,
    height: f32,
    random: &'a mut StdRng,
}

/// Returns a digit with strokes of other hands.
pub fn with_strokes(digit: &Plane, label: i64, random: &mut StdRng) -> Plane {
    let plane = Plane::of(digit.side, &digit.values);
    let Some([left, top, right, bottom]) = digit.edges(0.4) else { return plane };
    let mut digit = Digit { plane, left, top, right, height: (bottom - top).max(4.0), random };
    match label {
        1 => digit.one(),
        4 => digit.four(),
        7 => digit.seven(),
        9 => digit.nine(),
        _ => {}
    }
    digit.plane
}

impl Digit<'_> {
    fn happens(&mut self, probability: f64) -> bool {
        self.random.gen_bool(CHANGED * probability)
    }

    /// Draws evenly between two fractions of the height.
    fn length(&mut self, from: f32, to: f32) -> f32 {
        self.height * self.random.gen_range(from..to)
    }

    /// Returns the middle of the ink in a row.
    fn middle_of_row(&self, row: f32) -> f32 {
        let row = (row as usize).min(27);
        let (sum, mass) = (0..28).fold((0.0, 0.0), |(sum, mass), x| {
            let ink = f32::from(self.plane.values[28 * row + x] > 0.4);
            (sum + ink * x as f32, mass + ink)
        });
        if mass > 0.0 { sum / mass } else { (self.left + self.right) / 2.0 }
    }

    /// Draws a line with a round pen of this radius.
    fn line(&mut self, from: [f32; 2], to: [f32; 2], radius: f32) {
        let [across, down] = [to[0] - from[0], to[1] - from[1]];
        for at in 0..28 * 28 {
            let [x, y] = [(at % 28) as f32 - from[0], (at / 28) as f32 - from[1]];
            let along = ((x * across + y * down) / (across * across + down * down).max(1e-6)).clamp(0.0, 1.0);
            let ink = (radius + 0.5 - (x - along * across).hypot(y - along * down)).clamp(0.0, 1.0);
            self.plane.values[at] = self.plane.values[at].max(ink);
        }
    }

    fn one(&mut self) {
        let [first, last] = [self.top + 1.0, self.top + self.height - 2.0];
        let [above, below] = [first, last].map(|row| self.middle_of_row(row));
        let area = self.plane.values.iter().filter(|&&ink| ink > 0.4).count() as f32;
        let pen = (area / self.height / 2.0).clamp(0.7, 2.2);
        if self.happens(1.0) {
            // From the top, or from a third below it.
            let down = if self.random.gen_bool(0.7) {
                self.random.gen_range(0.0..0.06)
            } else {
                self.random.gen_range(0.05..0.35)
            };
            let start = [above + (below - above) * down, self.top + self.height * down + pen / 2.0];
            let end = [start[0] - self.length(0.1, 0.48), start[1] + self.length(-0.02, 0.45)];
            let radius = pen * self.random.gen_range(0.7..1.1);
            self.line(start, end, radius);
            if self.random.gen_bool(0.25) {
                let beyond = [end[0] - self.length(0.0, 0.1), end[1] + self.length(0.03, 0.2)];
                self.line(end, beyond, radius);
            }
        }
        let (foot, radius) = (last + 1.0 - pen / 2.0, pen * self.random.gen_range(0.7..1.0));
        if self.happens(0.45) {
            let [left, right] = [below - self.length(0.1, 0.35), below + self.length(0.1, 0.35)];
            let (start, end) = ([left, foot + self.length(-0.03, 0.03)], [right, foot + self.length(-0.03, 0.03)]);
            self.line(start, end, radius);
        }
        if self.happens(0.25) {
            let side = if self.random.gen_bool(0.6) { -1.0 } else { 1.0 };
            let end = [below + side * self.length(0.1, 0.3), foot + self.length(-0.08, 0.02)];
            self.line([below, foot], end, radius);
        }
    }

    /// Returns the top of the left or the right half.
    fn tip(&self, is_left: bool) -> [f32; 2] {
        let middle = (self.left + self.right) / 2.0;
        let is_inked = |&at: &usize| self.plane.values[at] > 0.4 && (((at % 28) as f32) < middle) == is_left;
        let row = (0..28 * 28).find(is_inked).map_or(0, |at| at / 28);
        let columns: Vec<_> = (28 * row..28 * row + 28).filter(is_inked).map(|at| (at % 28) as f32).collect();
        [columns.iter().sum::<f32>() / columns.len().max(1) as f32, row as f32 + 0.5]
    }

    fn four(&mut self) {
        let [left, right] = [true, false].map(|is_left| self.tip(is_left));
        if left[1] < self.top + 0.3 * self.height && self.happens(0.5) {
            // An open one, whose right stroke begins near the bar.
            let (middle, row) = ((self.left + self.right) / 2.0, self.top + self.length(0.25, 0.5));
            for at in 0..28 * 28 {
                if (at % 28) as f32 > middle && ((at / 28) as f32) < row {
                    self.plane.values[at] = 0.0;
                }
            }
        } else if self.happens(0.45) {
            let radius = self.random.gen_range(0.7..1.4);
            self.line(left, right, radius);
        }
    }

    fn seven(&mut self) {
        let radius = self.random.gen_range(0.8..1.6);
        if self.happens(0.5) {
            let below = self.middle_of_row(self.top + self.height - 2.0);
            let middle = [((self.left + self.right) / 2.0 + below) / 2.0, self.top + self.length(0.4, 0.6)];
            let (width, tilt) = (self.length(0.18, 0.4), self.length(-0.05, 0.08));
            self.line([middle[0] - width, middle[1] + tilt], [middle[0] + 0.8 * width, middle[1] - tilt], radius);
        }
        if self.happens(0.4) {
            let start = [self.left + 1.0, self.top + 1.5];
            let end = [start[0] + self.length(-0.08, 0.05), self.top + self.length(0.12, 0.3)];
            self.line(start, end, radius);
        }
    }

    fn nine(&mut self) {
        if self.happens(0.3) {
            let bottom = self.top + self.height;
            let start = [self.middle_of_row(bottom - 2.0), bottom - 1.0];
            let end = [start[0] - self.length(0.15, 0.4), bottom - self.length(-0.05, 0.12)];
            let radius = self.random.gen_range(0.8..1.6);
            self.line(start, end, radius);
        }
    }
}
