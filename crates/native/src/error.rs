//! What can go wrong here.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Tensors do not fit, are not plain, or share memory.
    #[error("{what}: found {found}, expected {expected}")]
    Mismatch {
        /// What was compared.
        what: &'static str,
        /// What was given.
        found: String,
        /// What fits.
        expected: String,
    },
    /// The caller asked to stop.
    #[error("stopped")]
    Stopped,
    /// libtorch reported an error.
    #[error(transparent)]
    Torch(#[from] tch::TchError),
    /// The operating system gave no threads.
    #[error("no threads: {0}")]
    Threads(#[source] std::io::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn mismatch(what: &'static str, found: impl ToString, expected: impl ToString) -> Self {
        Self::Mismatch { what, found: found.to_string(), expected: expected.to_string() }
    }
}
