//! What the fuzz targets share: bytes become a file, as the library reads one. Any bytes must give an answer or an error: a
//! panic, 10 seconds without an answer, or more than 512 MB of memory is a finding.

use std::{env, fs, path::PathBuf, process};

/// Writes the bytes to a file of this name in a folder of this process.
pub fn written(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = env::temp_dir().join(format!("mnist-fuzz-{}", process::id()));
    let file = folder.join(name);
    fs::create_dir_all(&folder).and_then(|()| fs::write(&file, bytes)).expect("the temporary folder can be written");
    file
}
