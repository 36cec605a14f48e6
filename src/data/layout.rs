//! Finds the four files of a data set: under the names, and in the folders, that people have them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    download::FILES,
    not_idx::{self, entries},
};
use crate::{Error, Result};

/// How deep below the folder that was named files are looked for, as in torchvision's `MNIST/raw`.
const DEPTH: usize = 3;

/// Names of folders that say nothing about what lies in them.
const GENERIC: &str = "raw data dataset datasets idx ubyte gz gzip files archive processed unzipped download downloads";

/// The files of a data set.
#[derive(Debug)]
pub(super) struct Files {
    /// The folder in which they lie.
    pub(super) folder: PathBuf,
    /// What stands before `train` or `test` in their names, such as `emnist-letters`; empty in MNIST's own.
    pub(super) prefix: String,
    /// In the order of [`FILES`]. Of each there may be several, raw and packed; the first that can be read counts.
    pub(super) paths: [Vec<PathBuf>; 4],
}

impl Files {
    /// Returns what the data set is called: by its files, else by the nearest folder whose name says something.
    pub(super) fn name(&self) -> String {
        if !self.prefix.is_empty() {
            return self.prefix.clone();
        }
        let folder = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        let mut names = folder.ancestors().take(3).filter_map(|folder| folder.file_name()?.to_str());
        let telling = names.find(|name| !GENERIC.split(' ').any(|generic| generic.eq_ignore_ascii_case(name)));
        telling.unwrap_or("digits").into()
    }

    /// Returns the usual name of the first of the four files that is not there.
    fn missing(&self) -> Option<String> {
        let (name, _) = FILES[self.paths.iter().position(Vec::is_empty)?];
        Some(match self.prefix.as_str() {
            "" => name.into(),
            prefix => format!("{prefix}-{}", name.replace("t10k", "test")),
        })
    }
}

/// Finds the data set in this folder or below it. Where a folder holds several, as EMNIST's does, their common name
/// may stand behind the folder: `gzip/emnist-letters`.
///
/// # Errors
/// [`Error::Missing`] when a file is not there; [`Error::Malformed`] when the folder holds several data sets, or
/// something else; [`Error::Io`] when it cannot be looked into.
pub(super) fn find(path: &Path) -> Result<Files> {
    let is_folder = path.is_dir();
    let mut found = if is_folder {
        fs::read_dir(path).map_err(Error::io(path))?;
        complete(path, DEPTH)
    } else {
        named(path)
    };
    // MNIST's own names go before others.
    if let Some(own) = found.iter().position(|files| files.folder == path && files.prefix.is_empty()) {
        return Ok(found.swap_remove(own));
    }
    match found.len() {
        0 if is_folder => Err(not_found(path)),
        0 => Err(not_idx::file_for_folder(path)),
        1 => Ok(found.remove(0)),
        count => {
            // Joining an empty prefix adds a slash, which components leave out.
            let paths = found.iter().map(|files| files.folder.join(&files.prefix).components().collect::<PathBuf>());
            let paths: Vec<_> = paths.map(|path| path.display().to_string()).collect();
            let found = format!("{count} data sets ({})", paths.join(", "));
            Err(Error::malformed(path, found, "one: name one of these in place of the folder"))
        }
    }
}

/// Returns the data sets whose files' names begin with the last part of a path, in the folder before it.
fn named(path: &Path) -> Vec<Files> {
    let (Some(folder), Some(prefix), false) = (path.parent(), path.file_name(), path.exists()) else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let prefix = prefix.to_string_lossy().to_lowercase();
    complete(folder, DEPTH).into_iter().filter(|files| files.prefix == prefix).collect()
}

/// Returns all complete data sets of a folder; where it has none, those of the folders in it.
fn complete(folder: &Path, depth: usize) -> Vec<Files> {
    let own: Vec<_> = sets(folder).into_iter().filter(|files| files.missing().is_none()).collect();
    if depth == 0 || !own.is_empty() {
        return own;
    }
    let folders = entries(folder).into_iter().filter(|path| path.is_dir());
    folders.flat_map(|folder| complete(&folder, depth - 1)).collect()
}

/// Returns what lies in this folder, by the names of its files: data sets that may lack some of them.
fn sets(folder: &Path) -> Vec<Files> {
    let mut sets = BTreeMap::<String, [Vec<PathBuf>; 4]>::new();
    for path in candidates(folder) {
        if let Some((prefix, file)) = parse_name(&path) {
            sets.entry(prefix).or_default()[file].push(path);
        }
    }
    sets.into_iter().map(|(prefix, paths)| Files { folder: folder.into(), prefix, paths }).collect()
}

/// Lists files in the order in which they are tried: raw ones, packed ones, and those in folders that are named as
/// files are.
fn candidates(folder: &Path) -> Vec<PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| path.is_dir());
    files.sort_by_key(|path| path.extension().is_some_and(|ending| ending == "gz"));
    let named = folders.iter().filter(|folder| parse_name(folder).is_some());
    files.into_iter().chain(named.flat_map(|folder| entries(folder)).filter(|path| path.is_file())).collect()
}

/// Makes the error for a folder without a complete data set.
fn not_found(folder: &Path) -> Error {
    let Some((missing, set)) = sets(folder).into_iter().find_map(|set| Some((set.missing()?, set))) else {
        return not_idx::folder(folder);
    };
    let hint = if set.paths[2..].iter().all(Vec::is_empty) {
        "; there is only a training part, but results are measured on a test part"
    } else {
        ""
    };
    Error::missing(folder.join(missing), format!("an IDX file of this name, or with .gz behind it{hint}"))
}

/// Reads names such as `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte.gz` and
/// `emnist-letters-test-images-idx3-ubyte`: what stands before them, and which of [`FILES`] it is.
fn parse_name(path: &Path) -> Option<(String, usize)> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    let words: Vec<_> = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let place = words.iter().position(|word| ["train", "training", "t10k", "test", "testing"].contains(word))?;
    let contents = ["images", "labels"].iter().position(|contents| words.get(place + 1) == Some(contents))?;
    let part = if words[place].starts_with("train") { 0 } else { 2 };
    let format = &words[place + 2..];
    // A browser that downloads a file twice adds " (1)".
    let is_copy = |word: &str| word.len() == 1 && word.bytes().all(|letter| letter.is_ascii_digit());
    let is_format = |word: &&str| word.starts_with("idx") || ["ubyte", "int", "gz"].contains(word) || is_copy(word);
    let has_format = format.first().is_some_and(|word| word.starts_with("idx") || *word == "ubyte");
    (has_format && format.iter().all(is_format)).then(|| (words[..place].join("-"), part + contents))
}
