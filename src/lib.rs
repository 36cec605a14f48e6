//! Handwritten digits, from pixels to a report: the library under the notebooks, in reading order. The whole of it in
//! plain tch, on one screen, is `examples/mnist.rs`: `cargo run --example mnist`.
//!
//! 1. [`data`]: MNIST and its relatives, as images and as a network's samples.
//! 2. [`model`]: the network, made from a plan; its summary and its file.
//! 3. [`optimizer`]: how gradients change the parameters.
//! 4. [`training`]: `fit`, `evaluate`, `predict`, and the history of a training.
//! 5. [`metrics`]: the confusion matrix, the classification report, calibration, significance.
//! 6. [`figures`]: charts that show themselves in a notebook and save as PNG or SVG.
//! 7. [`notebook`]: what else cells show: polars frames as tables, pages, warnings, what changes while a cell runs.
//!
//! [`choose_device`] finds a GPU. What one notebook alone needs lies in a crate of its own under `crates/`:
//! `experiments` (Improvements), `error-analysis` (Error-Analysis), `own-digit` (pictures and the pad), `interop`
//! (ONNX, PyTorch, Keras). `native` is what is unsafe or written for speed alone, `cli` the program.
//!
//! The words, as this library uses them:
//!
//! - **sample**: one picture as the network takes it, a row of values, with its **label**, the number of its **class**;
//! - **batch**: the samples of one **step**, in which the parameters change once; **epoch**: as many steps as take all
//!   training samples;
//! - **parameters**: what training changes by gradients, kernels and biases; **running statistics**: what it changes
//!   without, the means and variances of batch normalisation; **weights**: both together;
//! - **plan**: the shape of a sample and the list of layers that a network is made from;
//! - **logits**: what a network computes for each class; their softmax are the probabilities;
//! - **validation** samples: set aside from the training samples to make choices on; **test** samples: looked at once
//!   per finished training;
//! - **support**: the number of samples of a class.
//!
//! The whole of it, on digits drawn by a program in place of MNIST:
//!
//! ```
//! use mnist_classification::prelude::*;
//!
//! let digits = Dataset::drawn(0)?;
//! let mut model = Network::mlp([784, 32, 10], 0)?;
//! let history = fit(&mut model, &digits.train.preprocess(), &Training { epochs: 1, ..Training::default() })?;
//! let predictions = predict(&model, &digits.test.preprocess())?;
//! let confusion = ConfusionMatrix::of(&predictions)?;
//! println!("{}", ClassificationReport::new(&confusion));
//! figures::training_curves(&history)?.save("target/doc-example/curves.svg")?;
//! assert!(confusion.accuracy() > 0.5);
//! # Ok::<(), Error>(())
//! ```

#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod data;
mod decimals;
mod device;
mod error;
#[cfg(test)]
#[path = "../tests/shared/examples.rs"]
mod examples;
pub mod figures;
mod files;
pub mod metrics;
pub mod model;
pub mod notebook;
pub mod optimizer;
mod random;
mod signature;
pub mod training;

// The examples are those of the other crates' tests, too.
#[cfg(test)]
extern crate self as mnist_classification;

pub use device::choose_device;
pub use error::{Error, Result};
pub use random::Random;
// So that a notebook can go beneath this library with the versions that it was built with.
pub use {plotters, polars, tch};

/// What a notebook needs, in one line: `use mnist_classification::prelude::*;`
pub mod prelude {
    pub use crate::{
        Error, Random, Result, choose_device,
        data::{Augmentation, Classes, Dataset, Images, MNIST, Samples},
        figures,
        metrics::{ClassificationReport, ConfusionMatrix},
        model::{Layer, Model, Network, Plan},
        notebook::{Live, Table, Warning, mnist_or_drawn},
        optimizer::Optimizer,
        training::{History, Predictions, Sampling, Schedule, Scores, Training, evaluate, fit, fit_with, predict},
    };
}

/// What the crates under `crates/` need of this one's inside. It is promised to nobody and may change at any time.
#[doc(hidden)]
pub mod support {
    pub use crate::{
        decimals::{decimals, fixed, percent},
        model::{
            layer::EPSILON as BATCH_NORM_EPSILON,
            weights::{bytes as tensor_bytes, file as weights_file, read_tensors, write as write_tensors},
        },
        notebook::{escaped, page::Parts, print, show},
        random::{Purpose, generator, uniform},
        signature::kind as file_kind,
        training::interrupt::check as check_interrupt,
    };

    /// What charts share.
    pub mod chart {
        pub use crate::figures::{axes::*, style::*};
    }

    /// Atomic file writes.
    pub mod files {
        pub use crate::files::*;
    }
}
