//! Says what a file or a folder is that is no data set, and how its owner comes to one.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use super::download::FILES;
use crate::{Error, signature};

/// How an array in Python becomes an IDX file.
const RECIPE: &str = "MNIST itself needs no folder; other arrays become IDX files in Python: open(name, 'wb').write(\
                      bytes([0, 0, 8, a.ndim]) + numpy.array(a.shape, '>i4').tobytes() + a.astype('uint8').tobytes())";

/// Endings of files that hold data sets in other forms.
const CONTAINERS: [(&str, &str); 8] = [
    ("npz npy", "NumPy arrays"),
    ("csv tsv", "tables"),
    ("parquet arrow feather", "tables"),
    ("mat", "MATLAB arrays"),
    ("h5 hdf5", "HDF5 arrays"),
    ("pkl pickle pt pth", "Python objects"),
    ("zip 7z rar tar tgz xz bz2 zst", "an archive that is still packed"),
    ("png jpg jpeg bmp gif tif tiff webp", "pictures"),
];

/// Makes the error for a path that should be a folder with IDX files, and is a file or nothing at all.
pub(super) fn file_for_folder(path: &Path) -> Error {
    let expected = "a folder with four IDX files";
    let mut start = Vec::new();
    let Ok(file) = File::open(path) else { return Error::missing(path, expected) };
    // What cannot be read is described as nothing.
    let _ = file.take(512).read_to_end(&mut start);
    if matches!(start[..], [0, 0, ..] | [0x1f, 0x8b, ..]) {
        return Error::malformed(path, "a file", format!("{expected}: name the folder in which it lies"));
    }
    let found = signature::kind(&start).unwrap_or_else(|| "a file".into());
    Error::malformed(path, found, format!("{expected}; {RECIPE}"))
}

/// Makes the error for a folder without an IDX file of a known name.
pub(super) fn folder(folder: &Path) -> Error {
    let relative = |path: PathBuf| path.strip_prefix(folder).unwrap_or(&path).display().to_string();
    let files: Vec<_> = files(folder, 3).into_iter().map(relative).collect();
    let container = CONTAINERS.iter().find_map(|(endings, what)| {
        let is_one = |name: &&String| {
            let name = name.to_lowercase();
            let ending = Path::new(name.trim_end_matches(".gz")).extension().unwrap_or_default().to_str();
            endings.split(' ').any(|known| ending == Some(known))
        };
        Some(format!("{what} ({}), but no IDX files", files.iter().find(is_one)?))
    });
    let idx = files.iter().find(|name| name.contains("idx") || name.contains("ubyte"));
    let (found, advice) = match (idx, container) {
        (Some(file), _) => (format!("{file}, but not under the names of a data set"), "raw or with .gz"),
        (None, Some(container)) => (container, RECIPE),
        (None, None) => (if files.is_empty() { "no files" } else { "no IDX files" }.into(), "raw or with .gz"),
    };
    let [images, labels, test_images, test_labels] = FILES.map(|(name, _)| name);
    Error::malformed(folder, found, format!("{images}, {labels}, {test_images} and {test_labels}; {advice}"))
}

/// Lists the files in a folder and in those below it, a few of each.
fn files(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let (folders, files): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| path.is_dir());
    let below = folders.iter().take(20).filter(|_| depth > 0).flat_map(|folder| self::files(folder, depth - 1));
    files.iter().take(100).cloned().chain(below).collect()
}

/// Lists what is in a folder, by name, without what is hidden and what macOS adds to archives.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let is_hidden = |name: &str| name.starts_with('.') || name == "__MACOSX";
    let shown = fs::read_dir(folder).into_iter().flatten().flatten();
    let shown = shown.filter(|entry| !is_hidden(&entry.file_name().to_string_lossy()));
    let mut paths: Vec<_> = shown.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
