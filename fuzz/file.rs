//! What the fuzz targets share: bytes become a file, as the library reads one. Any bytes must give an answer or an
//! error: a panic, 60 seconds without an answer, or more than 512 MB of memory is a finding.

use std::{env, fs, path::PathBuf, process};

/// A file with the labels 1 and 0, and one with two pictures of a pixel.
pub const LABELS: [u8; 10] = [0, 0, 8, 1, 0, 0, 0, 2, 1, 0];
pub const IMAGES: [u8; 18] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 4, 5];

/// Writes the bytes to a file of this name in a folder of this process.
pub fn write_file(name: &str, bytes: &[u8]) -> PathBuf {
    let folder = env::temp_dir().join(format!("mnist-fuzz-{}", process::id()));
    let file = folder.join(name);
    fs::create_dir_all(&folder).and_then(|()| fs::write(&file, bytes)).expect("the temporary folder can be written");
    file
}
