//! Pixels blanked: occlusion, which makes a map, and a test of whether the answer needs the pixels that a map marks.

use mnist_classification::{
    Error, Result,
    data::Samples,
    model::Model,
    support::{Purpose, generator, uniform},
    training::predict,
};
use tch::{Device, Kind, Tensor};

use super::{BATCH, as_pictures, asked_about, of_class, picture};
use crate::in_batches;

/// Computes occlusion (M. Zeiler, R. Fergus, 2014), `[samples, height, width]`: a square window of `window` pixels a
/// side blanks the picture in places `stride` pixels apart. A pixel's value is the mean, over the windows that cover
/// it, of the class's logit without the window minus that with it. Where the last window does not fit, it ends at the
/// border.
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
    for (setting, found, largest) in [("window", window, height.min(width) as usize), ("stride", stride, window)] {
        if !(1..=largest).contains(&found) {
            return Err(Error::invalid_setting(setting, found, format!("1 to {largest}")));
        }
    }
    let [window, stride] = [window as i64, stride as i64];
    in_batches(&asked_about(samples, classes)?, BATCH, |Samples { inputs, labels, .. }| {
        let _guard = tch::no_grad_guard();
        let pictures = inputs.f_reshape([-1, height, width])?;
        let logit = |pictures: &Tensor| of_class(&model.forward(&pictures.f_reshape_as(inputs)?)?, labels);
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
    })
}

/// Returns where windows begin along a side, and how many pixels each covers.
fn places(side: i64, window: i64, stride: i64) -> impl Iterator<Item = (i64, i64)> {
    let last = (side - window + stride - 1) / stride;
    (0..=last).map(move |index| (index * stride, window.min(side - index * stride)))
}

/// How many times random pixels are blanked.
const DRAWS: usize = 20;

/// How much the probability of a class falls when a tenth of the pixels is blanked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbabilityDrop {
    /// Without the tenth that the map marks most.
    pub marked: f64,
    /// Without as many random pixels of ink as lie within that tenth: the mean over twenty draws.
    pub random: f64,
}

/// Measures, for each sample, how much the probability of its class falls without the tenth of the pixels that has the
/// highest values in its map, against as much ink drawn at random from `seed`: blank paper changes nothing, so random
/// pixels would be too easy to beat. Smaller maps, such as Grad-CAM's, are [`enlarged`](super::enlarged).
///
/// # Errors
/// [`Error::Mismatch`] when samples are not pictures, or a map or class is missing, or a class is none of the model's;
/// [`Error::Stopped`] when the notebook's user stopped it.
pub fn probability_drops(
    model: &dyn Model,
    samples: &Samples,
    classes: &[usize],
    maps: &Tensor,
    seed: u64,
) -> Result<Vec<ProbabilityDrop>> {
    let maps = as_pictures(maps, samples)?.f_flatten(1, -1)?;
    let classes = asked_about(samples, classes)?.labels.to_device(Device::Cpu);
    let (size, device) = (samples.inputs.size(), samples.inputs.device());
    let probability = |inputs: Tensor| {
        let predictions = predict(model, &Samples { inputs, ..samples.shallow_clone() })?;
        of_class(&predictions.probabilities, &classes)
    };
    let whole = probability(samples.inputs.shallow_clone())?;
    let (_, tenth) = maps.f_to(device)?.f_topk((size[1] / 10).max(1), 1, true, false)?;
    let marked = whole.f_sub(&probability(samples.inputs.f_scatter_value(1, &tenth, 0.0)?)?)?;
    let ink = samples.inputs.f_gt(0.0)?;
    let inked = ink.f_gather(1, &tenth, false)?.f_sum_dim_intlist([1].as_slice(), true, Kind::Int64)?;
    let (mut random, mut sum) = (generator(seed, Purpose::Pixels), whole.f_zeros_like()?);
    for _ in 0..DRAWS {
        // From 1 on ink, 0 on paper: the ink's highest values come first.
        let drawn = uniform(&size, [1.0, 2.0], device, &mut random)?.f_mul(&ink)?;
        let (sorted, _) = drawn.f_sort(1, true)?;
        let lowest = sorted.f_gather(1, &inked.f_sub_scalar(1)?.f_clamp_min(0)?, false)?.f_clamp_min(0.5)?;
        let blanked = drawn.f_ge_tensor(&lowest)?.f_logical_and(&inked.f_gt(0)?)?;
        sum = sum.f_add(&probability(samples.inputs.f_masked_fill(&blanked, 0.0)?)?)?;
    }
    let random = whole.f_sub(&sum.f_div_scalar(DRAWS as f64)?)?;
    let drops = Vec::<f64>::try_from(marked)?.into_iter().zip(Vec::<f64>::try_from(random)?);
    Ok(drops.map(|(marked, random)| ProbabilityDrop { marked, random }).collect())
}
