//! The SHA-256 by which MNIST's files are known, taken while they are read: to unpack them twice would double their loading
//! time.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// More than any file of MNIST has, packed or unpacked: no more is read only for a checksum.
pub(super) const LARGEST: u64 = 100_000_000;

/// A file of MNIST: its name, and the SHA-256 of its unpacked contents.
pub(super) type Known = (&'static str, &'static str);

/// The four files of MNIST (Y. LeCun, C. Cortes, C. J. C. Burges).
pub(super) const MNIST: [Known; 4] = [
    ("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
];

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
