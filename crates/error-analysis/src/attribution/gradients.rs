//! Input gradients and integrated gradients.

use mnist_classification::{Error, Result, data::Samples, model::Model};
use tch::Tensor;

use super::{as_pictures, gradient, in_batches, picture};

/// How fast the logit of a sample's class grows with each pixel's ink (K. Simonyan and others, 2014, without taking
/// absolute values): `[samples, height, width]`. `classes` has a class for each sample.
///
/// # Errors
/// [`Error::Mismatch`] when samples are not pictures, or a class is missing or is none of the model's;
/// [`Error::NoGradient`] when the model computes without gradients; [`Error::Stopped`] when the notebook's user stopped it.
pub fn input_gradients(model: &dyn Model, samples: &Samples, classes: &[usize]) -> Result<Tensor> {
    let picture = picture(samples)?;
    as_pictures(&in_batches(samples, classes, |inputs, classes| at(model, inputs, classes))?, picture)
}

/// Integrated gradients (M. Sundararajan and others, 2017), `[samples, height, width]`: each pixel's ink times the mean
/// gradient on the straight way from an empty picture to the sample. The mean is taken by the middle rule: at
/// (i + 0.5) / `steps` of the way. With enough steps a map's sum is the logit of the sample minus that of the empty picture.
///
/// # Errors
/// As [`input_gradients`]; [`Error::InvalidSetting`] for no step.
pub fn integrated_gradients(model: &dyn Model, samples: &Samples, classes: &[usize], steps: usize) -> Result<Tensor> {
    let picture = picture(samples)?;
    if steps == 0 {
        return Err(Error::invalid_setting("steps", "0", "at least 1"));
    }
    let integrate = |inputs: &Tensor, classes: &Tensor| {
        let mut sum = inputs.f_zeros_like()?;
        for step in 0..steps {
            let share = (step as f64 + 0.5) / steps as f64;
            sum = sum.f_add(&at(model, &inputs.f_mul_scalar(share)?, classes)?)?;
        }
        Ok(sum.f_mul(inputs)?.f_div_scalar(steps as f64)?)
    };
    as_pictures(&in_batches(samples, classes, integrate)?, picture)
}

/// The gradients of the classes' logits at these inputs.
fn at(model: &dyn Model, inputs: &Tensor, classes: &Tensor) -> Result<Tensor> {
    tch::with_grad(|| {
        let inputs = inputs.f_detach()?.f_set_requires_grad(true)?;
        gradient(&model.forward(&inputs)?, classes, &inputs)
    })
}
