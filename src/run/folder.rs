//! The folder of a run. Until all is written it is called `….partial`, so that an interrupted run never passes for a
//! finished one; a run that is given the same path goes on where that one was.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::options::settings;
use crate::{Error, Result, training::Training};

/// Where runs go that were given no folder.
const RUNS: &str = "runs";

/// The folder of a run that is at work.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    partial: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a run that begins: `path`, or the next free number in `runs`. An interrupted run in `path` goes
    /// on; so does a finished one that was trained for fewer epochs, where its schedule does not depend on their number.
    ///
    /// # Errors
    /// [`Error::Setting`] when `path` holds something else; [`Error::Io`] when it cannot be made.
    pub fn create(path: Option<&Path>, training: &Training) -> Result<Self> {
        let Some(path) = path else { return Self::next(Path::new(RUNS)) };
        // Without a slash at its end, which would put the partial folder inside.
        let path: PathBuf = path.components().collect();
        let folder = Self { partial: partial(&path), path };
        if folder.path.exists() {
            folder.check_finished(training)?;
        }
        fs::create_dir_all(&folder.partial).map_err(Error::io(&folder.partial))?;
        folder.take_over_training()?;
        Ok(folder)
    }

    /// Two runs that begin at once get two numbers: making a folder succeeds for one of them.
    fn next(runs: &Path) -> Result<Self> {
        fs::create_dir_all(runs).map_err(Error::io(runs))?;
        let mut number = 1;
        loop {
            let path = runs.join(number.to_string());
            let partial = partial(&path);
            if !path.exists() {
                match fs::create_dir(&partial) {
                    Ok(()) => return Ok(Self { path, partial }),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(Error::io(partial)(error)),
                }
            }
            number += 1;
        }
    }

    /// Whether the run that lies at the path can go on.
    fn check_finished(&self, asked: &Training) -> Result<()> {
        let refused =
            |expected: String| Err(Error::Setting { setting: "out", found: self.path.display().to_string(), expected });
        let record = self.path.join("run.json");
        if !record.exists() || !self.path.join(TRAINING).exists() {
            return refused("a folder that is not there yet".into());
        }
        let kept = settings(&record)?;
        if asked.epochs <= kept.epochs {
            let epochs = kept.epochs;
            return refused(format!(
                "a folder that is not there yet, or more epochs than the {epochs} of the run there, to go on"
            ));
        }
        if kept.schedule.depends_on_epochs() {
            let (epochs, schedule) = (kept.epochs, kept.schedule);
            return refused(format!(
                "another folder: the schedule {schedule:?} depends on the number of epochs, so the {epochs} of the run there cannot go on"
            ));
        }
        Ok(())
    }

    /// What a finished run or an interrupted one left of its training.
    fn take_over_training(&self) -> Result<()> {
        let (old, new) = (self.path.join(TRAINING), self.checkpoint());
        if old.exists() && !new.exists() {
            copy(&old, &new)?;
        }
        // Its results were not written: whatever the training came to, it is not finished.
        match fs::remove_file(new.join("finished")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(new)(error)),
            _ => Ok(()),
        }
    }

    /// A file of this name in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Where training keeps its epochs.
    pub fn checkpoint(&self) -> PathBuf {
        self.partial.join(TRAINING)
    }

    /// Gives the folder its name, now that all is in it; a run that it continues makes room.
    ///
    /// # Errors
    /// [`Error::Io`] when another run took the name meanwhile; the results stay under the partial name.
    pub fn finish(self) -> Result<PathBuf> {
        let continues = self.path.join("run.json").exists();
        let old = self.path.with_added_extension("old");
        if continues {
            fs::rename(&self.path, &old).map_err(Error::io(&self.path))?;
        }
        fs::rename(&self.partial, &self.path).map_err(Error::io(&self.path))?;
        if continues {
            fs::remove_dir_all(&old).map_err(Error::io(&old))?;
        }
        Ok(self.path.clone())
    }

    /// The finished run in `runs` with the highest number.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none.
    pub fn latest() -> Result<PathBuf> {
        let entries = fs::read_dir(RUNS).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok());
        let latest = numbers.max().map(|number| Path::new(RUNS).join(number.to_string()));
        latest.ok_or_else(|| Error::Missing {
            file: RUNS.into(),
            expected: "a finished run; train one first: cargo run".into(),
        })
    }
}

impl Drop for RunFolder {
    /// A run that failed before it wrote anything leaves no folder.
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.partial);
    }
}

/// The folder of the checkpoint.
const TRAINING: &str = "training";

fn partial(path: &Path) -> PathBuf {
    path.with_added_extension("partial")
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(Error::io(to))?;
    for entry in fs::read_dir(from).map_err(Error::io(from))?.flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to).map_err(Error::io(&from))?;
        }
    }
    Ok(())
}
