//! Samples as the written-out step takes them: their classes, and their pixels in the form that makes the first layer
//! fast.

use std::sync::Arc;

use tch::{Kind, Tensor};

use super::{
    Parameters,
    sparse::{MOST, SparsePixels},
};
use crate::{Error, Result, sparse_product::max_density};

/// Samples with their labels.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// A row of pixels for each sample, `[count, pixels]`, 32-bit floats in main memory.
    pub inputs: &'a Tensor,
    /// The class of each sample, `[count]`, 64-bit integers.
    pub labels: &'a Tensor,
}

/// Samples that fit a network.
#[derive(Debug)]
pub(super) struct CheckedSamples {
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

impl CheckedSamples {
    /// Looks through the rows of pixels of samples for a network with these parameters.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when network and samples do not fit.
    pub(super) fn new(samples: Labelled, parameters: &Parameters, uses_dense_input: bool) -> Result<Self> {
        let labels = check(samples, parameters)?.into();
        let pixels = if uses_dense_input {
            Pixels::Dense(samples.inputs.f_contiguous()?)
        } else {
            Pixels::Sparse(SparsePixels::new(samples.inputs)?.into())
        };
        Ok(Self { labels, pixels })
    }
}

/// How many samples tell how many pixels are blank.
const SOME: i64 = 4_096;

/// Tells whether the first layer's products take blank pixels with the others. It follows from the inputs, `[count,
/// pixels]`, and the processor, not from a clock: the two ways round differently, and one machine must give the same
/// bits again.
///
/// # Errors
/// [`Error::Torch`] when the inputs cannot be read.
pub fn uses_dense_input(inputs: &Tensor) -> Result<bool> {
    let [count, pixels] = [0, 1].map(|dimension| inputs.size().get(dimension).copied().unwrap_or_default());
    let some = inputs.f_narrow(0, 0, SOME.min(count))?;
    let nonzero = some.f_count_nonzero(None)?.f_int64_value(&[])?;
    Ok(pixels > MOST as i64 || nonzero as f64 > max_density() * some.numel() as f64)
}

/// Returns the labels of samples that fit a network with these parameters.
fn check(Labelled { inputs, labels }: Labelled, parameters: &Parameters) -> Result<Vec<usize>> {
    let (Some(first), Some(last)) = (parameters.kernels.first(), parameters.kernels.last()) else {
        return Err(Error::mismatch("parameters", "none", "a kernel and a bias for each layer"));
    };
    let [count, pixels] = inputs.size()[..] else {
        let found = format!("{:?}", inputs.size());
        return Err(Error::mismatch("the size of the inputs", found, "a row of pixels per sample"));
    };
    if pixels != first.size()[0] {
        let expected = format!("{}, the network's inputs", first.size()[0]);
        return Err(Error::mismatch("pixels", format!("{pixels} per sample"), expected));
    }
    if labels.size() != [count] || count == 0 {
        return Err(Error::mismatch("labels", format!("{:?}", labels.size()), format!("[{count}], one per sample")));
    }
    let classes = last.size()[1];
    let labels = Vec::<i64>::try_from(labels.to_kind(Kind::Int64))?;
    if let Some(label) = labels.iter().find(|label| !(0..classes).contains(*label)) {
        return Err(Error::mismatch("labels", label, format!("0 to {}, the network's classes", classes - 1)));
    }
    Ok(labels.into_iter().map(|label| label as usize).collect())
}
