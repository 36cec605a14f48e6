//! The ink of a picture: how much darker or lighter than its paper each pixel is.

use super::{
    background::{Background, is_two_greys},
    luma_image::{LumaImage, map, quantile, sample, threshold},
    shading::without_shading,
};

/// The least contrast of ink, as a fraction of the paper's light, and as a multiple of the noise.
const FAINTEST: [f32; 2] = [0.06, 6.0];

/// Photographs have more pixels on their shorter side.
const SMALL: u32 = 50;

/// Returns the ink of a grey picture, be it dark or light, from 0 (paper) to 1 (the middle of a stroke); or says why
/// there is none.
pub(super) fn of(grey: &LumaImage) -> Result<LumaImage, &'static str> {
    let is_large = grey.width().min(grey.height()) >= SMALL;
    let noise = if is_large { noise(grey) } else { 0.0 };
    // Noise of a camera; a drawing has none, and its thin strokes stay as they are.
    let (grey, noise) = if noise > 0.008 { (&smoothed(grey), noise * 0.27) } else { (grey, noise) };
    let threshold = threshold(grey);
    let background = Background::of(grey, threshold);
    let is_drawn = !is_large || is_two_greys(grey, threshold);
    let ink = if is_drawn { drawn(grey, &background, threshold) } else { photographed(grey, &background) };
    let strength = strength(&ink);
    if strength < FAINTEST[0] || strength < FAINTEST[1] * noise {
        let is_seen = strength > 0.02 && strength > 5.5 * noise;
        return Err(if is_seen { "too little contrast" } else { "a picture without ink" });
    }
    Ok(map(&ink, |ink| (ink / strength).min(1.0)))
}

/// Returns how far each pixel differs from paper of one grey.
fn drawn(grey: &LumaImage, background: &Background, threshold: f32) -> LumaImage {
    let is_paper = |value: &f32| (*value > threshold) == background.is_light;
    let paper = quantile(&sample(grey).filter(is_paper).collect::<Vec<_>>(), 0.5);
    let sign = if background.is_light { 1.0 } else { -1.0 };
    map(grey, |value| (sign * (paper - value)).max(0.0))
}

/// Returns the ink on paper that light falls on: where it reflects, as a fraction of the light.
fn photographed(grey: &LumaImage, background: &Background) -> LumaImage {
    let dark = || without_shading(grey, true);
    let light = || without_shading(&map(grey, |value| 1.0 - value), false);
    if background.is_whole {
        return if background.is_light { dark() } else { light() };
    }
    let (dark, light) = (dark(), light());
    // Few pixels are as dark as dark ink. What a wrong choice takes for ink is paper, which is as light as much else.
    let as_dark = fraction(&dark, grey, |value, ink| value <= ink);
    let as_light = fraction(&light, grey, |value, ink| value >= ink);
    // Most photographs are of paper.
    if as_dark < 1.5 * as_light { dark } else { light }
}

/// Returns the fraction of a grey picture's pixels that are as dark, or as light, as the middle one of its ink.
fn fraction(ink: &LumaImage, grey: &LumaImage, is_as: impl Fn(f32, f32) -> bool) -> f32 {
    let half = strength(ink) / 2.0;
    let inked: Vec<_> = ink.iter().zip(grey.iter()).filter(|(ink, _)| **ink > half).map(|(_, &grey)| grey).collect();
    let middle = quantile(&inked, 0.5);
    grey.iter().filter(|&&value| is_as(value, middle)).count() as f32 / grey.len() as f32
}

/// Returns the mean of the strongest pixels, one in 2,000.
fn strength(ink: &LumaImage) -> f32 {
    let count = (ink.len() / 2_000).max(12).min(ink.len());
    let high = quantile(ink, 0.99);
    let mut values: Vec<_> = ink.iter().copied().filter(|&value| value > 0.0 && value >= high).collect();
    values.sort_unstable_by(|one, other| other.total_cmp(one));
    values.truncate(count);
    values.iter().sum::<f32>() / values.len().max(1) as f32
}

/// Returns the standard deviation of the noise, from the differences of pixels to their neighbours: most are paper.
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

/// Returns each number's mean with those around it, by weights of 1, 4, 6, 4 and 1 down and across: a bell whose
/// standard deviation is 1.
fn smoothed(grey: &LumaImage) -> LumaImage {
    let bell = |[one, two, three, four, five]: [f32; 5]| (one + 4.0 * two + 6.0 * three + 4.0 * four + five) / 16.0;
    let width = grey.width() as usize;
    let rows: Vec<_> = grey.chunks(width).collect();
    let mut result = LumaImage::new(grey.width(), grey.height());
    for (y, found) in result.chunks_mut(width).enumerate() {
        // Beyond its edges, the picture goes on as it ends.
        let around = [0, 1, 2, 3, 4].map(|below| rows[(y + below).clamp(2, rows.len() + 1) - 2]);
        let columns = (0..width + 4).map(|x| x.clamp(2, width + 1) - 2);
        let line: Vec<_> = columns.map(|x| bell(around.map(|row| row[x]))).collect();
        found.iter_mut().zip(line.array_windows()).for_each(|(found, &around)| *found = bell(around));
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
