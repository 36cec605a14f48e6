//! Gradients of a class's logit: input gradients and integrated gradients.

use mnist_classification::{Error, Result, data::Samples, model::Model};
use tch::{Kind, Tensor};

use super::{BATCH, asked_about, of_class, picture};
use crate::in_batches;

/// Computes how fast the logit of a sample's class grows with each pixel's ink (K. Simonyan and others, 2014, without
/// taking absolute values): `[samples, height, width]`. `classes` has a class for each sample.
///
/// # Errors
/// [`Error::Mismatch`] when samples are not pictures, or a class is missing or is none of the model's;
/// [`Error::NoGradient`] when the model computes without gradients; [`Error::Stopped`] when the notebook's user stopped
/// it.
pub fn input_gradients(model: &dyn Model, samples: &Samples, classes: &[usize]) -> Result<Tensor> {
    let [height, width] = picture(samples)?;
    let samples = asked_about(samples, classes)?;
    let maps = in_batches(&samples, BATCH, |batch| input_gradient(model, &batch.inputs, &batch.labels))?;
    Ok(maps.f_reshape([-1, height, width])?)
}

/// Computes integrated gradients (M. Sundararajan and others, 2017), `[samples, height, width]`: each pixel's ink times
/// the mean gradient on the straight way from an empty picture to the sample. The mean is taken by the middle rule: at
/// (i + 0.5) / `steps` of the way. With enough steps a map's sum is the logit of the sample minus that of the empty
/// picture.
///
/// # Errors
/// As [`input_gradients`]; [`Error::InvalidSetting`] for no step.
pub fn integrated_gradients(model: &dyn Model, samples: &Samples, classes: &[usize], steps: usize) -> Result<Tensor> {
    let [height, width] = picture(samples)?;
    if steps == 0 {
        return Err(Error::invalid_setting("steps", 0, "at least 1"));
    }
    let maps = in_batches(&asked_about(samples, classes)?, BATCH, |Samples { inputs, labels, .. }| {
        let mut sum = inputs.f_zeros_like()?;
        for step in 0..steps {
            let fraction = (step as f64 + 0.5) / steps as f64;
            sum = sum.f_add(&input_gradient(model, &inputs.f_mul_scalar(fraction)?, labels)?)?;
        }
        Ok(sum.f_mul(inputs)?.f_div_scalar(steps as f64)?)
    })?;
    Ok(maps.f_reshape([-1, height, width])?)
}

/// Returns the gradients of the classes' logits at these inputs.
fn input_gradient(model: &dyn Model, inputs: &Tensor, classes: &Tensor) -> Result<Tensor> {
    tch::with_grad(|| {
        let inputs = inputs.f_detach()?.f_set_requires_grad(true)?;
        gradient(&model.forward(&inputs)?, classes, &inputs)
    })
}

/// Returns the gradients of the classes' logits with respect to `values`, which the logits were computed from.
pub(super) fn gradient(logits: &Tensor, classes: &Tensor, values: &Tensor) -> Result<Tensor> {
    // Each sample's logit depends on its own values alone, so the gradient of the sum has that of each.
    let sum = of_class(logits, classes)?.f_sum(Kind::Float)?;
    if !sum.requires_grad() {
        return Err(Error::NoGradient);
    }
    let gradient = Tensor::f_run_backward(&[sum], &[values], false, false)?.pop().ok_or(Error::NoGradient)?;
    // libtorch leaves it undefined where the logits do not depend on the values.
    Ok(if gradient.defined() { gradient } else { values.f_zeros_like()? })
}
