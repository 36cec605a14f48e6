//! The parts of a picture's ink: connected pixels, their rectangles, and the distances between them.

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
    pub(super) pixels: Vec<(u32, u32)>,
}

/// Ink has more than this fraction of a stroke's strength.
pub(super) const THRESHOLD: f32 = 0.42;

impl Part {
    /// Returns the part of these pixels; nothing where there are none.
    pub(super) fn of(pixels: Vec<(u32, u32)>) -> Option<Self> {
        let &(x, y) = pixels.first()?;
        let mut part = Self { left: x, top: y, right: x + 1, bottom: y + 1, pixels };
        for &(x, y) in &part.pixels {
            (part.left, part.right) = (part.left.min(x), part.right.max(x + 1));
            (part.top, part.bottom) = (part.top.min(y), part.bottom.max(y + 1));
        }
        Some(part)
    }

    pub(super) fn width(&self) -> u32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> u32 {
        self.bottom - self.top
    }

    /// Returns its left, top, right and bottom edge.
    pub(super) fn rectangle(&self) -> [u32; 4] {
        [self.left, self.top, self.right, self.bottom]
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
            let is_edge = around > 0 && *value <= THRESHOLD;
            *value *= f32::from(own > 0 || is_edge);
        }
        digit
    }

    pub(super) fn size(&self) -> u32 {
        self.width().max(self.height())
    }

    pub(super) fn join(&mut self, mut other: Self) {
        (self.left, self.top) = (self.left.min(other.left), self.top.min(other.top));
        (self.right, self.bottom) = (self.right.max(other.right), self.bottom.max(other.bottom));
        self.pixels.append(&mut other.pixels);
    }

    /// Returns how far two rectangles lie apart, across or down; 0 where they overlap.
    pub(super) fn gap(&self, other: &Self) -> u32 {
        let across = interval_gap((self.left, self.right), (other.left, other.right));
        across.max(interval_gap((self.top, self.bottom), (other.top, other.bottom)))
    }

    /// Returns how far two parts lie apart in the rows that both have; nothing where there is no such row.
    pub(super) fn gap_in_rows(&self, other: &Self) -> Option<u32> {
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

    /// Returns the width of its strokes in pixels: the area divided by the length of the outline, which is counted by
    /// the runs of pixels down and across (after M. Crofton, 1868).
    pub(super) fn pen(&self) -> f32 {
        let (width, height) = (self.width() as usize, self.height() as usize);
        let mut own = vec![false; width * height];
        self.pixels.iter().for_each(|&(x, y)| own[(y - self.top) as usize * width + (x - self.left) as usize] = true);
        let starts = |step: usize, at_edge: &dyn Fn(usize) -> bool| {
            (0..own.len()).filter(|&at| own[at] && (at_edge(at) || !own[at - step])).count() as f32
        };
        let (across, down) = (starts(1, &|at| at % width == 0), starts(width, &|at| at < width));
        self.pixels.len() as f32 / across.hypot(down)
    }
}

/// Returns how far two intervals lie apart; 0 where they overlap.
pub(super) fn interval_gap(one: (u32, u32), other: (u32, u32)) -> u32 {
    other.0.saturating_sub(one.1).max(one.0.saturating_sub(other.1))
}

/// Returns the length that two intervals share.
pub(super) fn interval_overlap(one: (u32, u32), other: (u32, u32)) -> u32 {
    one.1.min(other.1).saturating_sub(one.0.max(other.0))
}

/// Finds the connected parts, corner to corner, of the pixels above a threshold.
pub(super) fn connected(ink: &LumaImage, threshold: f32) -> Vec<Part> {
    let (width, height) = ink.dimensions();
    let mut is_free: Vec<_> = ink.iter().map(|&value| value > threshold).collect();
    let mut take = |(x, y): (u32, u32)| std::mem::take(&mut is_free[(y * width + x) as usize]);
    let mut parts = Vec::new();
    for (x, y, _) in ink.enumerate_pixels() {
        if !take((x, y)) {
            continue;
        }
        let mut pixels = vec![(x, y)];
        let mut next = 0;
        while let Some(&(x, y)) = pixels.get(next) {
            next += 1;
            let rows = y.saturating_sub(1)..(y + 2).min(height);
            let around = rows.flat_map(|y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| (x, y)));
            pixels.extend(around.filter(|&pixel| take(pixel)));
        }
        parts.extend(Part::of(pixels));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pen_is_as_wide_as_its_line_in_any_direction() {
        for (down, across) in [(100.0, 0.0), (0.0, 100.0), (70.0, 70.0), (90.0_f32, 40.0_f32)] {
            let length = down.hypot(across);
            let picture = LumaImage::from_fn(160, 160, |x, y| {
                let (x, y) = (x as f32 - 20.0, y as f32 - 20.0);
                let along = (x * across + y * down) / length;
                let beside = ((x * down - y * across) / length).abs();
                Luma([f32::from(beside < 5.0 && (0.0..length).contains(&along))])
            });
            let found = connected(&picture, THRESHOLD)[0].pen();
            assert!((found - 10.0).abs() < 1.6, "{down}, {across}: {found}");
        }
    }
}
