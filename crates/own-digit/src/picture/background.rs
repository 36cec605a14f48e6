//! Tells which of dark and light is the background of a picture, and which the ink.

use super::luma_image::{LumaImage, quantile, sample};

/// The background of a picture, as its edge shows it.
pub(super) struct Background {
    pub(super) is_light: bool,
    /// Whether all of the edge is background.
    pub(super) is_whole: bool,
}

impl Background {
    /// Finds the background: what the corners show, unless they differ; or most of the picture and of its edge. A frame
    /// is none. What is light lies above the threshold.
    pub(super) fn of(grey: &LumaImage, threshold: f32) -> Self {
        let (width, height) = grey.dimensions();
        let value = |(x, y): (u32, u32)| grey.get_pixel(x, y).0[0];
        let light =
            |values: &[f32]| values.iter().filter(|&&value| value > threshold).count() as f64 / values.len() as f64;
        let ring = |inset: u32| -> Vec<_> {
            let (right, bottom) = (width - 1 - inset, height - 1 - inset);
            let rows = (inset..=right).flat_map(|x| [(x, inset), (x, bottom)]);
            rows.chain((inset..=bottom).flat_map(|y| [(inset, y), (right, y)])).map(value).collect()
        };
        let corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)].map(value);
        let outermost = ring(0);
        let (corners, edge, inside) = (light(&corners), light(&outermost), light(&ring(width.min(height) / 14)));
        let is_framed = edge.min(inside) < 0.1 && edge.max(inside) > 0.9;
        // A flash or a vignette makes the edge dark, too, but most of the picture is lighter then.
        let is_even = (quantile(&outermost, 0.5) - quantile(grey, 0.5)).abs() < 0.04;
        let is_whole = is_even && (edge.max(inside) < 0.03 || edge.min(inside) > 0.97);
        let is_light = if !is_framed && (corners == 0.0 || corners == 1.0) {
            corners == 1.0
        } else {
            light(grey) + inside + if is_framed { inside } else { edge } > 1.5
        };
        Self { is_light, is_whole }
    }
}

/// Tells whether the picture is of two greys, paper and ink, on which no light falls: they explain 95 % of the
/// variance, and nothing is much darker than the one or lighter than the other.
pub(super) fn is_two_greys(grey: &LumaImage, threshold: f32) -> bool {
    let variance = |values: &[f32]| {
        let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
        values.iter().map(|value| (value - mean).powi(2)).sum::<f32>()
    };
    let all: Vec<_> = sample(grey).collect();
    let (dark, light): (Vec<f32>, Vec<f32>) = all.iter().partition(|&&value| value <= threshold);
    if (variance(&dark) + variance(&light)) / variance(&all).max(1e-9) >= 0.05 {
        return false;
    }
    let middles = [&dark, &light].map(|values| quantile(values, 0.5));
    let ends = [quantile(&dark, 0.002), quantile(&light, 0.998)];
    let between = 0.25 * (middles[1] - middles[0]);
    middles[0] - ends[0] < between && ends[1] - middles[1] < between
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::{super::luma_image::threshold, *};

    fn is_light(grey: impl Fn(u32, u32) -> f32) -> bool {
        let picture = LumaImage::from_fn(100, 100, |x, y| Luma([grey(x, y)]));
        let inverted = LumaImage::from_fn(100, 100, |x, y| Luma([1.0 - grey(x, y)]));
        let found = Background::of(&picture, threshold(&picture)).is_light;
        assert_eq!(Background::of(&inverted, threshold(&inverted)).is_light, !found, "inverted");
        found
    }

    #[test]
    fn the_ground_is_told_from_strokes_frames_and_filled_pictures() {
        assert!(is_light(|x, _| if (40..50).contains(&x) { 0.1 } else { 0.9 }), "a stroke from edge to edge");
        assert!(is_light(|x, y| if x.min(y).min(99 - x).min(99 - y) < 4 { 0.1 } else { 0.9 }), "a frame");
        // A round blot that leaves only the corners.
        assert!(is_light(|x, y| if (x as f32 - 49.5).hypot(y as f32 - 49.5) < 60.0 { 0.1 } else { 0.9 }), "a blot");
    }

    #[test]
    fn a_drawing_has_two_greys_and_a_photograph_more() {
        let are_two = |grey: &dyn Fn(u32, u32) -> f32| {
            let picture = LumaImage::from_fn(100, 100, |x, y| Luma([grey(x, y)]));
            is_two_greys(&picture, threshold(&picture))
        };
        let ink = |x: u32, y: u32| (40..50).contains(&x) && (20..80).contains(&y);
        assert!(are_two(&|x, y| if ink(x, y) { 0.1 } else { 0.9 }));
        let shadow = |x: u32| if x > 60 { 0.5 } else { 0.9 };
        assert!(!are_two(&|x, y| if ink(x, y) { 0.1 } else { shadow(x) }));
        assert!(!are_two(&|x, y| if ink(x, y) { 0.1 } else { 0.4 + x as f32 / 200.0 }));
    }
}
