//! Atomic file writes, JSON files, and folders that one process at a time works in.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{Error, Result};

/// Writes `contents` to `path`: first under a temporary name beside it, which becomes `path` when all of it is on the
/// disk. Missing folders are made.
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Result<()> {
    replace(path.as_ref(), |temporary| File::create(temporary)?.write_all(contents.as_ref()))
}

/// As [`write`], with a function that makes the file of the temporary name.
///
/// # Errors
/// [`Error::Io`] when the file cannot be made or renamed.
pub fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    refuse_tilde(path)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    // Neither two processes nor two threads that write the same file may write into each other's half.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let (process, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{process}-{number}.partial"));
    // Without waiting for the disk, a renamed file could be one without contents after a power cut.
    let written = make(&temporary)
        .and_then(|()| File::open(&temporary)?.sync_all())
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(Error::io(path));
    if written.is_err() {
        // The reason for the failure matters more than whether the remains could be removed.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Refuses a path that begins with `~`: a folder of that name would be made here.
pub fn refuse_tilde(path: &Path) -> Result<()> {
    if path.starts_with("~") {
        let expected = "the home folder's own path in place of ~, which only a shell knows";
        return Err(Error::invalid_setting("a path", path.display(), expected));
    }
    Ok(())
}

/// Removes from a folder what [`write`] left there under temporary names, at least this long ago, when its process was
/// killed.
pub fn remove_unfinished(folder: &Path, age: Duration) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = modified.is_ok_and(|time| time.elapsed().is_ok_and(|passed| passed >= age));
        if is_old && name.starts_with('.') && name.ends_with(".partial") {
            // It does no harm where it stays.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes a folder and locks it by the file `lock` in it; the lock goes with the process, however that ends. Returns
/// nothing where another process has it.
pub fn lock(folder: &Path) -> Result<Option<File>> {
    refuse_tilde(folder)?;
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let path = folder.join("lock");
    let file = File::create(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::io(path)(error)),
    }
}

/// Removes a folder with all that is in it, where it is there.
pub fn remove_if_there(folder: &Path) -> Result<()> {
    if folder.exists() { fs::remove_dir_all(folder).map_err(Error::io(folder)) } else { Ok(()) }
}

/// Reads a JSON file, which should be `expected`.
///
/// # Errors
/// [`Error::Missing`], [`Error::Io`], or [`Error::Malformed`] with what the parser found.
pub fn read_json<T: serde::de::DeserializeOwned>(path: impl AsRef<Path>, expected: &str) -> Result<T> {
    let path = path.as_ref();
    if !path.exists() {
        return Err(Error::missing(path, expected));
    }
    let text = fs::read_to_string(path).map_err(Error::io(path))?;
    // Some editors begin a file with a byte-order mark.
    serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| Error::malformed(path, error, expected))
}

/// Writes `value` to `path` as JSON that people can read, as [`write`] does.
pub fn write_json(path: impl AsRef<Path>, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::io(path.as_ref())(error.into()))?;
    write(path, text + "\n")
}
