//! The IDX format: a magic number, one size per dimension, then the numbers, all big-endian; raw or gzip.
//!
//! Described on Y. LeCun's MNIST page: two zero bytes, a byte for the type of the numbers, a byte for the number of
//! dimensions, then each dimension's size as a 32-bit integer.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use tch::{Kind, Tensor};

use super::checksum::Summed;
use crate::{Error, Result};

/// The integer types that the MNIST family uses: code, name, size in bytes.
const TYPES: [(u8, &str, usize); 4] = [
    (0x08, "unsigned bytes", 1),
    (0x09, "signed bytes", 1),
    (0x0b, "16-bit integers", 2),
    (0x0c, "32-bit integers", 4),
];

/// The contents of an IDX file.
#[derive(Debug)]
pub(super) struct Idx {
    file: PathBuf,
    values: Tensor,
}

impl Idx {
    /// Reads a file with this many dimensions; `checksum` is the SHA-256 that its contents must have, if any.
    pub(super) fn read(path: &Path, rank: u8, checksum: Option<&str>) -> Result<Self> {
        let mut reader = Summed::new(open(path)?);
        let read = Self::parse(&mut reader, rank, path)?;
        if let Some(checksum) = checksum {
            let found = reader.finish().map_err(|error| damaged(path, &error))?;
            if found != checksum {
                let found = format!("contents with SHA-256 {found}");
                let expected = format!("MNIST's own, {checksum}; for other digits there is Mnist::from_dir, or --data");
                return Err(Error::Malformed { file: path.into(), found, expected });
            }
        }
        Ok(read)
    }

    fn parse(reader: &mut dyn Read, rank: u8, path: &Path) -> Result<Self> {
        let what = || format!("an IDX file with {rank} dimension{}, raw or gzip", if rank == 1 { "" } else { "s" });
        let malformed = |found: String, expected: String| Error::Malformed { file: path.into(), found, expected };

        let mut header = vec![0; 4 + 4 * usize::from(rank)];
        let read = fill(reader, &mut header, path)?;
        if read == 0 {
            return Err(malformed("an empty file".into(), what()));
        }
        if read >= 4 && header[..2] != [0, 0] {
            let magic = &header[..4];
            return Err(malformed(format!("the magic number {magic:02x?}"), format!("[00, 00, type, {rank:02x}]")));
        }
        if read >= 4 && header[3] != rank {
            return Err(malformed(format!("{} dimensions", header[3]), format!("{rank}")));
        }
        if read < header.len() {
            return Err(malformed(format!("{read} bytes of header"), format!("{} bytes", header.len())));
        }
        let Some(&(code, _, width)) = TYPES.iter().find(|(code, ..)| *code == header[2]) else {
            let known: Vec<_> = TYPES.iter().map(|(code, name, _)| format!("{code:02x} ({name})")).collect();
            return Err(malformed(format!("the number type {:02x}", header[2]), known.join(", ")));
        };
        let sizes: Vec<usize> = header[4..]
            .chunks(4)
            .map(|size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize)
            .collect();
        let length = sizes.iter().try_fold(width, |product, &size| product.checked_mul(size));
        let Some(length) = length.filter(|&length| (1..=isize::MAX as usize).contains(&length)) else {
            return Err(malformed(format!("the dimensions {sizes:?}"), "numbers above 0 that fit into memory".into()));
        };
        let bytes = body(reader, length, path)?;
        let shape: Vec<_> = sizes.iter().map(|&size| size as i64).collect();
        Ok(Self { file: path.into(), values: numbers(code, &bytes)?.f_reshape(shape)? })
    }

    /// The values as images of unsigned bytes, `[count, height, width]`.
    pub(super) fn images(&self) -> Result<Tensor> {
        self.check("pixel", 255)?;
        Ok(self.values.to_kind(Kind::Uint8))
    }

    /// The values as labels from 0 to 9, `[count]`.
    pub(super) fn labels(&self) -> Result<Tensor> {
        self.check("label", 9)?;
        Ok(self.values.to_kind(Kind::Int64))
    }

    fn check(&self, what: &str, largest: i64) -> Result<()> {
        let extremes = [self.values.f_min()?, self.values.f_max()?];
        for value in extremes.map(|value| value.int64_value(&[])) {
            if !(0..=largest).contains(&value) {
                let (found, expected) = (format!("the {what} {value}"), format!("{what}s from 0 to {largest}"));
                return Err(Error::Malformed { file: self.file.clone(), found, expected });
            }
        }
        Ok(())
    }
}

/// Opens a file and unpacks it while it is read when its first bytes are gzip's.
fn open(path: &Path) -> Result<Box<dyn Read>> {
    let mut start = [0; 2];
    let read = File::open(path).and_then(|mut file| file.read(&mut start)).map_err(Error::io(path))?;
    let file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    if start[..read] == [0x1f, 0x8b] { Ok(Box::new(MultiGzDecoder::new(file))) } else { Ok(Box::new(file)) }
}

/// The `length` bytes after the header, and nothing behind them: a gzip that unpacks to more is not unpacked further.
fn body(reader: &mut dyn Read, length: usize, path: &Path) -> Result<Vec<u8>> {
    let malformed = |found: String| Error::Malformed {
        file: path.into(),
        found,
        expected: format!("{length} bytes of numbers, as the header says"),
    };
    let mut bytes = Vec::new();
    // One byte more than there should be tells that there is more. Memory grows with what is there, not with the header.
    reader.take(length as u64 + 1).read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
    match bytes.len() {
        found if found < length => Err(malformed(format!("only {found} bytes of numbers"))),
        found if found > length => Err(malformed(format!("more than {length} bytes of numbers"))),
        _ => Ok(bytes),
    }
}

/// Reads until the buffer is full or the file ends, and says how many bytes were there.
fn fill(reader: &mut dyn Read, buffer: &mut [u8], path: &Path) -> Result<usize> {
    let mut bytes = Vec::new();
    let read = reader.take(buffer.len() as u64).read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
    buffer[..read].copy_from_slice(&bytes);
    Ok(read)
}

/// What a failed read means: the decoder reports a bad stream, and one that ends too soon, in these two kinds.
fn damaged(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Error::Malformed {
            file: path.into(),
            found: format!("a corrupt gzip stream ({error})"),
            expected: "a whole gzip file, or a raw one".into(),
        },
        kind => Error::io(path)(kind.into()),
    }
}

/// The numbers behind the header as a row.
fn numbers(code: u8, bytes: &[u8]) -> Result<Tensor> {
    Ok(match code {
        0x08 => Tensor::f_from_slice(bytes)?,
        0x09 => Tensor::f_from_slice(&bytes.iter().map(|byte| byte.cast_signed()).collect::<Vec<_>>())?,
        0x0b => Tensor::f_from_slice(
            &bytes.chunks_exact(2).map(|two| i16::from_be_bytes([two[0], two[1]])).collect::<Vec<_>>(),
        )?,
        _ => Tensor::f_from_slice(
            &bytes
                .chunks_exact(4)
                .map(|four| i32::from_be_bytes([four[0], four[1], four[2], four[3]]))
                .collect::<Vec<_>>(),
        )?,
    })
}
