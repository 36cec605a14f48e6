//! The loss: the cross-entropy of logits and labels, and how many of them agree.

use tch::{Kind, Reduction, Tensor};

use crate::Result;

/// Computes −log of the softmax' probability of each sample's label, in nats, as a sum or a mean over the samples:
/// logits `[samples, classes]`, labels `[samples]`. Smoothing spreads this fraction of each label over all classes.
pub(super) fn cross_entropy(logits: &Tensor, labels: &Tensor, over: Reduction, smoothing: f64) -> Result<Tensor> {
    const IGNORED: i64 = -100; // libtorch's label of samples that do not count; there are none here.
    Ok(logits.f_cross_entropy_loss::<Tensor>(labels, None, over, IGNORED, smoothing)?)
}

/// Counts the samples that have their highest logit at their label.
pub(super) fn correct(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(logits.f_argmax(1, false)?.f_eq_tensor(labels)?.f_sum(Kind::Int64)?)
}
