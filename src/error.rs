//! Everything that can go wrong, as one type whose text fits on a line: the file, what was found, what to do next.

use std::path::{Path, PathBuf};

use crate::training::History;

/// An error of this library. Its text is one readable line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that is needed is not there.
    #[error("{file}: no such file; expected {expected}", file = file.display())]
    Missing {
        /// The path that was looked for.
        file: PathBuf,
        /// What should have been there.
        expected: String,
    },
    /// A file is there, but its contents are not what they should be.
    #[error("{file}: found {found}, expected {expected}", file = file.display())]
    Malformed {
        /// The file that was read.
        file: PathBuf,
        /// What it holds.
        found: String,
        /// What it should hold.
        expected: String,
    },
    /// The operating system refused to read or write a file.
    #[error("{file}: {source}", file = file.display())]
    Io {
        /// The file or folder.
        file: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// MNIST is in none of the usual places and could not be downloaded.
    #[error(
        "MNIST was not found in {searched} and could not be downloaded ({reason}); \
         put its four files into a folder and set MNIST_DIR to it"
    )]
    NoData {
        /// The folders that were searched.
        searched: String,
        /// What each mirror answered.
        reason: String,
    },
    /// There is not a single sample to learn from or to measure on.
    #[error("the data set {name:?} is empty; at least one sample is needed")]
    Empty {
        /// The data set's name.
        name: String,
    },
    /// A setting has a value that cannot work.
    #[error("{setting} is {found}; expected {expected}")]
    InvalidSetting {
        /// The name of the setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// The values that work.
        expected: String,
    },
    /// The loss or a parameter became NaN or infinite: training cannot go on, and the model is as it was before.
    #[error(
        "the loss is {loss} at step {step} of epoch {epoch}; the model is as it was before: \
         try a smaller learning rate (now {learning_rate}), and look for NaN in the data"
    )]
    Diverged {
        /// The loss: NaN or infinite.
        loss: f64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step within the epoch, counted from 1.
        step: usize,
        /// The learning rate of this step.
        learning_rate: f64,
    },
    /// The loss depends on no parameter that gradients can change.
    #[error(
        "the loss depends on no parameter; forward must use parameters() outside tch::no_grad, \
         and each parameter needs set_requires_grad(true)"
    )]
    NoGradient,
    /// A notebook's user stopped a call outside training.
    #[error("interrupted; the same call begins anew")]
    Stopped,
    /// A notebook's user stopped the training.
    #[error("training was interrupted in epoch {epoch}{}", advice(*.epoch, .kept.as_deref()))]
    Interrupted {
        /// The epoch under way, counted from 1; its steps are lost.
        epoch: usize,
        /// The folder that keeps the epochs before it, if any.
        kept: Option<PathBuf>,
        /// The epochs before it: `match` on this error to draw their curves.
        history: Box<History>,
    },
    /// Things that belong together do not fit: sequences differ in length, a tensor has another shape or kind, a class
    /// or a position is out of range.
    #[error("{what}: found {found}, expected {expected}")]
    Mismatch {
        /// What was compared.
        what: &'static str,
        /// What was given.
        found: String,
        /// What fits.
        expected: String,
    },
    /// A chart could not be drawn.
    #[error("the figure could not be drawn: {0}")]
    Figure(String),
    /// libtorch reported an error.
    #[error("libtorch: {}", .0.to_string().lines().next().unwrap_or_default())]
    Torch(#[from] tch::TchError),
    /// The operating system gave no threads to train on.
    #[error("no threads to train on: {0}")]
    Threads(#[source] std::io::Error),
    /// polars reported an error.
    #[error("polars: {0}")]
    Polars(#[from] polars::error::PolarsError),
}

/// A result with this library's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<native::Error> for Error {
    fn from(error: native::Error) -> Self {
        match error {
            native::Error::Mismatch { what, found, expected } => Self::Mismatch { what, found, expected },
            native::Error::Stopped => Self::Stopped,
            native::Error::Torch(error) => Self::Torch(error),
            native::Error::Threads(error) => Self::Threads(error),
        }
    }
}

/// Says how an interrupted training goes on.
fn advice(epoch: usize, kept: Option<&Path>) -> String {
    match kept {
        Some(folder) if epoch > 1 => {
            format!("; the same call goes on after epoch {}, which is kept in {}", epoch - 1, folder.display())
        }
        Some(_) => "; the same call starts anew".into(),
        None => "; the weights are those of its last step".into(),
    }
}

impl Error {
    /// Makes an [`Error::Missing`].
    pub fn missing(file: impl Into<PathBuf>, expected: impl ToString) -> Self {
        Self::Missing { file: file.into(), expected: expected.to_string() }
    }

    /// Makes an [`Error::Malformed`].
    pub fn malformed(file: impl Into<PathBuf>, found: impl ToString, expected: impl ToString) -> Self {
        Self::Malformed { file: file.into(), found: found.to_string(), expected: expected.to_string() }
    }

    /// Makes an [`Error::InvalidSetting`].
    pub fn invalid_setting(setting: &'static str, found: impl ToString, expected: impl ToString) -> Self {
        Self::InvalidSetting { setting, found: found.to_string(), expected: expected.to_string() }
    }

    /// Makes an [`Error::Mismatch`].
    pub fn mismatch(what: &'static str, found: impl ToString, expected: impl ToString) -> Self {
        Self::Mismatch { what, found: found.to_string(), expected: expected.to_string() }
    }

    /// Wraps an error of the operating system with the file that it is about.
    pub fn io(file: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io { file, source }
    }
}
