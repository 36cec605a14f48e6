//! Checkpoints: the full training state, written after every epoch.
//!
//! ```text
//! folder/  lock           held by the training at work
//!          finished       there when the training came to its end
//!          epoch-0007/    the latest epoch: weights.safetensors, averages.safetensors (the optimizer's),
//!                         best.safetensors (with early stopping), history.json, and training.json: what tells it from
//!                         other trainings
//! ```
//!
//! An epoch's folder has another name until all is in it, and again before anything of it is removed. Random numbers
//! need not be kept: those of an epoch follow from the seed and the epoch's number.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tch::Tensor;

use super::{
    History, Trainer,
    description::{Description, difference, fingerprint_of_weights},
    state::State,
};
use crate::{Error, Result, files, model::weights, notebook::print};

/// A training's folder while the training is at work.
pub(super) struct Checkpoint {
    folder: PathBuf,
    asked: Description,
    first_weights: String,
    /// A copy of the state as it was before the epoch under way.
    last: Vec<Tensor>,
    /// The epoch of another, finished training, which gives way to this one's first epoch.
    replaces: Option<PathBuf>,
    _lock: File,
}

/// `training.json`.
#[derive(Serialize, Deserialize)]
struct TrainingFile {
    description: Value,
    /// A fingerprint of the weights that the training started from.
    first_weights: String,
    /// The logits of the first sample after this epoch: a model with another `forward` gives others.
    logits: Vec<f64>,
}

/// What an epoch's folder should hold.
const REMAINS: &str = "what an interrupted training left; to start anew, remove its folder";

/// By how much logits may differ that the same model computes again, as a fraction of the largest.
const SAME: f64 = 1e-3;

impl Checkpoint {
    /// Takes the folder for this training. Where an interrupted one is in it, or a finished one that was now asked for
    /// more epochs, state and history become what they were after its last epoch.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the interrupted training differs from this one; [`Error::InvalidSetting`] where
    /// another training is using the folder.
    pub(super) fn open(
        folder: &Path,
        asked: Description,
        steps: &Trainer,
        state: &State,
        history: &mut History,
    ) -> Result<Self> {
        let in_use =
            || Error::invalid_setting("checkpoint", folder.display(), "a folder that no other training is using");
        let lock = files::lock(folder)?.ok_or_else(in_use)?;
        let first_weights = fingerprint_of_weights(&state.weights)?;
        let last = state.copy();
        let (folder, replaces) = (folder.into(), None);
        let mut checkpoint = Self { folder, asked, first_weights, last, replaces, _lock: lock };
        let Some(latest) = checkpoint.epochs().pop() else { return Ok(checkpoint) };
        match checkpoint.go_on(&latest, steps, state) {
            Ok(Some(kept)) => *history = kept,
            Ok(None) => {}
            Err(error) => {
                checkpoint.restore(state)?;
                // A finished training is no reason not to train another one anew.
                let is_another = matches!(error, Error::Malformed { .. } | Error::Missing { .. });
                if !(is_another && checkpoint.finished().exists()) {
                    return Err(error);
                }
                checkpoint.replaces = Some(latest);
            }
        }
        Ok(checkpoint)
    }

    /// Moves the epoch of another, finished training into the folder `replaced`.
    fn set_aside(&self, finished: &Path) -> Result<()> {
        let replaced = self.folder.join("replaced");
        files::remove_if_there(&replaced)?;
        fs::rename(finished, &replaced).map_err(Error::io(finished))?;
        if self.asked.training.verbose {
            print(format_args!("The training that was finished before is kept in {}\n", replaced.display()));
        }
        Ok(())
    }

    /// Sets the state to that of an epoch's folder, which must be of the same training; nothing where that is finished.
    fn go_on(&mut self, latest: &Path, steps: &Trainer, state: &State) -> Result<Option<History>> {
        let kept: TrainingFile = files::read_json(latest.join("training.json"), REMAINS)?;
        let history: History = files::read_json(latest.join("history.json"), REMAINS)?;
        self.check_description(&kept, &history, latest)?;
        self.check_weights(&kept, latest)?;
        if self.finished().exists() && self.asked.training.is_over(&history) {
            return Ok(None);
        }
        for (name, tensors) in state.parts() {
            weights::Stored::read(&file(latest, name))?.copy_into(tensors)?;
        }
        let (found, now) = (&kept.logits, first_logits(steps)?);
        let largest = found.iter().fold(1e-6, |largest: f64, logit| largest.max(logit.abs()));
        let is_same = |(one, other): (&f64, &f64)| (one - other).abs() <= SAME * largest;
        if found.len() != now.len() || !found.iter().zip(&now).all(is_same) {
            let expected = format!("{now:.4?}, as this model's forward gives them");
            return Err(self.of_another_training(latest, format!("logits {found:.4?} for the first sample"), expected));
        }
        (self.last, self.first_weights) = (state.copy(), kept.first_weights);
        Ok(Some(history))
    }

