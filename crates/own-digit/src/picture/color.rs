//! From colors to grey: the channel that tells ink from paper.

use image::{DynamicImage, RgbaImage};

use super::luma_image::{LumaImage, from_bytes, map, quantile, zip};

/// Returns the picture in grey, from 0 (dark) to 1 (light), by the channel in which ink and paper differ most. Where
/// only the transparency tells them apart, it becomes the grey.
pub(super) fn grey(picture: DynamicImage) -> LumaImage {
    if let DynamicImage::ImageLuma8(grey) = &picture {
        return from_bytes(grey.dimensions(), grey.iter().copied());
    }
    let picture = &picture.into_rgba8();
    let channel = |index| from_bytes(picture.dimensions(), picture.pixels().map(|pixel| pixel.0[index]));
    let any = |is: fn([u8; 4]) -> bool| picture.pixels().any(|pixel| is(pixel.0));
    let alpha = channel(3);
    if any(|pixel| pixel[3] <= 127) && any(|pixel| pixel[3] > 127) && is_plain(picture) {
        return map(&alpha, |alpha| 1.0 - alpha);
    }
    let on_white = |index: usize| zip(&channel(index), &alpha, |value, alpha| 1.0 - alpha * (1.0 - value));
    if !any(|[red, green, blue, _]| red != green || red != blue) {
        return on_white(0);
    }
    let [red, green, blue] = [0, 1, 2].map(on_white);
    let luma = zip(&zip(&red, &green, |red, green| 0.299 * red + 0.587 * green), &blue, |sum, blue| sum + 0.114 * blue);
    let channels = [red, green, blue].into_iter().map(|channel| (spread(&channel), channel));
    let best = channels.max_by(|(one, _), (other, _)| one.total_cmp(other));
    // Brightness has less noise than a channel alone.
    best.filter(|(best, _)| *best > 1.3 * spread(&luma)).map_or(luma, |(_, channel)| channel)
}

/// Tells whether all that can be seen has one color, so that there is no paper.
fn is_plain(picture: &RgbaImage) -> bool {
    // At the edge of what is opaque, a picture that was scaled down has other colors.
    let most = picture.pixels().map(|pixel| pixel.0[3]).max().unwrap_or(0);
    (0..3).all(|index| {
        let visible =
            picture.pixels().filter(|pixel| pixel.0[3] > 127 && u16::from(pixel.0[3]) * 20 >= u16::from(most) * 19);
        let visible: Vec<_> = visible.map(|pixel| f32::from(pixel.0[index]) / 255.0).collect();
        quantile(&visible, 0.98) - quantile(&visible, 0.02) < 0.12
    })
}

/// Returns how far the numbers lie from their median, in the mean.
fn spread(image: &LumaImage) -> f32 {
    let middle = quantile(image, 0.5);
    // A sum of millions of numbers, in 64 bits.
    (image.iter().map(|value| f64::from((value - middle).abs())).sum::<f64>() / image.len() as f64) as f32
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    /// A stroke of one color on another, and what the grey of both is.
    fn greys(ink: [u8; 4], paper: [u8; 4]) -> [f32; 2] {
        let picture = RgbaImage::from_fn(40, 40, |x, _| Rgba(if (10..14).contains(&x) { ink } else { paper }));
        let grey = grey(picture.into());
        [grey.get_pixel(12, 20).0[0], grey.get_pixel(30, 20).0[0]]
    }

    #[test]
    fn the_channel_that_tells_ink_from_paper_is_taken() {
        for (ink, paper, expected) in [
            ([255, 235, 60, 255], [255, 255, 255, 255], [60.0, 255.0]), // Yellow by its blue.
            ([40, 140, 40, 255], [200, 40, 40, 255], [40.0, 200.0]),    // Green on red by its red.
        ] {
            assert_eq!(greys(ink, paper).map(|grey| (255.0 * grey).round()), expected);
        }
        let [ink, paper] = greys([20, 20, 20, 255], [250, 250, 250, 255]);
        assert!(ink < 0.1 && paper > 0.9);
    }

    #[test]
    fn transparency_is_paper_and_tells_ink_where_colors_do_not() {
        for ink in [[0, 0, 0, 255], [255, 255, 255, 255], [225, 225, 225, 255]] {
            assert_eq!(greys(ink, [0, 0, 0, 0]), [0.0, 1.0], "{ink:?}");
        }
        // A white card with transparent ground around it: the ink on the card is what its colors say.
        let picture = RgbaImage::from_fn(60, 60, |x, y| match (x, y) {
            (25..30, 20..40) => Rgba([0, 0, 0, 255]),
            (10..50, 10..50) => Rgba([255, 255, 255, 255]),
            _ => Rgba([0, 0, 0, 0]),
        });
        let grey = grey(picture.into());
        assert_eq!([(27, 30), (45, 45), (2, 2)].map(|(x, y)| grey.get_pixel(x, y).0[0].round()), [0.0, 1.0, 1.0]);
    }
}
