//! Entries of zip archives, in which NumPy and PyTorch keep arrays. What an archive claims is not believed: neither
//! sizes nor that it can be unpacked.

use std::{
    fs,
    io::{Cursor, Read},
    path::Path,
};

use mnist_classification::{Error, Result, support::file_kind};
use zip::{CompressionMethod, ZipArchive, result::ZipResult};

/// A zip archive in memory.
pub(crate) struct Archive<'a> {
    file: &'a Path,
    expected: &'static str,
    zip: ZipArchive<Cursor<Vec<u8>>>,
    names: Vec<String>,
}

impl<'a> Archive<'a> {
    /// Opens an archive, which should be `expected`.
    pub(crate) fn open(file: &'a Path, expected: &'static str) -> Result<Self> {
        if !file.is_file() {
            return Err(Error::missing(file, expected));
        }
        let bytes = fs::read(file).map_err(Error::io(file))?;
        let other = file_kind(&bytes[..bytes.len().min(512)]).filter(|_| !bytes.starts_with(b"PK"));
        let opened = ZipArchive::new(Cursor::new(bytes)).and_then(|mut zip| {
            let count = zip.len();
            let name = |number| Ok(zip.by_index_raw(number)?.name().to_string());
            let names = (0..count).map(name).collect::<ZipResult<_>>()?;
            Ok((zip, names))
        });
        let (zip, names) =
            opened.map_err(|error| Error::malformed(file, other.unwrap_or_else(|| error.to_string()), expected))?;
        Ok(Self { file, expected, zip, names })
    }

    /// Returns the names of the entries.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Unpacks the entry of this number, of at most so many bytes.
    pub(crate) fn read(&mut self, number: usize, most: usize) -> Result<Vec<u8>> {
        self.unpacked(number, most).map_err(|found| self.malformed(found))
    }

    fn unpacked(&mut self, number: usize, most: usize) -> Result<Vec<u8>, String> {
        let method = self.zip.by_index_raw(number).map_err(|error| error.to_string())?.compression();
        if ![CompressionMethod::Stored, CompressionMethod::Deflated].contains(&method) {
            return Err(format!("an archive packed by {method}"));
        }
        // The way without a password panics at an entry that needs one.
        let entry = self.zip.by_index_decrypt(number, b"").map_err(|error| error.to_string())?;
        let entry = entry.map_err(|_| "an archive with a password".to_string())?;
        let mut content = Vec::new();
        entry.take(most as u64 + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
        if content.len() > most {
            Err(format!("more than {most} bytes in {:?}", self.names[number]))
        } else {
            Ok(content)
        }
    }

    /// Makes an error about this file.
    pub(crate) fn malformed(&self, found: impl ToString) -> Error {
        Error::malformed(self.file, found, self.expected)
    }
}
