//! What tests share: where MNIST is, and how a test says that it was skipped.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// The folder that holds MNIST on this machine, in the places where the library looks for it: a test downloads nothing.
pub fn mnist_folder() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home_caches = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(home_caches)));
    let usual = [
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|folder| folder.join("data/mnist"))
            .find(|data| data.exists()),
        caches.map(|caches| caches.join("mnist-classification")),
    ];
    // The download fetches this file last.
    let complete = |folder: &PathBuf| {
        ["t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte.gz"].iter().any(|name| folder.join(name).exists())
    };
    let folder = variable("MNIST_DIR").or_else(|| usual.into_iter().flatten().find(complete));
    if folder.is_none() {
        skipped("MNIST_DIR is not set, and MNIST is neither in data/mnist nor in the cache folder");
    }
    folder
}

/// The test runner hides what a passing test prints, but not what goes straight to standard error.
pub fn skipped(reason: &str) {
    let _ = writeln!(io::stderr(), "skipped: {reason}");
}
