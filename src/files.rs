//! Writing files so that nobody ever meets half of one.

use std::{fs, path::Path};

use crate::{Error, Result};

/// Writes `contents` under a temporary name beside `path` and renames it when all of it is there.
/// Missing folders are made.
pub(crate) fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Result<()> {
    let path = path.as_ref();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    // Two processes that write the same file must not write into each other's half.
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    let written = fs::write(&temporary, contents).and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        // The reason for the failure matters more than whether the remains could be removed.
        let _ = fs::remove_file(&temporary);
        Error::io(path)(source)
    })
}
