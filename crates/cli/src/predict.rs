//! Which network reads pictures, and which pictures a path names.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use mnist_classification::{Error, Result};

use super::RunFolder;

/// How the names of a folder's pictures end.
const PICTURES: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// The network that reads pictures: that of this folder, or of the one that `MNIST_RUN` names, or of the latest run, or the
/// repository's best CNN.
pub fn network(folder: Option<&Path>) -> PathBuf {
    let named = || env::var_os("MNIST_RUN").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let best = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cnn");
    folder.map(Path::to_path_buf).or_else(named).or_else(RunFolder::latest).unwrap_or_else(best)
}

/// The pictures that a path names: itself, or those in a folder in the order of their names.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read; [`Error::Missing`] for one without a picture.
pub fn pictures(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut pictures = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io(path))? {
        pictures.push(entry.map_err(Error::io(path))?.path());
    }
    let is_picture = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
        path.is_file() && PICTURES.contains(&ending.as_str())
    };
    pictures.retain(is_picture);
    pictures.sort();
    if pictures.is_empty() {
        return Err(Error::Missing {
            file: path.join("*.png"),
            expected: format!("pictures: {}", PICTURES.join(", ")),
        });
    }
    Ok(pictures)
}
