//! A reader's own digits: pictures of them, what a network takes them for, and a pad to draw on.
//!
//! - [`Picture`]: a picture from a file, made to look as MNIST's do, step by step.
//! - [`Layout`]: where its digits stand, the marks between them, and what was left out.
//! - [`classify`]: asks a network which digits a picture shows; [`Classifier`]: a saved network that answers.
//! - [`classified`]: the picture, its ink and the answer as a chart.
//! - [`pad`]: a page to draw digits on, which networks read in the browser.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod chart;
mod choice;
mod classifier;
mod classify;
mod folded;
mod layout;
mod pad;
mod picture;
mod quantised;

pub use chart::classified;
pub use classifier::Classifier;
pub use classify::{Answer, DigitAnswer, SURE, classify, classify_or_reject};
pub use layout::Layout;
pub use pad::{pad, pad_of};
pub use picture::Picture;

/// What a notebook needs, in one line: `use own_digit::prelude::*;`
pub mod prelude {
    pub use crate::{Answer, Classifier, Picture, classified, classify, pad};
}
