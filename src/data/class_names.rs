//! The classes of a data set: how many there are, and what those of known data sets are called.

use std::{collections::HashSet, fs, path::Path};

use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::layout::Files;
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

/// The names of the classes, in the order of their labels: label 0 has the first name.
///
/// ```
/// use mnist_classification::data::Classes;
/// let clothes = Classes::new(["T-shirt", "Trouser"]);
/// assert_eq!((clothes.len(), clothes.name(1).as_str()), (2, "Trouser"));
/// assert_eq!(Classes::numbered(10).names()[9], "9");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classes(Vec<String>);

impl Classes {
    /// Makes classes with these names.
    pub fn new<Name: Into<String>>(names: impl IntoIterator<Item = Name>) -> Self {
        Self(names.into_iter().map(Name::into).collect())
    }

    /// Makes classes that are called by their numbers, as digits are: "0", "1", …
    pub fn numbered(count: usize) -> Self {
        Self::new((0..count).map(|class| class.to_string()))
    }

    /// Returns how many classes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no class at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the name of a class; of a class that is not among these, its number.
    pub fn name(&self, class: usize) -> String {
        self.0.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    /// Returns all names, in order.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// How the labels of a file number the classes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Labels {
    FromZero,
    FromOne,
    /// As SVHN has its digits (Y. Netzer and others, 2011): from 1, and 10 is the digit 0.
    TenIsZero,
}

/// Returns the classes of a data set of this name, and how its labels number them.
///
/// # Errors
/// [`Error::Malformed`] when a file of names does not fit.
pub(super) fn classes(labels: [&Tensor; 2], name: &str, files: &Files) -> Result<(Classes, Labels)> {
    let counts = Vec::<i64>::try_from(Tensor::f_cat(&labels, 0)?.f_bincount::<Tensor>(None, 0)?)?;
    let largest = counts.len() - 1;
    let first = |names: &Classes| usize::from(counts[0] == 0 && names.len() == largest);
    let are_enough = |names: &Classes| first(names) + names.len() > largest;
    let known = known_names(name, &files.prefix).filter(are_enough);
    let names = match names_beside(&files.folder)? {
        Some(names) if !are_enough(&names) => {
            let (found, expected) = (format!("{} names", names.len()), format!("{}, one per class", counts.len()));
            return Err(Error::malformed(files.folder.join(FILE), found, expected));
        }
        Some(names) => names,
        None if known.is_none() && largest == 10 && counts[0] == 0 => {
            return Ok((Classes::numbered(10), Labels::TenIsZero));
        }
        None => known.unwrap_or_else(|| match largest {
            // Where one of the ten digits is missing, it is a digit all the same.
            0..=9 if counts.contains(&0) => Classes::numbered(10),
            // More than ten classes of which none is 0: they are counted from 1, and keep their numbers as names.
            10.. if counts[0] == 0 => Classes::new((1..=largest).map(|label| label.to_string())),
            _ => Classes::numbered(counts.len()),
        }),
    };
    let labels = if first(&names) == 1 { Labels::FromOne } else { Labels::FromZero };
    Ok((names, labels))
}

/// Reads the names that lie beside the data, if any.
fn names_beside(folder: &Path) -> Result<Option<Classes>> {
    let file = folder.join(FILE);
    if !file.is_file() {
        return Ok(None);
    }
    let malformed =
        |found: String| Error::malformed(&file, found, "UTF-8 text with the name of a class per line, each another");
    let text = fs::read(&file).map_err(Error::io(&file))?;
    let text = String::from_utf8(text).map_err(|_| malformed("other bytes".into()))?;
    let names: Vec<_> = text.trim_start_matches('\u{feff}').trim_end().lines().map(str::trim).collect();
    let mut seen = HashSet::new();
    match names.iter().find(|name| name.is_empty() || !seen.insert(**name)) {
        None => Ok(Some(Classes::new(names))),
        Some(&"") => Err(malformed("an empty line".into())),
        Some(name) => Err(malformed(format!("{name:?} twice"))),
    }
}

/// Returns the names of the classes of a data set that is known by its name, or by the beginning of its files' names.
fn known_names(name: &str, prefix: &str) -> Option<Classes> {
    let name = name.to_lowercase();
    if name.contains("fashion") {
        return Some(Classes::new(FASHION));
    }
    if name.contains("kmnist") || name.contains("kuzushiji") {
        return Some(Classes::new(KMNIST));
    }
    let (_, letters) = EMNIST.iter().find(|(split, _)| is_emnist(prefix) && prefix.ends_with(split))?;
    Some(Classes::new(letters.chars()))
}

/// Tells whether files with this beginning of their names are EMNIST's.
pub(super) fn is_emnist(prefix: &str) -> bool {
    prefix.contains("emnist")
}
