//! Handwritten digits, from pixels to a report: the library under the notebooks, in reading order.
//!
//! 1. [`data`]: MNIST and its relatives, as images and as the network's inputs.
//! 2. [`model`]: the network, its summary and its weights.
//! 3. [`optimizer`]: how gradients change the weights.
//! 4. [`training`]: `fit`, `evaluate`, `predict`, and the history of a training.
//! 5. [`metrics`]: the confusion matrix and the classification report.
//! 6. [`results`]: many trainings, compared.
//! 7. [`figures`]: charts that show themselves in a notebook and save as PNG or SVG.
//!
//! [`tables`] shows and saves polars frames. The `run` module is what the command line does with all of these.
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
// Three files are excepted and say why: lanes.rs, optimizer/one_pass.rs and run/cuda.rs.
#![deny(unsafe_code)]

pub mod data;
mod error;
pub mod figures;
mod files;
mod lanes;
pub mod metrics;
pub mod model;
pub mod optimizer;
mod random;
pub mod results;
#[cfg(feature = "command-line")]
pub mod run;
pub mod tables;
pub mod training;
mod warning;

pub use error::{Error, Result};
pub use random::Random;
pub use warning::Warning;
// So that a notebook can go beneath this library with the versions that it was built with.
pub use {plotters, polars, tch};

/// What a notebook needs, in one line: `use mnist_classification::prelude::*;`
pub mod prelude {
    pub use crate::{
        Error, Random, Result, Warning,
        data::{Augmentation, Classes, Digits, MNIST, Mnist, Samples},
        figures,
        metrics::{ClassificationReport, ConfusionMatrix},
        model::{Ensemble, Layer, Mlp, Model, Network},
        optimizer::Optimizer,
        results::{Outcome, Results},
        tables::Table,
        training::{History, Predictions, Sampling, Schedule, Scores, Training, evaluate, fit, predict},
    };
}
