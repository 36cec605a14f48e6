//! What lets a training go on after an interrupt or a crash: after each epoch, all of it lies in a folder.
//!
//! ```text
//! folder/  lock           held by the training at work
//!          epoch-0007/    the latest epoch: weights.safetensors, averages.safetensors (the optimizer's),
//!                         best.safetensors (with early stopping), history.json, and settings.json, what the training
//!                         was asked for: only the same training goes on
//! ```
//!
//! An epoch's folder has another name until all is in it, and again before anything of it is removed. Nothing else is
//! to be kept: the order of the digits in an epoch follows from the seed and the epoch's number.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::{History, Training};
use crate::{Error, Result, data::Samples, files, model::weights};

/// What changes in a training, each tensor with its name.
pub(super) struct State {
    /// The model's weights and statistics.
    pub(super) weights: Vec<(String, Tensor)>,
    /// The optimizer's.
    pub(super) averages: Vec<(String, Tensor)>,
    /// The weights and statistics of the best epoch, where they are asked for.
    pub(super) best: Vec<(String, Tensor)>,
}

impl State {
    /// The parts that have any tensors, each with the name of its file.
    fn files(&self) -> impl Iterator<Item = (&'static str, &Vec<(String, Tensor)>)> {
        let files = [("weights", &self.weights), ("averages", &self.averages), ("best", &self.best)];
        files.into_iter().filter(|(_, tensors)| !tensors.is_empty())
    }

    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.files().flat_map(|(_, tensors)| tensors.iter().map(|(_, tensor)| tensor))
    }

    /// The same tensors.
    pub(super) fn shallow_clone(&self) -> Self {
        let same = |tensors: &Vec<(String, Tensor)>| {
            tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
        };
        Self { weights: same(&self.weights), averages: same(&self.averages), best: same(&self.best) }
    }

    /// Begins to keep the best epoch's weights: those of now.
    pub(super) fn keep_best(&mut self) {
        self.best = self.weights.iter().map(|(name, tensor)| (name.clone(), tensor.detach().copy())).collect();
    }

    /// Notes the weights as the best.
    pub(super) fn note_best(&self) -> Result<()> {
        copy_all(&self.weights, &self.best)
    }

    /// Puts the weights back to the best.
    pub(super) fn restore_best(&self) -> Result<()> {
        copy_all(&self.best, &self.weights)
    }

    fn copy(&self) -> Vec<Tensor> {
        self.tensors().map(|tensor| tensor.detach().copy()).collect()
    }
}

fn copy_all(from: &[(String, Tensor)], to: &[(String, Tensor)]) -> Result<()> {
    let mut pairs = from.iter().zip(to);
    tch::no_grad(|| pairs.try_for_each(|((_, from), (_, to))| Ok(to.shallow_clone().f_copy_(from)?)))
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
        let all_epochs = kept["epochs"].as_u64().is_some_and(|epochs| interrupted.epochs.len() as u64 >= epochs);
        let finished = all_epochs || Training::deserialize(&kept).is_ok_and(|training| training.is_over(&interrupted));
        if !finished {
            checkpoint.check(&kept, &latest)?;
            if let Err(error) = checkpoint.read(&latest) {
                // What was read before it must not stay.
                checkpoint.put_back()?;
                return Err(error);
            }
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
        for (name, tensors) in self.state.files() {
            weights::write(&file(&partial, name), tensors)?;
        }
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
        self.put_back()
    }

    /// The state becomes an epoch's.
    fn read(&self, epoch: &Path) -> Result<()> {
        self.state.files().try_for_each(|(name, tensors)| weights::read_into(&file(epoch, name), tensors))
    }

    /// The state becomes what it was last.
    fn put_back(&self) -> Result<()> {
        let mut pairs = self.state.tensors().zip(&self.last);
        tch::no_grad(|| pairs.try_for_each(|(tensor, last)| Ok(tensor.shallow_clone().f_copy_(last)?)))
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
        let last = fingerprint(&weights::read(&file(latest, "weights"))?)?;
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

/// The tensors of this name in an epoch's folder.
fn file(epoch: &Path, name: &str) -> PathBuf {
    epoch.join(name).with_extension("safetensors")
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
