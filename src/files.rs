//! Writing files so that nobody ever meets half of one.

use std::{fs, path::Path};

use crate::{Error, Result};

/// Writes `contents` to `path`, as [`replace`] does.
pub(crate) fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Result<()> {
    replace(path.as_ref(), |temporary| fs::write(temporary, contents).map_err(Error::io(path.as_ref())))
}

/// Lets `write` make a file under a temporary name beside `path` and renames it when all of it is there.
/// Missing folders are made.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    // Two processes that write the same file must not write into each other's half.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let written = write(&temporary).and_then(|()| fs::rename(&temporary, path).map_err(Error::io(path)));
    if written.is_err() {
        // The reason for the failure matters more than whether the remains could be removed.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Writes `value` to `path` as JSON that people can read, as [`replace`] does.
pub(crate) fn write_json(path: impl AsRef<Path>, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::io(path.as_ref())(error.into()))?;
    write(path, text + "\n")
}