    /// Compares the settings, the samples and the model. More epochs are no difference to a schedule that does not
    /// depend on their number; the data set's name is never compared.
    fn check_description(&self, kept: &TrainingFile, history: &History, latest: &Path) -> Result<()> {
        let training = &self.asked.training;
        let mut asked = json!(self.asked);
        if !training.schedule.depends_on_epochs() && training.epochs >= history.epochs.len() {
            asked["training"]["epochs"] = kept.description["training"]["epochs"].clone();
        }
        asked["data"]["name"] = kept.description["data"]["name"].clone();
        let Some((name, found, expected)) = difference(&kept.description, &asked) else { return Ok(()) };
        let name = name.strip_prefix("training.").unwrap_or(&name);
        if name == "epochs" && training.epochs > history.epochs.len() {
            let (schedule, folder) = (training.schedule, self.folder.display());
            let expected = format!(
                "{found}, as in the training kept in {folder}, because the schedule {schedule:?} depends on their \
                 number; to start anew, remove that folder"
            );
            return Err(Error::invalid_setting("epochs", training.epochs, expected));
        }
        Err(self.of_another_training(latest, format!("{name} {found}"), expected.to_string()))
    }

    /// Checks that the model has its first weights again or, where the process went on living, those that were kept.
    fn check_weights(&self, kept: &TrainingFile, latest: &Path) -> Result<()> {
        let mut known = vec![kept.first_weights.clone()];
        for name in ["weights", "best"] {
            let file = file(latest, name);
            if file.exists() {
                known.push(fingerprint_of_weights(&weights::Stored::read(&file)?.tensors)?);
            }
        }
        if known.contains(&self.first_weights) {
            return Ok(());
        }
        Err(self.of_another_training(latest, "other initial weights".into(), "those of this model".into()))
    }

    fn of_another_training(&self, latest: &Path, found: String, expected: String) -> Error {
        let found = format!("an interrupted training with {found}");
        let expected = format!("{expected}; to start anew, remove the folder {}", self.folder.display());
        Error::Malformed { file: latest.join("training.json"), found, expected }
    }

    /// Keeps the epoch that was just finished instead of the one before.
    pub(super) fn save(&mut self, steps: &Trainer, state: &State, history: &History) -> Result<()> {
        let path = self.folder.join(format!("epoch-{:04}", history.epochs.len()));
        let partial = path.with_extension("partial");
        files::remove_if_there(&partial)?;
        for (name, tensors) in state.parts() {
            weights::write(&file(&partial, name), tensors, None)?;
        }
        let (description, first_weights) = (json!(self.asked), self.first_weights.clone());
        let kept = TrainingFile { description, first_weights, logits: first_logits(steps)? };
        files::write_json(partial.join("training.json"), &kept)?;
        history.save_json(partial.join("history.json"))?;
        if let Some(finished) = self.replaces.take() {
            self.set_aside(&finished)?;
        }
        let before = self.epochs();
        if before.contains(&path) {
            remove(&path)?;
        }
        fs::rename(&partial, &path).map_err(Error::io(&path))?;
        self.last = state.copy();
        before.iter().filter(|other| **other != path).try_for_each(|other| remove(other))?;
        // Last, so that a finished training never passes for an interrupted one.
        if self.finished().exists() {
            fs::remove_file(self.finished()).map_err(Error::io(self.finished()))?;
        }
        Ok(())
    }

    /// Sets the state back to what it was before a failed epoch.
    pub(super) fn restore(&self, state: &State) -> Result<()> {
        state.restore(&self.last)
    }

    /// Marks the training as finished: the next one in this folder starts anew.
    pub(super) fn finish(self) -> Result<()> {
        File::create(self.finished()).map(drop).map_err(Error::io(self.finished()))
    }

    /// Ends a training that diverged: its last good epoch stays as a finished one, which the same call continues and
    /// any other may replace. A folder without an epoch is removed unless something else is in it.
    pub(super) fn discard(self) -> Result<()> {
        if !self.epochs().is_empty() {
            return self.finish();
        }
        // What cannot be removed does no harm: a lock that nobody holds.
        let _ = fs::remove_file(self.folder.join("lock")).and_then(|()| fs::remove_dir(&self.folder));
        Ok(())
    }

    fn finished(&self) -> PathBuf {
        self.folder.join("finished")
    }

    /// Lists the folders of the epochs that are kept whole, in order: one, but for a moment.
    fn epochs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_epoch = |path: &PathBuf| {
            let number = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix("epoch-"));
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        let mut epochs: Vec<_> = entries.filter(is_epoch).collect();
        epochs.sort();
        epochs
    }
}

/// Returns the file of the tensors of this name in an epoch's folder.
fn file(epoch: &Path, name: &str) -> PathBuf {
    epoch.join(name).with_extension("safetensors")
}

/// Computes the logits of the first sample.
fn first_logits(steps: &Trainer) -> Result<Vec<f64>> {
    let _guard = tch::no_grad_guard();
    let first = steps.samples.inputs.f_narrow(0, 0, 1)?;
    Ok(Vec::try_from(steps.model.forward(&first)?.f_reshape([-1])?.to_kind(tch::Kind::Double))?)
}

/// Removes an epoch's folder; should that be cut short, nobody takes the rest for an epoch.
fn remove(folder: &Path) -> Result<()> {
    let old = folder.with_file_name("removed.old");
    files::remove_if_there(&old)?;
    fs::rename(folder, &old).and_then(|()| fs::remove_dir_all(&old)).map_err(Error::io(folder))
}

#[cfg(test)]
mod tests;
