//! A notebook's interrupt. evcxr would end the process that holds the notebook's variables; the kernel's launcher asks
//! first, with a file, and training that finds it stops between two steps.

use std::{env, fs};

/// Whether a stop was asked for; taking the file away is the answer that the launcher waits for.
pub(super) fn requested() -> bool {
    env::var_os("MNIST_INTERRUPT_FILE").is_some_and(|file| fs::remove_file(file).is_ok())
}
