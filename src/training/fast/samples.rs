//! Samples as the written-out step takes them: their classes, and their pixels in the form that makes the first layer fast.

use std::sync::Arc;

use tch::Tensor;

use super::sparse::SparsePixels;
use crate::{Error, Result, data::Samples, lanes};

/// Samples that fit a network.
#[derive(Debug)]
pub(super) struct FastSamples {
    /// The class of each sample.
    pub(super) labels: Arc<[usize]>,
    pub(super) pixels: Pixels,
}

/// The pixels of samples.
#[derive(Debug)]
pub(super) enum Pixels {
    /// Those that are not 0.
    Sparse(Arc<SparsePixels>),
    /// All, `[samples, pixels]`.
    Dense(Tensor),
}

impl FastSamples {
    /// Looks through the rows of pixels of samples for a network with these parameters.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when network and samples do not fit.
    pub(super) fn new(samples: &Samples, parameters: &[Tensor], takes_blank_pixels: bool) -> Result<Self> {
        let labels = check(samples, parameters)?.into();
        let pixels = if takes_blank_pixels {
            Pixels::Dense(samples.inputs.f_contiguous()?)
        } else {
            Pixels::Sparse(SparsePixels::new(samples)?.into())
        };
        Ok(Self { labels, pixels })
    }
}

/// How many samples tell how many pixels are blank.
const SOME: i64 = 4_096;

/// Whether the products of the first layer take blank pixels with the others. It follows from the samples and the processor,
/// not from a clock: the two ways round differently, and one machine must give the same bits again.
pub(in crate::training) fn takes_blank_pixels(samples: &Samples) -> Result<bool> {
    let some = samples.inputs.f_narrow(0, 0, SOME.min(samples.len() as i64))?;
    let nonzero = some.f_count_nonzero(None)?.f_int64_value(&[])?;
    Ok(nonzero as f64 > lanes::worthwhile_share() * some.numel() as f64)
}

/// The labels of samples that fit a network with these parameters.
fn check(samples: &Samples, parameters: &[Tensor]) -> Result<Vec<usize>> {
    let mismatch = |what, found, expected| Err(Error::Mismatch { what, found, expected });
    samples.check()?;
    let inputs = parameters[0].size()[0];
    let [_, pixels] = samples.inputs.size()[..] else {
        let found = format!("{:?}", samples.inputs.size());
        return mismatch("the size of the inputs", found, "a row of pixels per sample".into());
    };
    if pixels != inputs {
        return mismatch("pixels", format!("{pixels} per sample"), format!("{inputs}, the network's inputs"));
    }
    let classes = parameters[parameters.len() - 1].size()[0];
    let labels = Vec::<i64>::try_from(&samples.labels)?;
    if let Some(label) = labels.iter().find(|label| !(0..classes).contains(label)) {
        return mismatch("labels", label.to_string(), format!("0 to {}, the network's classes", classes - 1));
    }
    Ok(labels.into_iter().map(|label| label as usize).collect())
}
