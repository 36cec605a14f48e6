//! Which classes labels stand for, and what the classes of known data sets are called.

use std::{collections::HashSet, fs, path::Path};

use super::{classes::Classes, layout::Files};
use crate::{Error, Result};

/// A file that may lie beside the data: the name of a class per line, in the order of their labels.
const FILE: &str = "classes.txt";

/// H. Xiao, K. Rasul, R. Vollgraf, 2017.
const FASHION: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// T. Clanuwat and others, 2018: the first sign of each row of the syllabary, as it is spoken.
const KMNIST: [&str; 10] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"];

/// G. Cohen and others, 2017, by the splits' names: each letter is a class of this name. Where small letters
/// are left out, they look like the large ones and are counted with them.
const EMNIST: [(&str, &str); 6] = [
    ("letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("balanced", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    ("bymerge", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    ("byclass", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
    ("digits", "0123456789"),
    ("mnist", "0123456789"),
];

/// The classes of a data set of this name, and the label of the first of them: 1 where labels count from 1, else 0.
/// `counts` says how often each label occurs.
///
/// # Errors
/// [`Error::Malformed`] when a file of names does not fit.
pub(super) fn classes(counts: &[i64], name: &str, files: &Files) -> Result<(Classes, usize)> {
    let largest = counts.len() - 1;
    let from_one = |names: usize| counts[0] == 0 && names == largest;
    if let Some(names) = names_beside(&files.folder)? {
        let first = usize::from(from_one(names.len()));
        if names.len() + first < counts.len() {
            let (found, expected) = (format!("{} names", names.len()), format!("{}, one per class", counts.len()));
            return Err(Error::Malformed { file: files.folder.join(FILE), found, expected });
        }
        return Ok((names, first));
    }
    if let Some(names) = known_names(name, &files.prefix) {
        let first = usize::from(from_one(names.len()));
        if names.len() + first >= counts.len() {
            return Ok((names, first));
        }
    }
    Ok(match largest {
        // Where one of the ten digits is missing, it is a digit all the same.
        0..=9 if counts.contains(&0) => (Classes::numbered(10), 0),
        // More than ten classes of which none is 0: they are counted from 1, and keep their numbers as names.
        10.. if counts[0] == 0 => (Classes::new((1..=largest).map(|label| label.to_string())), 1),
        _ => (Classes::numbered(counts.len()), 0),
    })
}

/// The names that lie beside the data, if any.
fn names_beside(folder: &Path) -> Result<Option<Classes>> {
    let file = folder.join(FILE);
    if !file.is_file() {
        return Ok(None);
    }
    let malformed = |found: String| {
        let expected = "UTF-8 text with the name of a class per line, each another".into();
        Error::Malformed { file: file.clone(), found, expected }
    };
    let text = fs::read(&file).map_err(Error::io(&file))?;
    let text = String::from_utf8(text).map_err(|_| malformed("other bytes".into()))?;
    let names: Vec<_> = text.trim_start_matches('\u{feff}').trim_end().lines().map(str::trim).collect();
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| name.is_empty() || !seen.insert(**name)) {
        return Err(malformed(if name.is_empty() { "an empty line".into() } else { format!("{name:?} twice") }));
    }
    Ok(Some(Classes::new(names)))
}

/// The names of the classes of a data set that is known by its name, or by the beginning of its files' names.
fn known_names(name: &str, prefix: &str) -> Option<Classes> {
    let name = name.to_lowercase();
    if name.contains("fashion") {
        return Some(Classes::new(FASHION));
    }
    if name.contains("kmnist") || name.contains("kuzushiji") {
        return Some(Classes::new(KMNIST));
    }
    let split = EMNIST.iter().find(|(split, _)| is_emnist(prefix) && prefix.ends_with(split))?;
    Some(Classes::new(split.1.chars()))
}

/// Whether files with this beginning of their names are EMNIST's.
pub(super) fn is_emnist(prefix: &str) -> bool {
    prefix.contains("emnist")
}
