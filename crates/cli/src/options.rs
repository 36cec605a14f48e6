//! What the command line's `--model` and `--settings` name.

use std::{fs, path::Path};

use mnist_classification::{
    Error, Result,
    data::Images,
    model::{Network, Plan},
    training::Training,
};
use serde_json::Value;

/// The plan of this name for such digits: `mlp`, the original's layers; `cnn`, a small convolutional network; or a file: a
/// plan as JSON, a network that was saved, or the folder of one.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Malformed`] for a file that holds no plan; [`Error::InvalidSetting`] for one that does not fit
/// them.
pub fn plan(name: &str, digits: &Images) -> Result<Plan> {
    let side = |dimension: usize| digits.images.size().get(dimension).map_or(0, |&side| side as usize);
    let (classes, height, width) = (digits.classes.len(), side(1), side(2));
    let features = height * width;
    match name {
        "mlp" => Plan::mlp(&[features, 512, 256, 128, classes]),
        "cnn" => Ok(Plan::cnn([height, width], classes)),
        _ => {
            let plan = stored(Path::new(name))?;
            let output = plan.shapes()?.pop().unwrap_or_default();
            let fits = plan.input == [features] || plan.input == [1, height, width];
            if fits && output == [classes] {
                return Ok(plan);
            }
            let found = format!("{name}, from samples of shape {:?} to outputs of shape {output:?}", plan.input);
            let expected = format!("[{features}] or [1, {height}, {width}], and [{classes}], as the data has it");
            Err(Error::invalid_setting("model", found, expected))
        }
    }
}

fn stored(path: &Path) -> Result<Plan> {
    if path.extension().is_none_or(|ending| ending != "json") {
        if !path.exists() {
            let expected = "mlp, cnn, a plan (.json), or a network that was saved";
            return Err(Error::missing(path, expected));
        }
        return Ok(Network::load(path)?.plan().clone());
    }
    let json = read_json(path, "a plan")?;
    // In run.json the plan lies among the settings.
    let plan = json.pointer("/settings/model/plan").unwrap_or(&json);
    serde_json::from_value(plan.clone()).map_err(|error| malformed(path, &error, "a plan: input and layers"))
}

/// The settings in a file: a [`Training`] as JSON, of which any field may be left out, or the `run.json` of a run.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Malformed`] naming the field that is unknown or has no such value.
pub fn settings(path: &Path) -> Result<Training> {
    let json = read_json(path, "settings")?;
    let training = json.pointer("/settings/training").unwrap_or(&json);
    let training: Training = serde_json::from_value(training.clone())
        .map_err(|error| malformed(path, &error, "settings of a training, such as {\"epochs\": 5}"))?;
    Ok(training)
}

fn read_json(path: &Path, what: &str) -> Result<Value> {
    let expected = format!("{what} in JSON");
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Missing { file: path.into(), expected: expected.clone() },
        _ => Error::io(path)(error),
    })?;
    serde_json::from_str(&text).map_err(|error| malformed(path, &error, &expected))
}

fn malformed(path: &Path, error: &serde_json::Error, expected: &str) -> Error {
    Error::Malformed { file: path.into(), found: error.to_string(), expected: expected.into() }
}
