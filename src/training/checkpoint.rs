//! What lets a training go on after an interrupt or a crash: after each epoch, all of it lies in a folder.
//!
//! ```text
//! folder/  lock           held by the training at work
//!          epoch-0007/    the latest epoch: weights.safetensors, averages.safetensors (the optimizer's), history.json,
//!                         and settings.json, what the training was asked for: only the same training goes on
//! ```
//!
//! An epoch's folder has another name until all is in it, and again before anything of it is removed. Nothing else is
//! to be kept: the order of the digits in an epoch follows from the seed and the epoch's number.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::{History, Training};
use crate::{Error, Result, data::Samples, files, model::weights};

/// The weights and the optimizer's averages under training, each with its name.
pub(super) struct State {
    pub(super) weights: Vec<(String, Tensor)>,
    pub(super) averages: Vec<(String, Tensor)>,
}

impl State {
    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.weights.iter().chain(&self.averages).map(|(_, tensor)| tensor)
    }

    fn copy(&self) -> Vec<Tensor> {
        self.tensors().map(|tensor| tensor.detach().copy()).collect()
    }
}

/// A training's folder while the training is at work.
pub(super) struct Checkpoint {
    folder: PathBuf,
    settings: Value,
    state: State,
    /// A copy of the state as it was before the epoch under way.
    last: Vec<Tensor>,
    _lock: File,
}

impl Checkpoint {
    /// Takes the folder for this training. Where an interrupted one is in it, state and history become what they were
    /// after its last whole epoch.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the interrupted training had other settings, digits or first weights;
    /// [`Error::Setting`] where another training is using the folder.
    pub(super) fn open(
        folder: &Path,
        training: &Training,
        samples: &Samples,
        state: State,
        history: &mut History,
    ) -> Result<Self> {
        let (lock, settings) = (locked(folder)?, settings(training, samples, &state)?);
        let last = state.copy();
        let mut checkpoint = Self { folder: folder.into(), settings, state, last, _lock: lock };
        let Some(latest) = checkpoint.latest() else { return Ok(checkpoint) };
        let (kept, interrupted): (Value, History) =
            (read_json(&latest.join("settings.json"))?, read_json(&latest.join("history.json"))?);
        // A finished training is no reason not to train anew.
        if kept["epochs"].as_u64().is_some_and(|epochs| (interrupted.epochs.len() as u64) < epochs) {
            checkpoint.check(&kept, &latest)?;
            weights::read_into(&latest.join("averages.safetensors"), &checkpoint.state.averages)?;
            weights::read_into(&latest.join("weights.safetensors"), &checkpoint.state.weights)?;
            checkpoint.last = checkpoint.state.copy();
            checkpoint.settings = kept;
            *history = interrupted;
        }
        Ok(checkpoint)
    }

    /// Keeps the epoch that was just finished instead of the one before.
    pub(super) fn save(&mut self, history: &History) -> Result<()> {
        let path = self.folder.join(format!("epoch-{:04}", history.epochs.len()));
        let partial = path.with_extension("partial");
        weights::write(&partial.join("weights.safetensors"), &self.state.weights)?;
        weights::write(&partial.join("averages.safetensors"), &self.state.averages)?;
        files::write_json(partial.join("settings.json"), &self.settings)?;
        history.save_json(partial.join("history.json"))?;
        let before = self.epochs();
        if before.contains(&path) {
            remove(&path)?;
        }
        fs::rename(&partial, &path).map_err(Error::io(&path))?;
        self.last = self.state.copy();
        before.iter().filter(|other| **other != path).try_for_each(|other| remove(other))
    }

    /// After a failed epoch, puts the state back to what it was before; after a loss that is no number, forgets the
    /// epochs, because the same would come of them again.
    pub(super) fn stop(&self, error: &Error) -> Result<()> {
        if let Error::Diverged { .. } = error {
            return self.epochs().iter().try_for_each(|epoch| remove(epoch));
        }
        let pairs = self.state.tensors().zip(&self.last);
        tch::no_grad(|| pairs.into_iter().try_for_each(|(tensor, last)| Ok(tensor.shallow_clone().f_copy_(last)?)))
    }

