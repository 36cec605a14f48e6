//! What tests share: where real MNIST lies, and how a test says that it was skipped.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The folder of MNIST where the machine has it: a test downloads nothing.
pub fn mnist_folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/mnist");
    let folder = env::var_os("MNIST_DIR").map(PathBuf::from).or_else(|| beside.exists().then_some(beside));
    if folder.is_none() {
        skipped("MNIST_DIR is not set and no MNIST lies beside the repository");
    }
    folder
}

/// The test runner hides what a passing test prints, but not what goes straight to standard error.
pub fn skipped(reason: &str) {
    let _ = writeln!(io::stderr(), "skipped: {reason}");
}
