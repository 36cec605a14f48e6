//! Ruled and squared paper: its lines are taken out of the ink, and strokes that cross them stay whole.

use image::imageops;

use super::luma_image::{LumaImage, quantile};

/// A line has more ink than this, which is less than a stroke needs.
const FAINTEST: f32 = 0.1;

/// The slopes that are tried, in pixels for each pixel across: to 3 degrees.
const SLOPES: std::ops::RangeInclusive<i32> = -26..=26;
const STEP: f32 = 0.002;

/// A line is inked in this fraction of the columns that it crosses.
const COVERED: f32 = 0.8;

/// Lines with more ink may be a digit's bars.
const STRONG: f32 = 0.8;

/// About so many columns tell where lines are.
const COLUMNS: usize = 160;

/// Lines of one slope: `slope` pixels down for each one across.
struct Ruling {
    slope: f32,
    /// The first row of each line and the row behind its last one, in the middle of the picture.
    lines: Vec<(i32, i32)>,
}

/// Returns the ink without the lines of ruled or squared paper; nothing where there are fewer than two.
pub(super) fn without_ruling(ink: &LumaImage) -> Option<LumaImage> {
    let across = Ruling::of(ink)?;
    let ink = across.without(ink);
    // Upright lines are common in digits: only beside others are they those of squared paper.
    let turned = imageops::rotate90(&ink);
    Some(match Ruling::of(&turned) {
        Some(down) => imageops::rotate270(&down.without(&turned)),
        None => ink,
    })
}

impl Ruling {
    /// Finds two or more lines from edge to edge.
    fn of(ink: &LumaImage) -> Option<Self> {
        let (width, height) = ink.dimensions();
        let is_inked = |x, y| u8::from(ink.get_pixel(x, y).0[0] > FAINTEST);
        let columns = (0..width).step_by((width as usize).div_ceil(COLUMNS));
        let columns: Vec<_> = columns.map(|x| (x, (0..height).map(|y| is_inked(x, y)).collect::<Vec<_>>())).collect();
        let all = SLOPES.map(|step| Self::with_slope(&columns, (width, height), step as f32 * STEP));
        // With a wrong slope, lines look thinner than they are.
        let covered = |ruling: &Self| ruling.lines.iter().map(|(first, end)| end - first).sum::<i32>();
        let best = all.max_by_key(covered)?;
        // The bars of a digit that fills the picture are as strong as its other strokes, and few.
        let least = if best.strength(ink) > STRONG { 4 } else { 2 };
        Some(best).filter(|ruling| ruling.lines.len() >= least)
    }

    /// Finds lines of this slope by some columns of the picture, each with a 1 for a row that is inked.
    fn with_slope(columns: &[(u32, Vec<u8>)], (width, height): (u32, u32), slope: f32) -> Self {
        // How many of the columns have each row, and how many are inked there.
        let (mut inside, mut inked) = (vec![0_u8; height as usize], vec![0_u8; height as usize]);
        for (x, column) in columns {
            let down = shift(slope, *x, width);
            let above = (down.unsigned_abs() as usize).min(column.len());
            let rows = column.len() - above;
            let [row, y] = if down < 0 { [above, 0] } else { [0, above] };
            inside[row..row + rows].iter_mut().for_each(|count| *count += 1);
            inked[row..row + rows].iter_mut().zip(&column[y..y + rows]).for_each(|(count, ink)| *count += ink);
        }
        let covered = |row: i32| {
            let [inside, inked] = [&inside, &inked].map(|counts| usize::from(counts[row as usize]));
            // A line that only cuts a corner is too short to tell.
            inside * 2 > columns.len() && inked as f32 >= COVERED * inside as f32
        };
        let mut lines: Vec<(i32, i32)> = Vec::new();
        for row in (0..height as i32).filter(|&row| covered(row)) {
            match lines.last_mut() {
                // A gap within a line is none.
                Some((_, end)) if row - *end < 2 => *end = row + 1,
                _ => lines.push((row, row + 1)),
            }
        }
        let thickest = (height as i32 / 25).max(3);
        lines.retain(|(first, end)| end - first <= thickest);
        Self { slope, lines }
    }

