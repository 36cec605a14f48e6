//! Occlusion: how much is lost without a part of the picture.

use mnist_classification::{Error, Result, data::Samples, model::Model};
use tch::Tensor;

use super::{as_pictures, in_batches, of_class, picture};

/// Occlusion (M. Zeiler, R. Fergus, 2014), `[samples, height, width]`: a square window of `window` pixels a side blanks
/// the picture in places `stride` pixels apart. A pixel's value is the mean, over the windows that cover it, of the
/// class's logit without the window minus that with it. Where the last window does not fit, it ends at the border.
///
/// # Errors
/// [`Error::Mismatch`] when samples are not pictures, or a class is missing or is none of the model's;
/// [`Error::InvalidSetting`] for a window larger than the picture, or a stride that would leave pixels out;
/// [`Error::Stopped`] when the notebook's user stopped it.
pub fn occlusion(
    model: &dyn Model,
    samples: &Samples,
    classes: &[usize],
    window: usize,
    stride: usize,
) -> Result<Tensor> {
    let [height, width] = picture(samples)?;
    let setting =
        |setting, found: usize, largest| Err(Error::invalid_setting(setting, found, format!("1 to {largest}")));
    if !(1..=height.min(width) as usize).contains(&window) {
        return setting("window", window, height.min(width) as usize);
    }
    if !(1..=window).contains(&stride) {
        return setting("stride", stride, window);
    }
    let [window, stride] = [window as i64, stride as i64];
    let occlude = |inputs: &Tensor, classes: &Tensor| {
        let _guard = tch::no_grad_guard();
        let pictures = as_pictures(inputs, [height, width])?;
        let logit = |pictures: &Tensor| of_class(&model.forward(&pictures.f_reshape_as(inputs)?)?, classes);
        let whole = logit(&pictures)?;
        let (lost, windows) = (pictures.f_zeros_like()?, pictures.f_zeros_like()?);
        for (top, rows) in places(height, window, stride) {
            for (left, columns) in places(width, window, stride) {
                let covered = |all: &Tensor| all.f_narrow(1, top, rows)?.f_narrow(2, left, columns);
                let blanked = pictures.f_detach_copy()?;
                let _ = covered(&blanked)?.f_fill_(0.0)?;
                let loss = whole.f_sub(&logit(&blanked)?)?;
                let _ = covered(&lost)?.f_add_(&loss.f_reshape([-1, 1, 1])?)?;
                let _ = covered(&windows)?.f_add_scalar_(1.0)?;
            }
        }
        Ok(lost.f_div(&windows)?)
    };
    in_batches(samples, classes, occlude)
}

/// Where windows begin along a side, and how many pixels each covers.
fn places(side: i64, window: i64, stride: i64) -> impl Iterator<Item = (i64, i64)> {
    let last = (side - window + stride - 1) / stride;
    (0..=last).map(move |index| (index * stride, window.min(side - index * stride)))
}
