//! Where the four files of a data set are: under the names, and in the folders, that people have them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{
    idx::Contents,
    not_idx::{self, entries},
};
use crate::{Error, Result};

/// How deep below the folder that was named files are looked for, as in torchvision's `MNIST/raw`.
const DEPTH: usize = 3;

/// Names of folders that say nothing about what lies in them.
const GENERIC: [&str; 14] = [
    "raw",
    "data",
    "dataset",
    "datasets",
    "idx",
    "ubyte",
    "gz",
    "gzip",
    "files",
    "archive",
    "processed",
    "unzipped",
    "download",
    "downloads",
];

/// The files of a data set. Of each there may be several, raw and packed; the first that can be read counts.
#[derive(Debug)]
pub(super) struct Files {
    /// The folder in which they lie.
    pub(super) folder: PathBuf,
    /// What stands before `train` or `test` in their names, such as `emnist-letters`; empty in MNIST's own.
    pub(super) prefix: String,
    pub(super) train: Part,
    pub(super) test: Part,
}

/// The files of the training samples, or of the test samples.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) images: Vec<PathBuf>,
    pub(super) labels: Vec<PathBuf>,
}

impl Files {
    /// What the data set is called: by its files, else by the nearest folder whose name says something.
    pub(super) fn name(&self) -> String {
        if !self.prefix.is_empty() {
            return self.prefix.clone();
        }
        let folder = self.folder.canonicalize().unwrap_or_else(|_| self.folder.clone());
        let mut names = folder.ancestors().take(3).filter_map(|folder| folder.file_name()?.to_str());
        let telling = names.find(|name| !GENERIC.contains(&name.to_lowercase().as_str()));
        telling.unwrap_or("digits").into()
    }

    fn is_complete(&self) -> bool {
        self.missing().is_none()
    }

    /// The first of the four files that is not there, by MNIST's names.
    fn missing(&self) -> Option<String> {
        let prefix = if self.prefix.is_empty() { String::new() } else { format!("{}-", self.prefix) };
        let test = if self.prefix.is_empty() { "t10k" } else { "test" };
        let files = [("train", &self.train), (test, &self.test)]
            .into_iter()
            .flat_map(|(part, files)| [(part, "images-idx3", &files.images), (part, "labels-idx1", &files.labels)]);
        let mut missing = files.filter(|(.., paths)| paths.is_empty());
        missing.next().map(|(part, contents, _)| format!("{prefix}{part}-{contents}-ubyte"))
    }
}

/// The data set in this folder or below it. Where a folder holds several, as EMNIST's does, their common name may stand
/// behind the folder: `gzip/emnist-letters`.
///
/// # Errors
/// [`Error::Missing`] when a file is not there; [`Error::Malformed`] when the folder holds several data sets, or
/// something else; [`Error::Io`] when it cannot be looked into.
pub(super) fn find(folder: &Path) -> Result<Files> {
    if folder.is_dir() {
        fs::read_dir(folder).map_err(Error::io(folder))?;
        return one_of(folder, complete(folder, DEPTH)).unwrap_or_else(|| Err(not_found(folder)));
    }
    let parent = folder.parent().filter(|parent| parent.as_os_str().is_empty() || parent.is_dir());
    let prefix = folder.file_name().and_then(|name| name.to_str()).map(str::to_lowercase);
    if let (Some(parent), Some(prefix), false) = (parent, prefix, folder.exists()) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let named = complete(parent, DEPTH).into_iter().filter(|files| files.prefix == prefix).collect();
        if let Some(files) = one_of(parent, named) {
            return files;
        }
    }
    Err(not_idx::file_for_folder(folder))
}