    /// Returns the median of the lines' strongest pixels.
    fn strength(&self, ink: &LumaImage) -> f32 {
        let (width, height) = ink.dimensions();
        let columns = (0..width).step_by((width as usize).div_ceil(COLUMNS));
        let places = columns.flat_map(|x| self.lines.iter().map(move |line| (x, line)));
        let strongest = places.map(|(x, (first, end))| {
            let down = shift(self.slope, x, width);
            let rows = (first + down).max(0)..(end + down).min(height as i32);
            rows.map(|y| ink.get_pixel(x, y as u32).0[0]).fold(0.0, f32::max)
        });
        quantile(&strongest.collect::<Vec<_>>(), 0.5)
    }

    /// Takes the lines out, column by column: a run of ink that is longer than a line is thick, or stronger, belongs to
    /// a stroke.
    fn without(&self, ink: &LumaImage) -> LumaImage {
        let (width, height) = ink.dimensions();
        let mut result = ink.clone();
        let strongest = 1.4 * self.strength(ink);
        let is_inked = |x: u32, y: i32| (0..height as i32).contains(&y) && ink.get_pixel(x, y as u32).0[0] > FAINTEST;
        for x in 0..width {
            let down = shift(self.slope, x, width);
            for (first, end) in self.lines.iter().map(|(first, end)| (first + down, end + down)) {
                let thick = end - first + 3;
                let Some(start) = (first - 2..end + 2).find(|&y| is_inked(x, y)) else { continue };
                let above = (0..=thick).take_while(|back| is_inked(x, start - back)).count() as i32 - 1;
                let below = (0..=thick).take_while(|on| is_inked(x, start + on)).count() as i32 - 1;
                // With the pale pixels beside them.
                let rows = (start - above - 1).max(0)..(start + below + 2).min(height as i32);
                let is_strong = rows.clone().any(|y| ink.get_pixel(x, y as u32).0[0] > strongest);
                if above + below < thick && !is_strong {
                    rows.for_each(|y| result.get_pixel_mut(x, y as u32).0[0] = 0.0);
                }
            }
        }
        result
    }
}

/// Returns how much lower a line lies in this column than in the middle of the picture.
fn shift(slope: f32, x: u32, width: u32) -> i32 {
    (slope * (x as f32 - width as f32 / 2.0)).round() as i32
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn lines_go_and_strokes_across_them_stay_whole() {
        for (slope, thick) in [(0.0, 2.0), (0.02, 2.0), (-0.03, 2.0), (0.0, 5.0), (0.01, 6.0)] {
            let is_stroke = |x: u32, y: u32| (140..150).contains(&x) && (30..170).contains(&y);
            let is_line = |x: u32, y: u32| (y as f32 - slope * x as f32).rem_euclid(40.0) < thick;
            let picture = LumaImage::from_fn(300, 200, |x, y| {
                Luma([if is_stroke(x, y) { 1.0 } else { 0.45 * f32::from(is_line(x, y)) }])
            });
            let found = without_ruling(&picture).unwrap();
            for (x, y, ink) in found.enumerate_pixels() {
                // A pixel beside the stroke may stay, and what cuts only a corner.
                let may_stay = (138..152).contains(&x) || !(10..190).contains(&y);
                assert!(may_stay || ink.0[0] == 0.0, "slope {slope}: {x}, {y}");
                assert!(!is_stroke(x, y) || ink.0[0] == 1.0, "slope {slope}: {x}, {y}");
            }
        }
    }

    #[test]
    fn a_single_bar_is_no_ruling() {
        let picture = LumaImage::from_fn(300, 200, |x, y| Luma([f32::from(y < 6 || (100..106).contains(&x))]));
        assert!(without_ruling(&picture).is_none());
        // A 5 of straight strokes that fills its picture.
        let bars = LumaImage::from_fn(36, 60, |x, y| {
            Luma([f32::from([2, 28, 55].iter().any(|&bar| (bar..bar + 3).contains(&y)) && (2..34).contains(&x))])
        });
        assert!(without_ruling(&bars).is_none());
    }
}
