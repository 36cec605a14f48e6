//! Attribution maps: how much each pixel of a sample speaks for a class, or against it.
//!
//! All look at the class's logit, and leave the model as it was, without gradients on its parameters.

mod chart;
mod grad_cam;
mod gradients;
mod perturbation;

use mnist_classification::{Error, Result, data::Samples};
use tch::Tensor;

pub use chart::attributions;
pub use grad_cam::grad_cam;
pub use gradients::{input_gradients, integrated_gradients};
pub use perturbation::{ProbabilityDrop, occlusion, probability_drops};

/// How many samples go through the network at once: with gradients, each keeps the outputs of all layers.
const BATCH: usize = 100;

/// Enlarges maps, `[samples, height, width]`, to this height and width: values between are interpolated linearly in
/// both directions. A Grad-CAM map is as small as its layer's output.
///
/// # Errors
/// [`Error::Torch`] when the maps are not `[samples, height, width]`.
pub fn enlarged(maps: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let size = [height as i64, width as i64];
    Ok(maps.f_unsqueeze(1)?.f_upsample_bilinear2d(size, false, None, None)?.f_squeeze_dim(1)?)
}

/// Relabels the samples with the classes that are asked about, one per sample.
fn asked_about(samples: &Samples, classes: &[usize]) -> Result<Samples> {
    if classes.len() != samples.len() {
        return Err(Error::mismatch("number of classes", classes.len(), format!("{}, one per sample", samples.len())));
    }
    let classes: Vec<_> = classes.iter().map(|&class| i64::try_from(class).unwrap_or(i64::MAX)).collect();
    let labels = Tensor::f_from_slice(&classes)?.to_device(samples.inputs.device());
    Ok(Samples { labels, ..samples.shallow_clone() })
}

/// Picks each sample's class from scores, `[samples, classes]`.
fn of_class(scores: &Tensor, classes: &Tensor) -> Result<Tensor> {
    let [_, count] = scores.size()[..] else {
        return Err(Error::mismatch("logits", format!("the shape {:?}", scores.size()), "[samples, classes]"));
    };
    let largest = classes.f_max()?.int64_value(&[]);
    if largest >= count {
        return Err(Error::mismatch("class", largest, format!("0 to {}, the classes of the model", count - 1)));
    }
    Ok(scores.f_gather(1, &classes.f_unsqueeze(1)?, false)?.f_squeeze_dim(1)?)
}

/// Returns height and width of the samples' pictures.
fn picture(samples: &Samples) -> Result<[i64; 2]> {
    let (shape, inputs) = (format!("{:?}", samples.shape), samples.inputs.size());
    let expected = match samples.shape[..] {
        [height, width] if inputs == [samples.len() as i64, (height * width) as i64] => {
            return Ok([height as i64, width as i64]);
        }
        [_, _] => format!("that of inputs {inputs:?}"),
        _ => "[height, width] of a picture".into(),
    };
    Err(Error::mismatch("shape of a sample", shape, expected))
}

/// Enlarges the maps, one per sample, to the size of the samples' pictures.
fn as_pictures(maps: &Tensor, samples: &Samples) -> Result<Tensor> {
    let ([height, width], count) = (picture(samples)?, samples.len());
    if maps.dim() != 3 || maps.size()[0] != count as i64 {
        let expected = format!("[{count}, height, width], one per sample");
        return Err(Error::mismatch("shape of the maps", format!("{:?}", maps.size()), expected));
    }
    enlarged(maps, [height as usize, width as usize])
}

#[cfg(test)]
mod tests;
