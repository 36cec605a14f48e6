//! The SHA-256 of a file's contents, taken while they are read: to unpack MNIST twice would double its loading time.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// More than any file of MNIST has, packed or unpacked: no more is read only for a checksum.
pub(super) const LARGEST: u64 = 100_000_000;

/// A reader that notes what passes through it.
pub(super) struct Summed<R> {
    reader: R,
    hash: Sha256,
}

impl<R: Read> Summed<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, hash: Sha256::new() }
    }

    /// Reads to the end, and gives the checksum of everything as hexadecimal digits.
    pub(super) fn finish(mut self) -> io::Result<String> {
        io::copy(&mut self.by_ref().take(LARGEST), &mut io::sink())?;
        Ok(format!("{:x}", self.hash.finalize()))
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.hash.update(&buffer[..length]);
        Ok(length)
    }
}