/// The only data set of these, or the one with MNIST's own names.
fn one_of(folder: &Path, mut found: Vec<Files>) -> Option<Result<Files>> {
    if found.len() < 2 {
        return found.pop().map(Ok);
    }
    if let Some(own) = found.iter().position(|files| files.folder == folder && files.prefix.is_empty()) {
        return Some(Ok(found.swap_remove(own)));
    }
    let path = |files: &Files| match files.prefix.as_str() {
        "" => files.folder.clone(),
        prefix => files.folder.join(prefix),
    };
    let names: Vec<_> = found.iter().map(|files| path(files).display().to_string()).collect();
    let expected = "one: name one of these in place of the folder".into();
    let found = format!("{} data sets ({})", names.len(), names.join(", "));
    Some(Err(Error::Malformed { file: folder.into(), found, expected }))
}

/// All complete data sets of a folder; where it has none, those of the folders in it.
fn complete(folder: &Path, depth: usize) -> Vec<Files> {
    let own: Vec<_> = sets(folder).into_iter().filter(Files::is_complete).collect();
    if depth == 0 || !own.is_empty() {
        return own;
    }
    let folders = entries(folder).into_iter().filter(|path| path.is_dir());
    folders.flat_map(|folder| complete(&folder, depth - 1)).collect()
}

/// What lies in this folder, by the names of its files: data sets that may lack some of them.
fn sets(folder: &Path) -> Vec<Files> {
    let mut sets: BTreeMap<String, Files> = BTreeMap::new();
    for path in candidates(folder) {
        let Some(name) = Name::of(&path) else { continue };
        let set = sets.entry(name.prefix.clone()).or_insert_with(|| Files {
            folder: folder.into(),
            prefix: name.prefix,
            train: Part::default(),
            test: Part::default(),
        });
        let part = if name.is_training { &mut set.train } else { &mut set.test };
        match name.contents {
            Contents::Images => part.images.push(path),
            Contents::Labels => part.labels.push(path),
        }
    }
    sets.into_values().collect()
}

/// Files in the order in which they are tried: raw ones, packed ones, and those in folders that are named as files are.
fn candidates(folder: &Path) -> Vec<PathBuf> {
    let (folders, mut files): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(|path| path.is_dir());
    files.sort_by_key(|path| path.extension().is_some_and(|ending| ending == "gz"));
    let named = folders.iter().filter(|folder| Name::of(folder).is_some());
    files.into_iter().chain(named.flat_map(|folder| entries(folder)).filter(|path| path.is_file())).collect()
}

/// The error for a folder without a complete data set.
fn not_found(folder: &Path) -> Error {
    let Some(set) = sets(folder).into_iter().next() else { return not_idx::folder(folder) };
    let one = if set.test.images.is_empty() && set.test.labels.is_empty() {
        "; there is only a training part, but results are measured on a test part"
    } else {
        ""
    };
    let expected = format!("an IDX file of this name, or with .gz behind it{one}");
    Error::Missing { file: folder.join(set.missing().unwrap_or_default()), expected }
}

/// What the name of an IDX file says.
struct Name {
    prefix: String,
    is_training: bool,
    contents: Contents,
}

impl Name {
    /// Reads names such as `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte.gz` and
    /// `emnist-letters-test-images-idx3-ubyte`.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let words: Vec<_> =
            name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let place = words.iter().position(|word| ["train", "training", "t10k", "test", "testing"].contains(word))?;
        let contents = match *words.get(place + 1)? {
            "images" => Contents::Images,
            "labels" => Contents::Labels,
            _ => return None,
        };
        let format = &words[place + 2..];
        let is_format = |word: &&str| word.starts_with("idx") || ["ubyte", "int", "gz"].contains(word);
        // A browser that downloads a file twice adds " (1)".
        let is_copy = |word: &&str| word.len() == 1 && word.bytes().all(|letter| letter.is_ascii_digit());
        let has_format = format.first().is_some_and(|word| word.starts_with("idx") || *word == "ubyte");
        (has_format && format.iter().all(|word| is_format(word) || is_copy(word))).then(|| Self {
            prefix: words[..place].join("-"),
            is_training: words[place].starts_with("train"),
            contents,
        })
    }
}