    /// Compares an interrupted training with this one.
    fn check(&self, kept: &Value, latest: &Path) -> Result<()> {
        let other = |found: String, expected: String| {
            let found = format!("an interrupted training with {found}");
            let expected = format!("{expected}; to start anew, remove the folder {}", self.folder.display());
            Err(Error::Malformed { file: latest.join("settings.json"), found, expected })
        };
        for (name, value) in self.settings.as_object().into_iter().flatten().filter(|(name, _)| *name != FIRST_WEIGHTS)
        {
            if kept[name] != *value {
                return other(format!("{name} {}", kept[name]), value.to_string());
            }
        }
        // Where the process went on living, the model has the weights that were kept last.
        let last = fingerprint(&weights::read(&latest.join("weights.safetensors"))?)?;
        if ![&kept[FIRST_WEIGHTS], &last].contains(&&self.settings[FIRST_WEIGHTS]) {
            return other("other first weights".into(), "those of this model".into());
        }
        Ok(())
    }

    /// The folders of the epochs that are kept whole, in order: one, but for a moment.
    fn epochs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let name = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).map(String::from);
        let number = |name: &str| name.strip_prefix("epoch-").is_some_and(|number| number.parse::<u32>().is_ok());
        let mut epochs: Vec<_> = entries.filter(|path| name(path).is_some_and(|name| number(&name))).collect();
        epochs.sort();
        epochs
    }

    fn latest(&self) -> Option<PathBuf> {
        self.epochs().pop()
    }
}

/// The name of that setting.
const FIRST_WEIGHTS: &str = "first_weights";

/// What was asked for, and of whom: the same settings, digits and first weights give the same training.
fn settings(training: &Training, samples: &Samples, state: &State) -> Result<Value> {
    let mut settings = json!(training);
    settings["data"] = json!(samples.name);
    settings["digits"] = json!(samples.len());
    settings["inked_pixels"] = json!(samples.inputs.f_count_nonzero(None)?.int64_value(&[]));
    settings["labels"] = json!(labels(samples)?);
    settings[FIRST_WEIGHTS] = fingerprint(&state.weights)?;
    Ok(settings)
}

/// The SHA-256 of the labels.
fn labels(samples: &Samples) -> Result<String> {
    let mut hash = Sha256::new();
    Vec::<i64>::try_from(&samples.labels)?.iter().for_each(|label| hash.update(label.to_le_bytes()));
    Ok(format!("{:x}", hash.finalize()))
}

/// The SHA-256 of tensors, in the order of their names: a file has another order than the network.
fn fingerprint(tensors: &[(String, Tensor)]) -> Result<Value> {
    let mut hash = Sha256::new();
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.sort_by_key(|(name, _)| name);
    for (_, tensor) in sorted {
        for number in Vec::<f32>::try_from(tensor.detach().to_kind(Kind::Float).flatten(0, -1))? {
            hash.update(number.to_le_bytes());
        }
    }
    Ok(format!("{:x}", hash.finalize()).into())
}

/// Makes the folder and locks it; the lock goes with the process, however that ends.
fn locked(folder: &Path) -> Result<File> {
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let path = folder.join("lock");
    let file = File::create(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let expected = "a folder that no other training is using".into();
            Err(Error::Setting { setting: "checkpoint", found: folder.display().to_string(), expected })
        }
        Err(TryLockError::Error(error)) => Err(Error::io(path)(error)),
    }
}

/// Removes an epoch's folder; should that be cut short, nobody takes the rest for an epoch.
fn remove(folder: &Path) -> Result<()> {
    let old = folder.with_file_name("removed.old");
    if old.exists() {
        fs::remove_dir_all(&old).map_err(Error::io(&old))?;
    }
    fs::rename(folder, &old).and_then(|()| fs::remove_dir_all(&old)).map_err(Error::io(folder))
}

fn read_json<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read_to_string(file).map_err(Error::io(file))?;
    let expected = "what an interrupted training left; to start anew, remove its folder".into();
    serde_json::from_str(&text).map_err(|error| Error::Malformed {
        file: file.into(),
        found: error.to_string(),
        expected,
    })
}
