//! What a file or a folder is that is no data set, in words, and how its owner comes to one.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use crate::Error;

/// How an array in Python becomes an IDX file.
const RECIPE: &str = "MNIST itself needs no folder; other arrays become IDX files in Python: open(name, 'wb').write(\
                      bytes([0, 0, 8, a.ndim]) + numpy.array(a.shape, '>i4').tobytes() + a.astype('uint8').tobytes())";

/// First bytes of files that are not IDX.
const SIGNATURES: [(&[u8], &str); 22] = [
    (b"version https://git-lfs", "a pointer of git-lfs (git lfs pull fetches the file)"),
    (b"\x1f\x8b", "gzip inside gzip (unpack it once)"),
    (b"\x1f\x9d", "a file packed by compress"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "a file packed by bzip2"),
    (b"\xfd7zXZ\0", "a file packed by xz"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"MATLAB", "a MATLAB file"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
];

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

/// What a file is that begins with these bytes, where that can be told.
pub(super) fn contents(start: &[u8]) -> Option<String> {
    if let Some((_, what)) = SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature)) {
        return Some((*what).into());
    }
    // IDX begins with two zeros, the type of the numbers and the number of dimensions.
    if let [1..=4, 0x08..=0x0e, 0, 0, ..] = start {
        return Some("an IDX file with its bytes in reverse order (little-endian)".into());
    }
    let text = std::str::from_utf8(start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start));
    let text = match text {
        Ok(text) => text,
        // A letter of several bytes may be cut at the end.
        Err(error) if error.valid_up_to() + 4 > start.len() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim_start().to_lowercase();
    let is_text = !text.is_empty() && !text.contains(|letter: char| letter.is_control() && !letter.is_whitespace());
    let kinds = [
        (text.starts_with("<!doctype html") || text.starts_with("<html"), "a web page"),
        (text.starts_with('<'), "a web page or another XML document"),
        (text.starts_with(['{', '[']), "JSON text"),
        (text.lines().next().is_some_and(|line| line.matches([',', ';', '\t']).count() > 2), "a table (CSV)"),
        (true, "text"),
    ];
    is_text.then(|| kinds.iter().find(|(is, _)| *is).map(|(_, what)| (*what).into())).flatten()
}

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
        start => (contents(start).unwrap_or_else(|| "a file".into()), format!("{expected}; {RECIPE}")),
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
