//! Grad-CAM: which places of a layer's output speak for a class.

use mnist_classification::{Error, Result, data::Samples, model::Network};
use tch::Tensor;

use super::{BATCH, asked_about, gradients::gradient};
use crate::in_batches;

/// Computes Grad-CAM (R. Selvaraju and others, 2017) of a layer's output, `[samples, height, width]` as that output has
/// them: the sum of its channels, each times the mean gradient of the class's logit with respect to it, and nothing
/// below 0. `layer` is the layer's position in the network's plan, from 0. Values are not normalised.
///
/// # Errors
/// [`Error::InvalidSetting`] for a layer that is not there, or whose output has no channels, height and width;
/// [`Error::Mismatch`] when a class is missing or is none of the network's; [`Error::Torch`] when samples do not fit;
/// [`Error::Stopped`] when the notebook's user stopped it.
pub fn grad_cam(network: &Network, samples: &Samples, classes: &[usize], layer: usize) -> Result<Tensor> {
    let shapes = network.plan().shapes()?;
    if shapes.get(layer).is_none_or(|shape| shape.len() != 3) {
        let found = match shapes.get(layer) {
            Some(shape) => format!("{layer}, whose output is {shape:?}"),
            None => format!("{layer} of {}", shapes.len()),
        };
        let expected = "the position of a layer whose output is [channels, height, width]";
        return Err(Error::invalid_setting("layer", found, expected));
    }
    in_batches(&asked_about(samples, classes)?, BATCH, |batch| {
        tch::with_grad(|| {
            // Also where the parameters before the layer ask for no gradient, its output must.
            let outputs = network.layer_outputs(&batch.inputs.f_detach()?.f_set_requires_grad(true)?)?;
            let (output, logits) = (&outputs[layer], &outputs[outputs.len() - 1]);
            let weights = gradient(logits, &batch.labels, output)?.f_mean_dim([2, 3].as_slice(), true, None)?;
            let weighted = weights.f_mul(&output.f_detach()?)?;
            Ok(weighted.f_sum_dim_intlist([1].as_slice(), false, None)?.f_relu()?)
        })
    })
}
