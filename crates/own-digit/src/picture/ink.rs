//! The ink of a picture: how much darker or lighter than its paper each pixel is.

use super::{
    background::{Background, is_two_greys},
    luma_image::{LumaImage, map, quantile, sample, threshold},
    shading::without_shading,
};

/// The ink of a picture, from 0 (paper) on, and what is known of it. On a photograph it is a share of the paper's light.
pub(super) struct Ink {
    pub(super) plane: LumaImage,
    /// What a stroke's middle has.
    pub(super) strength: f32,
    /// The standard deviation of the noise.
    pub(super) noise: f32,
}

/// Photographs have more pixels on their shorter side.
const SMALL: u32 = 50;

impl Ink {
    /// The ink of a grey picture, whichever of dark and light it is.
    pub(super) fn of(grey: &LumaImage) -> Self {
        let is_large = grey.width().min(grey.height()) >= SMALL;
        let noise = if is_large { noise(grey) } else { 0.0 };
        // Noise of a camera; a drawing has none, and its thin strokes stay as they are.
        let (smooth, noise) = if noise > 0.008 { (Some(smoothed(grey)), noise * 0.27) } else { (None, noise) };
        let grey = smooth.as_ref().unwrap_or(grey);
        let threshold = threshold(grey);
        let ground = Background::of(grey, threshold);
        let is_drawn = !is_large || is_two_greys(grey, threshold);
        let plane = if is_drawn { drawn(grey, &ground, threshold) } else { photographed(grey, &ground) };
        let strength = strength(&plane);
        Self { plane, strength, noise }
    }
}

/// The ink on paper of one grey.
fn drawn(grey: &LumaImage, ground: &Background, threshold: f32) -> LumaImage {
    let is_paper = |value: &f32| (*value > threshold) == ground.is_light;
    let paper = quantile(&sample(grey).filter(is_paper).collect::<Vec<_>>(), 0.5);
    if ground.is_light {
        map(grey, |value| (paper - value).max(0.0))
    } else {
        map(grey, |value| (value - paper).max(0.0))
    }
}

/// The ink on paper that light falls on.
fn photographed(grey: &LumaImage, ground: &Background) -> LumaImage {
    let (dark, light) = (|| without_shading(grey, true), || without_shading(&inverted(grey), false));
    if ground.is_whole {
        return if ground.is_light { dark() } else { light() };
    }
    let (dark, light) = (dark(), light());
    // Few pixels are as dark as dark ink. What a wrong choice takes for ink is paper, which is as light as much else.
    let shares = [share(&dark, grey, |value, ink| value <= ink), share(&light, grey, |value, ink| value >= ink)];
    // Most photographs are of paper.
    if shares[0] < 1.5 * shares[1] { dark } else { light }
}

/// The share of a grey picture's pixels that are as dark, or as light, as the middle one of its ink.
fn share(ink: &LumaImage, grey: &LumaImage, is_as: impl Fn(f32, f32) -> bool) -> f32 {
    let half = strength(ink) / 2.0;
    let inked: Vec<_> = ink.iter().zip(grey.iter()).filter(|(ink, _)| **ink > half).map(|(_, &grey)| grey).collect();
    let middle = quantile(&inked, 0.5);
    grey.iter().filter(|&&value| is_as(value, middle)).count() as f32 / grey.len() as f32
}

fn inverted(grey: &LumaImage) -> LumaImage {
    map(grey, |value| 1.0 - value)
}

/// What the strongest pixels, one in 2,000, have in the mean.
fn strength(ink: &LumaImage) -> f32 {
    let count = (ink.len() / 2_000).max(12).min(ink.len());
    let high = quantile(ink, 0.99);
    let mut values: Vec<_> = ink.iter().copied().filter(|&value| value > 0.0 && value >= high).collect();
    values.sort_unstable_by(|one, other| other.total_cmp(one));
    values.iter().take(count).sum::<f32>() / count as f32
}

/// The standard deviation of the noise, from the differences of pixels to their neighbours: most of them are paper.
fn noise(grey: &LumaImage) -> f32 {
    let rows: Vec<_> = grey.chunks(grey.width() as usize).collect();
    let mut differences = Vec::new();
    // About fifty rows tell it.
    for rows in rows.windows(3).step_by(rows.len().div_ceil(50)) {
        let [above, row, below] = [rows[0], rows[1], rows[2]];
        let around = |x: usize| (row[x - 1] + row[x + 1] + above[x] + below[x]) / 4.0;
        differences.extend((1..row.len() - 1).map(|x| (row[x] - around(x)).abs()));
    }
    1.4826 * 0.8_f32.sqrt() * quantile(&differences, 0.5)
}

/// Each number's mean with those around it, by weights of 1, 4, 6, 4 and 1 down and across: a bell whose standard deviation
/// is 1.
fn smoothed(grey: &LumaImage) -> LumaImage {
    let bell = |around: &[f32; 5]| {
        let [one, two, three, four, five] = around;
        (one + 4.0 * two + 6.0 * three + 4.0 * four + five) / 16.0
    };
    let width = grey.width() as usize;
    let rows: Vec<_> = grey.chunks(width).collect();
    let mut result = LumaImage::new(grey.width(), grey.height());
    for (y, found) in result.chunks_mut(width).enumerate() {
        // Beyond its edges, the picture goes on as it ends.
        let around = [0, 1, 2, 3, 4].map(|below| rows[(y + below).clamp(2, rows.len() + 1) - 2]);
        let columns = (0..width + 4).map(|x| x.clamp(2, width + 1) - 2);
        let line: Vec<_> = columns.map(|x| bell(&around.map(|row| row[x]))).collect();
        found.iter_mut().zip(line.array_windows()).for_each(|(found, around)| *found = bell(around));
    }
    result
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn smoothing_spreads_a_pixel_by_a_standard_deviation_of_1() {
        let dot = LumaImage::from_fn(21, 15, |x, y| Luma([f32::from((x, y) == (9, 7))]));
        let found = smoothed(&dot);
        let moment = |power: i32| {
            found.enumerate_pixels().map(|(x, _, value)| value.0[0] * (x as f32 - 9.0).powi(power)).sum::<f32>()
        };
        assert_eq!([moment(0), moment(1), moment(2)], [1.0, 0.0, 1.0]);
        assert_eq!(smoothed(&LumaImage::from_pixel(5, 6, Luma([0.5]))), LumaImage::from_pixel(5, 6, Luma([0.5])));
    }
}
