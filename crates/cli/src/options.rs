//! Resolves what the command line's options name: a plan, settings, a network, pictures.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use mnist_classification::{
    Error, Result,
    data::{Classes, Images},
    model::{Network, Plan},
    training::Training,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::RunFolder;

/// The endings of the pictures in a folder.
const PICTURES: [&str; 11] = ["png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff", "pgm", "pbm", "ppm"];

/// Returns the plan of this name for such digits: `mlp`, the original's layers; `cnn`, a small convolutional network;
/// or a file: a plan as JSON, a network that was saved, or the folder of one.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Malformed`] for a file that holds no plan; [`Error::InvalidSetting`] for one that
/// does not fit them.
pub fn plan(name: &str, digits: &Images) -> Result<Plan> {
    let side = |dimension: usize| digits.images.size().get(dimension).map_or(0, |&side| side as usize);
    let (classes, height, width) = (digits.classes.len(), side(1), side(2));
    let features = height * width;
    match name {
        "mlp" => Plan::mlp(&[features, 512, 256, 128, classes]),
        "cnn" => Ok(Plan::cnn([height, width], classes)),
        _ => {
            let plan = stored_plan(Path::new(name))?;
            let output = plan.shapes()?.pop().unwrap_or_default();
            if (plan.input == [features] || plan.input == [1, height, width]) && output == [classes] {
                return Ok(plan);
            }
            let found = format!("{name}, from samples of shape {:?} to outputs of shape {output:?}", plan.input);
            let expected = format!("[{features}] or [1, {height}, {width}], and [{classes}], as the data has it");
            Err(Error::invalid_setting("model", found, expected))
        }
    }
}

pub(super) fn stored_plan(path: &Path) -> Result<Plan> {
    if path.extension().is_some_and(|ending| ending == "json") {
        return read_json(path, "/settings/model/plan", "a plan in JSON: input and layers");
    }
    if !path.exists() {
        return Err(Error::missing(path, "mlp, cnn, a plan (.json), or a network that was saved"));
    }
    Ok(Network::load(path)?.plan().clone())
}

/// Reads the settings in a file: a [`Training`] as JSON, of which any field may be left out, or the `run.json` of a
/// run.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Malformed`] naming the field that is unknown or has no such value.
pub fn settings(path: &Path) -> Result<Training> {
    read_json(path, "/settings/training", "settings of a training in JSON, such as {\"epochs\": 5}")
}

/// Reads the classes that a run has noted in its `run.json`.
pub(super) fn classes(record: &Path) -> Result<Classes> {
    read_json(record, "/settings/data/classes", "the classes of a run")
}

/// Reads a file in JSON, or the part of it that a `run.json` has at `pointer`.
fn read_json<T: DeserializeOwned>(path: &Path, pointer: &str, expected: &str) -> Result<T> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::missing(path, expected),
        _ => Error::io(path)(error),
    })?;
    // Some editors begin a file with a byte-order mark.
    let json = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map(|json: Value| json.pointer(pointer).cloned().unwrap_or(json));
    json.and_then(serde_json::from_value).map_err(|error| Error::malformed(path, error, expected))
}

/// Returns the network that reads pictures: that of this folder, or of the one that `MNIST_RUN` names, or of the latest
/// run on digits, or the repository's network for handwriting.
pub fn network(folder: Option<&Path>) -> PathBuf {
    let named = || env::var_os("MNIST_RUN").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/handwriting");
    folder.map(Path::to_path_buf).or_else(named).or_else(RunFolder::latest).unwrap_or_else(usual)
}

/// Returns the pictures that a path names: itself, or those in a folder in the order of their names.
///
/// # Errors
/// [`Error::Io`] for a folder that cannot be read; [`Error::Missing`] for one without a picture.
pub fn pictures(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.into()]);
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(Error::io(path))?;
    let is_picture = |path: &PathBuf| {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        // macOS keeps what it knows of a file beside it, under the same ending.
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        path.is_file() && !is_hidden && PICTURES.contains(&ending.as_str())
    };
    let mut pictures: Vec<_> = entries.iter().map(fs::DirEntry::path).filter(is_picture).collect();
    pictures.sort();
    if pictures.is_empty() {
        return Err(Error::missing(path.join("*.png"), format!("pictures: {}", PICTURES.join(", "))));
    }
    Ok(pictures)
}
