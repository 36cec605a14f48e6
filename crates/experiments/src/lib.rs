//! The parts that only `notebooks/Improvements.ipynb` needs: the experiments, and their results, kept in a CSV file
//! with a line per training and compared with a baseline.
//!
//! ```
//! use experiments::prelude::*;
//! use mnist_classification::prelude::*;
//! # std::fs::remove_file("../../target/doc-example/results.csv").ok();
//! let digits = Dataset::drawn(0)?;
//! let (train, test) = (digits.train.preprocess(), digits.test.preprocess());
//! let mut results = Results::open("../../target/doc-example/results.csv")?;
//! for (experiment, learning_rate) in [("baseline", 0.001), ("large steps", 0.01)] {
//!     for seed in 0..2 {
//!         let optimizer = Optimizer::rms_prop(learning_rate);
//!         let training = Training { epochs: 1, seed, optimizer, verbose: false, ..Training::default() };
//!         let mut model = Network::mlp([784, 16, 10], seed)?;
//!         let history = fit(&mut model, &train, &training)?;
//!         results.add(Outcome::of(experiment, &training, &model, &history, &test)?)?;
//!     }
//! }
//! println!("{}", results.comparison("baseline")?.csv());
//! # assert_eq!(results.differences("baseline")?.len(), 1);
//! # Ok::<(), Error>(())
//! ```

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod chart;
mod comparison;
mod ensemble;
pub mod plan;
mod precision;
mod store;

pub use chart::comparison;
pub use comparison::{Difference, ExperimentRuns, Verdict};
pub use ensemble::Ensemble;
pub use precision::half_precision_is_faster;
pub use store::{Outcome, PAIRS, Results};

/// What the notebook needs, in one line: `use experiments::prelude::*;`
pub mod prelude {
    pub use crate::{Outcome, Results, comparison, half_precision_is_faster};
}

#[cfg(test)]
mod tests;
