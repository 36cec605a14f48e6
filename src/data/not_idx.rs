//! What a file or a folder is that is no data set, in words, and how its owner comes to one.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use crate::{Error, signature};

/// How an array in Python becomes an IDX file.
const RECIPE: &str = "MNIST itself needs no folder; other arrays become IDX files in Python: open(name, 'wb').write(\
                      bytes([0, 0, 8, a.ndim]) + numpy.array(a.shape, '>i4').tobytes() + a.astype('uint8').tobytes())";

/// Endings of files that hold data sets in other forms.
const CONTAINERS: [(&[&str], &str); 8] = [
    (&["npz", "npy"], "NumPy arrays"),
    (&["csv", "tsv"], "tables"),
    (&["parquet", "arrow", "feather"], "tables"),
    (&["mat"], "MATLAB arrays"),
    (&["h5", "hdf5"], "HDF5 arrays"),
    (&["pkl", "pickle", "pt", "pth"], "Python objects"),
    (&["zip", "7z", "rar", "tar", "tgz", "xz", "bz2", "zst"], "an archive that is still packed"),
    (&["png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "webp"], "pictures"),
];

/// The error for a path that should be a folder with IDX files, and is a file or nothing at all.
pub(super) fn file_for_folder(path: &Path) -> Error {
    let expected = "a folder with four IDX files";
    let mut start = Vec::new();
    let Ok(file) = File::open(path) else {
        return Error::Missing { file: path.into(), expected: expected.into() };
    };
    // What cannot be read is described as nothing.
    let _ = file.take(512).read_to_end(&mut start);
    let (found, expected) = match &start[..] {
        [0, 0, ..] | [0x1f, 0x8b, ..] => ("a file".into(), format!("{expected}: name the folder in which it lies")),
        start => (signature::kind(start).unwrap_or_else(|| "a file".into()), format!("{expected}; {RECIPE}")),
    };
    Error::Malformed { file: path.into(), found, expected }
}

/// The error for a folder without an IDX file of a known name.
pub(super) fn folder(folder: &Path) -> Error {
    let files = files(folder, 3);
    let name = |path: &PathBuf| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let has = |path: &&PathBuf, endings: &[&str]| {
        let name = name(path).to_lowercase();
        let (_, ending) = name.strip_suffix(".gz").unwrap_or(&name).rsplit_once('.').unwrap_or_default();
        endings.contains(&ending)
    };
    let mut found = CONTAINERS.iter().filter_map(|(endings, what)| {
        let file = files.iter().find(|path| has(path, endings))?;
        Some((format!("{what} ({}), but no IDX files", name(file)), RECIPE))
    });
    let four = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte";
    let idx = files.iter().find(|path| ["idx", "ubyte"].iter().any(|word| name(path).contains(word)));
    let (found, recipe) = match (idx, found.next()) {
        (Some(file), _) => (format!("{}, but not under the names of a data set", name(file)), "raw or with .gz"),
        (None, Some(found)) => found,
        (None, None) if files.is_empty() => ("no files".into(), "raw or with .gz"),
        (None, None) => ("no IDX files".into(), "raw or with .gz"),
    };
    Error::Malformed { file: folder.into(), found, expected: format!("{four}; {recipe}") }
}

/// The files in a folder and in those below it, a few of each.
fn files(folder: &Path, depth: usize) -> Vec<PathBuf> {
    let (folders, files): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| path.is_dir());
    let below = folders.iter().take(20).filter(|_| depth > 0).flat_map(|folder| self::files(folder, depth - 1));
    files.iter().take(100).cloned().chain(below).collect()
}

/// What is in a folder, by name, without what is hidden and what macOS adds to archives.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let is_hidden = |name: &str| name.starts_with('.') || name == "__MACOSX";
    let shown = fs::read_dir(folder).into_iter().flatten().flatten();
    let shown = shown.filter(|entry| !is_hidden(&entry.file_name().to_string_lossy()));
    let mut paths: Vec<_> = shown.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
