//! Shadows and uneven light, removed from a photograph of paper.

use image::buffer::ConvertBuffer;

use super::{
    luma_image::{LumaImage, from_bytes, map, quantile, zip},
    morphology::closing,
};

/// Returns how far each pixel is darker than the paper around it; where the paper `reflects`, as a fraction of the
/// paper's light: a shadow takes as large a fraction from paper as from ink.
pub(super) fn without_shading(grey: &LumaImage, reflects: bool) -> LumaImage {
    let side = grey.width().min(grey.height());
    let paper = closing(&grey.convert(), (side / 2).max(3));
    let paper = from_bytes(paper.dimensions(), paper.iter().copied());
    let ink = zip(&paper, grey, |paper, value| (paper - value) / if reflects { paper.max(0.1) } else { 1.0 });
    // The closing takes the lightest of the noise for the paper.
    let background = quantile(&ink, 0.5).min(0.1);
    map(&ink, |ink| (ink - background).max(0.0))
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn ink_in_light_and_in_shadow_has_one_strength_and_the_shadow_none() {
        // Paper reflects 0.9, ink 0.2; from x = 60 on, half of the light is gone.
        let light = |x: u32| if x < 60 { 1.0 } else { 0.5 };
        let reflected = |x: u32, y: u32| if (40..44).contains(&y) && (20..100).contains(&x) { 0.2 } else { 0.9 };
        let grey = LumaImage::from_fn(120, 90, |x, y| Luma([light(x) * reflected(x, y)]));
        for (x, y, ink) in without_shading(&grey, true).enumerate_pixels() {
            let expected = 1.0 - reflected(x, y) / 0.9;
            // The paper has eight bits.
            assert!((ink.0[0] - expected).abs() < 0.005, "{x}, {y}: {}", ink.0[0]);
        }
    }
}
