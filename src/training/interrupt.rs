//! A notebook's interrupt. evcxr would end the process that holds the notebook's variables; the kernel's launcher asks
//! first, with a file, and what finds it stops between two batches.

use std::{env, fs};

use crate::{Error, Result};

/// Tells whether a stop was asked for; taking the file away is the answer that the launcher waits for.
pub fn is_asked_for() -> bool {
    env::var_os("MNIST_INTERRUPT_FILE").is_some_and(|file| fs::remove_file(file).is_ok())
}

/// Ends a call that was asked to stop.
///
/// # Errors
/// [`Error::Stopped`] when a stop was asked for.
pub fn check() -> Result<()> {
    if is_asked_for() { Err(Error::Stopped) } else { Ok(()) }
}
