//! The parts that only `notebooks/Error-Analysis.ipynb` needs: which samples a network fails on, why, and what of it is
//! the label's fault.
//!
//! - [`attribution`]: the pixels that speak for a class, by four methods, and a test of what such a map is worth.
//! - [`corruption`]: the 15 corruptions of MNIST-C, and changes of any strength.
//! - [`label_errors`]: labels that the predictions contradict, and what people said of MNIST's.
//! - [`pca`]: a network's last hidden layer, seen in two dimensions.
//! - [`stability`]: which mistakes every training makes, and which depend on the seed.
//! - [`mcnemar`]: two networks on the same samples; [`proportion_interval`]: how sure a share of right answers is.
//! - [`SelectiveAccuracy`]: how accurate a network is that may decline; [`lines`]: a chart of named lines;
//!   [`mistakes_page`]: a page with every mistake.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod attribution;
pub mod corruption;
#[cfg(test)]
#[path = "../../../tests/shared/examples.rs"]
mod examples;
pub mod label_errors;
mod lines;
mod mistakes_page;
mod paired;
pub mod pca;
mod selective;
pub mod stability;

pub use lines::lines;
pub use mistakes_page::mistakes_page;
pub use paired::{McNemar, mcnemar, proportion_interval};
pub use selective::SelectiveAccuracy;

use mnist_classification::{Result, data::Samples, support::check_interrupt};
use tch::{Device, Tensor};

/// Runs `compute` on each batch and joins what it returns, a row per sample, on the CPU.
fn in_batches(samples: &Samples, size: usize, compute: impl Fn(&Samples) -> Result<Tensor>) -> Result<Tensor> {
    samples.check()?;
    let rows = samples.batches(size).map(|batch| check_interrupt().and_then(|()| compute(&batch)));
    Ok(Tensor::f_cat(&rows.collect::<Result<Vec<_>>>()?, 0)?.f_to(Device::Cpu)?)
}

/// What the notebook needs, in one line: `use error_analysis::prelude::*;`
pub mod prelude {
    pub use crate::{
        SelectiveAccuracy,
        attribution::{
            ProbabilityDrop, attributions, grad_cam, input_gradients, integrated_gradients, occlusion,
            probability_drops,
        },
        corruption::{Corruption, Distortion},
        label_errors::{Votes, lowest_margins},
        lines, mcnemar, mistakes_page,
        pca::{Pca, components, last_hidden},
        proportion_interval,
        stability::Stability,
    };
}
