//! Attribution maps: how much each pixel of a sample speaks for a class, or against it.
//!
//! All look at the class's logit, and leave the model as it was, without gradients on its parameters.

mod chart;
mod faithfulness;
mod grad_cam;
mod gradients;
mod occlusion;

use mnist_classification::{Error, Result, data::Samples, support::check_interrupt};
use tch::{Device, Kind, Tensor};

pub use chart::attributions;
pub use faithfulness::{ProbabilityDrop, probability_drops};
pub use grad_cam::grad_cam;
pub use gradients::{input_gradients, integrated_gradients};
pub use occlusion::occlusion;

/// How many samples go through the network at once: with gradients, each keeps the outputs of all layers.
const BATCH: i64 = 100;

/// Maps of another size as maps of this height and width, `[samples, height, width]`: values between are interpolated
/// linearly in both directions. A Grad-CAM map is as small as its layer's output.
///
/// # Errors
/// [`Error::Torch`] when the maps are not `[samples, height, width]`.
pub fn enlarged(maps: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let size = [height as i64, width as i64];
    Ok(maps.f_unsqueeze(1)?.f_upsample_bilinear2d(size, false, None, None)?.f_squeeze_dim(1)?)
}

/// What `map` makes of each batch's inputs and classes, one below the other.
fn in_batches(
    samples: &Samples,
    classes: &[usize],
    map: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    samples.check()?;
    let classes = column(samples, classes)?.to_device(samples.inputs.device());
    let batch = |(batch, classes): (Samples, Tensor)| {
        check_interrupt()?;
        map(&batch.inputs, &classes)
    };
    let batches = samples.batches(BATCH as usize).zip(classes.f_split(BATCH, 0)?);
    let maps = batches.map(batch).collect::<Result<Vec<_>>>()?;
    Ok(Tensor::f_cat(&maps, 0)?.f_to(Device::Cpu)?)
}

/// The classes that are asked about, one per sample, `[samples, 1]`.
fn column(samples: &Samples, classes: &[usize]) -> Result<Tensor> {
    if classes.len() != samples.len() {
        return Err(Error::mismatch("number of classes", classes.len(), format!("{}, one per sample", samples.len())));
    }
    let classes: Vec<_> = classes.iter().map(|&class| i64::try_from(class).unwrap_or(i64::MAX)).collect();
    Ok(Tensor::f_from_slice(&classes)?.f_unsqueeze(1)?)
}

/// Of scores, `[samples, classes]`, those of each sample's class, `[samples]`.
fn of_class(scores: &Tensor, classes: &Tensor) -> Result<Tensor> {
    let [_, count] = scores.size()[..] else {
        let found = format!("the shape {:?}", scores.size());
        return Err(Error::mismatch("logits", found, "[samples, classes]"));
    };
    let largest = classes.f_max()?.int64_value(&[]);
    if largest >= count {
        return Err(Error::mismatch("class", largest, format!("0 to {}, the classes of the model", count - 1)));
    }
    Ok(scores.f_gather(1, classes, false)?.f_squeeze_dim(1)?)
}

/// The gradients of the classes' logits with respect to `values`, which the logits were computed from.
fn gradient(logits: &Tensor, classes: &Tensor, values: &Tensor) -> Result<Tensor> {
    // Each sample's logit depends on its own values alone, so the gradient of the sum has that of each.
    let sum = of_class(logits, classes)?.f_sum(Kind::Float)?;
    if !sum.requires_grad() {
        return Err(Error::NoGradient);
    }
    let [gradient] = &Tensor::f_run_backward(&[sum], &[values], false, false)?[..] else {
        return Err(Error::NoGradient);
    };
    // libtorch leaves it undefined where the logits do not depend on the values.
    Ok(if gradient.defined() { gradient.shallow_clone() } else { values.f_zeros_like()? })
}

/// Height and width of the samples' pictures.
fn picture(samples: &Samples) -> Result<[i64; 2]> {
    let mismatch = |found, expected| Err(Error::mismatch("shape of a sample", found, expected));
    let [height, width] = samples.shape[..] else {
        return mismatch(format!("{:?}", samples.shape), "[height, width] of a picture".into());
    };
    if samples.inputs.size() != [samples.len() as i64, (height * width) as i64] {
        return mismatch(format!("{:?}", samples.shape), format!("that of inputs {:?}", samples.inputs.size()));
    }
    Ok([height as i64, width as i64])
}

/// Rows of pixels as pictures.
fn as_pictures(rows: &Tensor, [height, width]: [i64; 2]) -> Result<Tensor> {
    Ok(rows.f_reshape([-1, height, width])?)
}

#[cfg(test)]
mod tests;
