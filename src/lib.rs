//! Handwritten digits, from pixels to a report: the library under the notebooks, in reading order.
//!
//! 1. [`data`]: MNIST and its relatives, as images and as a network's samples.
//! 2. [`model`]: the network, made from a plan; its summary and its file.
//! 3. [`optimizer`]: how gradients change the parameters.
//! 4. [`training`]: `fit`, `evaluate`, `predict`, and the history of a training.
//! 5. [`metrics`]: the confusion matrix, the classification report, calibration.
//! 6. [`analysis`]: which samples fail, why, and what of it is the label's fault.
//! 7. [`results`]: many trainings, compared.
//! 8. [`figures`]: charts that show themselves in a notebook and save as PNG or SVG.
//!
//! [`statistics`] has means with their intervals, and tests. [`tables`] shows and saves polars frames. [`page`] is a page
//! to draw digits on. [`choose_device`] finds a GPU. The `run` module is what the command line does with all of these.
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
//! - **validation** samples: set aside from the training samples to make choices on; **test** samples: looked at once per
//!   finished training;
//! - **support**: the number of samples of a class.
//!
//! The whole of it, on digits drawn by a program in place of MNIST:
//!
//! ```
//! use mnist_classification::prelude::*;
//!
//! let digits = Mnist::drawn(0)?;
//! let mut model = Mlp::new(&[784, 32, 10], 0)?;
//! let history = fit(&mut model, &digits.train.preprocess(), &Training { epochs: 1, ..Training::default() })?;
//! let predictions = predict(&model, &digits.test.preprocess())?;
//! let confusion = ConfusionMatrix::of(&predictions)?;
//! println!("{}", ClassificationReport::new(&confusion));
//! figures::training_curves(&history)?.save("target/doc-example/curves.svg")?;
//! assert!(confusion.accuracy() > 0.5);
//! # Ok::<(), Error>(())
//! ```

#![deny(missing_docs)]
// Four files are excepted and say why: lanes.rs, optimizer/one_pass.rs, device/cuda.rs and device/memory.rs.
#![deny(unsafe_code)]

pub mod analysis;
pub mod data;
mod decimals;
mod device;
mod error;
pub mod figures;
mod files;
mod lanes;
pub mod metrics;
pub mod model;
mod notebook;
pub mod optimizer;
pub mod page;
mod random;
pub mod results;
#[cfg(feature = "command-line")]
pub mod run;
mod signature;
pub mod statistics;
pub mod tables;
pub mod training;
mod warning;

pub use device::choose_device;
pub use error::{Error, Result};
pub use random::Random;
pub use warning::Warning;
// So that a notebook can go beneath this library with the versions that it was built with.
pub use {plotters, polars, tch};

/// What a notebook needs, in one line: `use mnist_classification::prelude::*;`
pub mod prelude {
    pub use crate::{
        Error, Random, Result, Warning, choose_device,
        data::{Augmentation, Classes, Digits, MNIST, Mnist, Picture, Samples},
        figures,
        metrics::{ClassificationReport, ConfusionMatrix},
        model::{Ensemble, Layer, Mlp, Model, Network, Plan},
        optimizer::Optimizer,
        page::Page,
        results::{Outcome, Results},
        tables::Table,
        training::{Answer, History, Predictions, Sampling, Schedule, Scores, Training, evaluate, fit, predict, read},
    };
}
