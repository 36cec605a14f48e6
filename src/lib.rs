//! MNIST digit classification: the tour is written last.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod error;
pub mod data;
pub mod figures;
pub mod metrics;
pub mod model;
pub mod optimizer;
pub mod training;

pub use error::{Error, Result};
