//! A notebook's interrupt. evcxr would end the process that holds the notebook's variables; the kernel's launcher asks
//! first, with a file, and what finds it stops between two batches.

use std::{env, fs};

use crate::{Error, Result};

/// Whether to go on; taking the file away is the answer that the launcher waits for.
///
/// # Errors
/// [`Error::Stopped`] when a stop was asked for.
pub(crate) fn check() -> Result<()> {
    match env::var_os("MNIST_INTERRUPT_FILE") {
        Some(file) if fs::remove_file(&file).is_ok() => Err(Error::Stopped),
        _ => Ok(()),
    }
}
