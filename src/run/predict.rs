//! Which digits a picture shows, by a network that was saved.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tch::Kind;

use super::RunFolder;
use crate::{
    Error, Result,
    data::{Classes, Picture},
    model::{Model, Network, weights},
};

/// An answer with a lower probability is doubtful.
const SURE: f64 = 0.9;

/// How the names of a folder's pictures end.
const PICTURES: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"];

/// A saved network that reads pictures.
#[derive(Debug)]
pub struct Classifier {
    network: Network,
    /// Height and width of the pictures that the network takes.
    size: [usize; 2],
    classes: Classes,
}

/// What a network takes a picture for. Its text is the answer, then the probabilities: of all classes where there is one
/// digit, else of each digit's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The digits from left to right.
    pub digits: Vec<Digit>,
}

/// A digit, or what else a network's classes are.
#[derive(Clone, Debug, PartialEq)]
pub struct Digit {
    /// The name and the probability of each class.
    pub probabilities: Vec<(String, f64)>,
}

impl Classifier {
    /// Loads the network of a finished run, or one that [`Network::save`] wrote.
    ///
    /// # Errors
    /// As [`Network::load`]; [`Error::Malformed`] for a network that takes no grey pictures.
    pub fn load(folder: &Path) -> Result<Self> {
        let network = Network::load(folder)?;
        let Some(size) = shape(folder).filter(|size| fits(size, &network)).or(network.plan().picture()) else {
            let (file, found) =
                (weights::file(folder), format!("a network for samples of shape {:?}", network.plan().input));
            let expected = "one for grey pictures, such as [784] or [1, 28, 28]".into();
            return Err(Error::Malformed { file, found, expected });
        };
        let count = network.plan().shapes()?.last().map_or(0, |shape| shape.iter().product());
        let classes = classes(folder).filter(|classes| classes.len() == count);
        Ok(Self { network, size, classes: classes.unwrap_or_else(|| Classes::numbered(count)) })
    }

    /// Finds the digits or letters of a picture, or one thing where the classes are neither.
    ///
    /// # Errors
    /// As [`Picture::of_digits`].
    pub fn open(&self, picture: &Path) -> Result<Picture> {
        let are_characters = self.classes.names().iter().all(|name| name.chars().count() < 3);
        if are_characters { Picture::of_digits(picture, self.size) } else { Picture::of_one(picture, self.size) }
    }

    /// What a picture shows.
    ///
    /// # Errors
    /// [`Error::Torch`] when the network cannot take it.
    pub fn classify(&self, picture: &Picture) -> Result<Answer> {
        let _guard = tch::no_grad_guard();
        let logits = self.network.forward(&picture.inputs)?;
        let probabilities = Vec::<Vec<f64>>::try_from(logits.f_softmax(1, Kind::Double)?)?;
        let named = |each: Vec<f64>| Digit { probabilities: self.classes.names().iter().cloned().zip(each).collect() };
        Ok(Answer { digits: probabilities.into_iter().map(named).collect() })
    }
}

impl Answer {
    /// The names of the digits in a row: `42`.
    pub fn text(&self) -> String {
        self.digits.iter().map(|digit| digit.best().0).collect()
    }

    /// The lowest of the digits' probabilities.
    pub fn probability(&self) -> f64 {
        self.digits.iter().map(|digit| digit.best().1).fold(1.0, f64::min)
    }

    /// Whether a digit of it may well be another one.
    pub fn is_doubtful(&self) -> bool {
        self.probability() < SURE
    }

    /// The answer for a program.
    pub fn json(&self) -> Value {
        let digit = |digit: &Digit| {
            let probabilities: serde_json::Map<_, _> =
                digit.probabilities.iter().map(|(name, probability)| (name.clone(), json!(probability))).collect();
            json!({ "answer": digit.best().0, "probability": digit.best().1, "probabilities": probabilities })
        };
        let digits: Vec<_> = self.digits.iter().map(digit).collect();
        json!({ "answer": self.text(), "doubtful": self.is_doubtful(), "digits": digits })
    }
}

impl Digit {
    /// The class with the highest probability, and that.
    pub fn best(&self) -> (&str, f64) {
        let best = self.probabilities.iter().max_by(|(_, one), (_, other)| one.total_cmp(other));
        best.map_or(("", 0.0), |(name, probability)| (name, *probability))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        writeln!(formatter, "{}{}", self.text(), if self.is_doubtful() { " (doubtful)" } else { "" })?;
        let mut line = |name: &str, probability: f64| writeln!(formatter, "  {name}  {:6.2} %", 100.0 * probability);
        match &self.digits[..] {
            [digit] => digit.probabilities.iter().try_for_each(|(name, probability)| line(name, *probability)),
            digits => digits.iter().map(Digit::best).try_for_each(|(name, probability)| line(name, probability)),
        }
    }
}

/// The network that reads pictures: that of this folder, or of the one that `MNIST_RUN` names, or of the latest run, or the
/// repository's best CNN.
pub fn network(folder: Option<&Path>) -> PathBuf {
    let named = || env::var_os("MNIST_RUN").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let best = || Path::new(env!("CARGO_MANIFEST_DIR")).join("models/cnn");
    folder.map(Path::to_path_buf).or_else(named).or_else(|| RunFolder::latest().ok()).unwrap_or_else(best)
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

/// Whether pictures of this height and width are a network's samples.
fn fits([height, width]: &[usize; 2], network: &Network) -> bool {
    network.plan().input == [height * width] || network.plan().input == [1, *height, *width]
}

/// The height and width of the pictures that the run in this folder was trained on.
fn shape(folder: &Path) -> Option<[usize; 2]> {
    settings(folder, "/settings/data/shape")
}

/// The names of the classes that the run in this folder was trained on.
fn classes(folder: &Path) -> Option<Classes> {
    settings(folder, "/settings/data/classes")
}

fn settings<T: DeserializeOwned>(folder: &Path, name: &str) -> Option<T> {
    let record: Value = serde_json::from_str(&fs::read_to_string(folder.join("run.json")).ok()?).ok()?;
    serde_json::from_value(record.pointer(name)?.clone()).ok()
}
