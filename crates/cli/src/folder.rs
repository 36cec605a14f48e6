//! The folder of a run. Until all is written it is called `….partial`, so that an interrupted run never passes for a
//! finished one; a run that is given the same path goes on where that one was.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use mnist_classification::{Error, Result, data::Classes, support::files, training::Training};

use super::options::{classes, settings};

/// The place of runs that were given no folder.
const RUNS: &str = "runs";
/// The folder of the checkpoint, the lock of the run at work, and the run that this one continues, while it makes room.
const TRAINING: &str = "training";
const LOCK: &str = "lock";
const PREVIOUS: &str = "previous";
/// The ending of a folder until all is written.
const PARTIAL: &str = "partial";

/// The folder of a run that is at work.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    partial: PathBuf,
    /// Whether a finished run lies at the path, to go on.
    continues: bool,
    _lock: File,
}

impl RunFolder {
    /// Makes the folder of a run that begins: `path`, or the next free number in `runs`. An interrupted run in `path`
    /// goes on; so does a finished one that was trained for fewer epochs, where its schedule does not depend on their
    /// number.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] when `path` holds something else, or another run is at work there; [`Error::Io`] when
    /// it cannot be made.
    pub fn create(path: Option<&Path>, training: &Training) -> Result<Self> {
        let Some(path) = path else { return Self::next(Path::new(RUNS)) };
        files::refuse_tilde(path)?;
        if path.file_name().is_none() {
            return Err(refused(path, "the name of a folder"));
        }
        // Without a slash at its end, which would put the partial folder inside.
        let path: PathBuf = path.components().collect();
        let continues = path.exists();
        if continues {
            check_finished(&path, training)?;
        }
        let partial = path.with_added_extension(PARTIAL);
        let folder = Self { _lock: locked(&partial)?, path, partial, continues };
        files::remove_unfinished(&folder.partial, Duration::ZERO);
        folder.take_over_training()?;
        Ok(folder)
    }

    /// Takes the next free number. Two runs that begin at once get two: making a folder succeeds for one of them.
    fn next(runs: &Path) -> Result<Self> {
        fs::create_dir_all(runs).map_err(Error::io(runs))?;
        let mut number = 1;
        loop {
            let path = runs.join(number.to_string());
            let partial = path.with_added_extension(PARTIAL);
            if !path.exists() {
                match fs::create_dir(&partial) {
                    Ok(()) => return Ok(Self { _lock: locked(&partial)?, path, partial, continues: false }),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(Error::io(partial)(error)),
                }
            }
            number += 1;
        }
    }

    /// Takes over what a finished run or an interrupted one left of its training.
    fn take_over_training(&self) -> Result<()> {
        let (old, new) = (self.path.join(TRAINING), self.checkpoint());
        if old.exists() && !new.exists() {
            // Half of a copy must not pass for the whole.
            let copied = self.file("training.copy");
            files::remove_if_there(&copied)?;
            copy(&old, &copied)?;
            fs::rename(&copied, &new).map_err(Error::io(&new))?;
        }
        // Its results were not written: whatever the training came to, it is not finished.
        match fs::remove_file(new.join("finished")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(new)(error)),
            _ => Ok(()),
        }
    }

    /// Returns the path of a file in the folder.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Returns the folder in which training keeps its epochs.
    pub fn checkpoint(&self) -> PathBuf {
        self.partial.join(TRAINING)
    }

    /// Gives the folder its name, now that all is in it; a run that it continues makes room.
    ///
    /// # Errors
    /// [`Error::Io`] when another run took the name meanwhile; the results stay under the partial name.
    pub fn finish(self) -> Result<PathBuf> {
        let previous = self.file(PREVIOUS);
        if self.continues {
            files::remove_if_there(&previous)?;
            fs::rename(&self.path, &previous).map_err(Error::io(&self.path))?;
        }
        // Whoever finds the folder has no use for the lock.
        let _ = fs::remove_file(self.file(LOCK));
        fs::rename(&self.partial, &self.path).map_err(Error::io(&self.path))?;
        files::remove_if_there(&self.path.join(PREVIOUS))?;
        Ok(self.path.clone())
    }

    /// Returns the run in `runs` on digits that was finished last, where there is one: a number that became free is
    /// taken again, and a network of clothes or letters does not answer what a digit is.
    pub fn latest() -> Option<PathBuf> {
        let entries = fs::read_dir(RUNS).into_iter().flatten().flatten();
        let finished = entries.filter_map(|entry| {
            let (number, record) = (entry.file_name().to_str()?.parse::<u64>().ok()?, entry.path().join("run.json"));
            let is_of_digits = classes(&record).ok()? == Classes::numbered(10);
            is_of_digits.then_some((fs::metadata(record).ok()?.modified().ok()?, number, entry.path()))
        });
        finished.max().map(|(.., path)| path)
    }
}

impl Drop for RunFolder {
    /// Removes the folder of a run that failed before it kept an epoch.
    fn drop(&mut self) {
        let is_lock = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() == LOCK);
        for folder in [self.checkpoint(), self.partial.clone()] {
            if fs::read_dir(&folder).is_ok_and(|mut entries| entries.all(is_lock)) {
                let _ = fs::remove_dir_all(&folder);
            }
        }
    }
}

/// Checks that the finished run at this path can go on as asked.
fn check_finished(path: &Path, asked: &Training) -> Result<()> {
    let record = path.join("run.json");
    if !record.exists() || !path.join(TRAINING).exists() {
        return Err(refused(path, "a folder that is not there yet"));
    }
    let Training { epochs, schedule, .. } = settings(&record)?;
    let expected = if asked.epochs <= epochs {
        format!("a folder that is not there yet, or more epochs than the {epochs} of the run there, to go on")
    } else if schedule.depends_on_epochs() {
        let reason = format!("the schedule {schedule:?} depends on the number of epochs");
        format!("another folder: {reason}, so the {epochs} of the run there cannot go on")
    } else {
        return Ok(());
    };
    Err(refused(path, expected))
}

fn refused(path: &Path, expected: impl ToString) -> Error {
    Error::invalid_setting("out", path.display(), expected)
}

fn locked(partial: &Path) -> Result<File> {
    files::lock(partial)?.ok_or_else(|| refused(partial, "a folder in which no other run is at work"))
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
