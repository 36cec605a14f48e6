//! The outputs of a network's last hidden layer, seen along a few directions.

mod chart;

use mnist_classification::{
    Error, Result,
    data::Samples,
    model::{Layer, Network},
};
use tch::{Device, Kind, Tensor};

pub use chart::components;

use crate::in_batches;

/// How many samples go through the network at once.
const BATCH: usize = 250;

/// The directions in which samples differ most: principal component analysis (K. Pearson, 1901).
#[derive(Debug)]
pub struct Pca {
    /// The mean of the samples, `[features]`.
    pub mean: Tensor,
    /// A direction of length 1 per component, `[components, features]`, the most important one first. Its largest entry
    /// is positive, whatever its sign would be otherwise.
    pub directions: Tensor,
    /// The share of the whole variance that lies in each direction.
    pub explained: Vec<f64>,
}

impl Pca {
    /// Finds the first `count` components of `[samples, features]` by the singular value decomposition of what is left
    /// when the mean is taken away.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another shape, or values that are not finite; [`Error::InvalidSetting`] when `count` is
    /// 0 or larger than both sizes allow.
    pub fn fit(samples: &Tensor, count: usize) -> Result<Self> {
        let [rows, features] = samples.size()[..] else {
            return Err(Error::mismatch("samples", format!("the shape {:?}", samples.size()), "[samples, features]"));
        };
        let most = (rows - 1).min(features).max(0) as usize;
        if !(1..=most).contains(&count) {
            let expected = format!("1 to {most}, for {rows} samples of {features} features");
            return Err(Error::invalid_setting("count", count, expected));
        }
        let samples = samples.f_detach()?.to_kind(Kind::Double);
        if !samples.f_isfinite()?.f_all()?.f_is_nonzero()? {
            return Err(Error::mismatch("samples", "a value that is NaN or infinite", "finite numbers"));
        }
        let mean = samples.f_mean_dim([0].as_slice(), false, None)?;
        let (_, lengths, directions) = samples.f_sub(&mean)?.f_svd(true, true)?;
        let directions = directions.f_transpose(0, 1)?.f_narrow(0, 0, count as i64)?;
        let largest = directions.f_gather(1, &directions.f_abs()?.f_argmax(1, true)?, false)?;
        let variances = Vec::<f64>::try_from(lengths.f_square()?.to_device(Device::Cpu))?;
        let whole: f64 = variances.iter().sum();
        let share = |variance: &f64| if whole > 0.0 { variance / whole } else { 0.0 };
        let explained = variances.iter().take(count).map(share).collect();
        Ok(Self { mean, directions: directions.f_mul(&largest.f_sign()?)?, explained })
    }

    /// Returns where samples, `[samples, features]`, lie along the components: `[samples, components]`, 64-bit floats.
    ///
    /// # Errors
    /// [`Error::Torch`] when the features are not those of the components.
    pub fn project(&self, samples: &Tensor) -> Result<Tensor> {
        let centred = samples.f_detach()?.to_kind(Kind::Double).f_sub(&self.mean)?;
        Ok(centred.f_matmul(&self.directions.f_transpose(0, 1)?)?)
    }
}

/// Returns what the last dense layer of a network takes of each sample, `[samples, features]`: the activations of the
/// last hidden layer.
///
/// # Errors
/// [`Error::InvalidSetting`] for a network without a dense layer; [`Error::Empty`] when there is no sample;
/// [`Error::Torch`] when samples do not fit; [`Error::Stopped`] when the notebook's user stopped it.
pub fn last_hidden(network: &Network, samples: &Samples) -> Result<Tensor> {
    let plan = network.plan();
    let Some(last) = plan.layers.iter().rposition(|layer| matches!(layer, Layer::Dense(_))) else {
        return Err(Error::invalid_setting("the network", plan, "one with a dense layer"));
    };
    in_batches(samples, BATCH, |batch| {
        let _guard = tch::no_grad_guard();
        let outputs = network.layer_outputs(&batch.inputs)?;
        Ok(last.checked_sub(1).map_or(&batch.inputs, |before| &outputs[before]).shallow_clone())
    })
}

#[cfg(test)]
mod tests;
