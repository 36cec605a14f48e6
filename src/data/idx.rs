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
use crate::{Error, Result, signature};

/// The types of numbers: code, name, size in bytes. Integers can be read.
const TYPES: [(u8, &str, usize); 6] = [
    (0x08, "unsigned bytes", 1),
    (0x09, "signed bytes", 1),
    (0x0b, "16-bit integers", 2),
    (0x0c, "32-bit integers", 4),
    (0x0d, "32-bit floats", 4),
    (0x0e, "64-bit floats", 8),
];

/// The largest label that is taken for one: no relative of MNIST has as many classes.
const LARGEST_LABEL: i64 = 999;

/// What a file should hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// `[count, height, width]`.
    Images,
    /// `[count]`, or QMNIST's `[count, 8]`.
    Labels,
}

/// The contents of an IDX file.
#[derive(Debug)]
pub(super) struct Idx {
    /// The file.
    pub(super) file: PathBuf,
    /// Unsigned bytes `[count, height, width]`, or 64-bit integers `[count]`.
    pub(super) values: Tensor,
    /// The SHA-256 of the contents, unpacked.
    pub(super) checksum: String,
}

impl Idx {
    /// Reads a file of these contents. Where a checksum is given, the file must have it.
    pub(super) fn read(path: &Path, contents: Contents, checksum: Option<&str>) -> Result<Self> {
        let mut reader = Summed::new(open(path)?);
        let values = parse(&mut reader, contents, path)?;
        let found = reader.finish().map_err(|error| damaged(path, &error))?;
        if let Some(expected) = checksum.filter(|expected| *expected != found) {
            let expected = format!("MNIST's own, {expected}; for other digits there is Dataset::from_dir, or --data");
            return Err(malformed(path, format!("contents with SHA-256 {found}"), expected));
        }
        let (what, largest, kind) = match contents {
            Contents::Images => ("pixel", 255, Kind::Uint8),
            Contents::Labels => ("label", LARGEST_LABEL, Kind::Int64),
        };
        for value in [values.f_min()?, values.f_max()?].map(|value| value.int64_value(&[])) {
            if !(0..=largest).contains(&value) {
                return Err(malformed(path, format!("the {what} {value}"), format!("{what}s from 0 to {largest}")));
            }
        }
        Ok(Self { file: path.into(), values: values.to_kind(kind), checksum: found })
    }
}

pub(super) fn malformed(path: &Path, found: impl Into<String>, expected: impl Into<String>) -> Error {
    Error::Malformed { file: path.into(), found: found.into(), expected: expected.into() }
}

/// The numbers of a stream, of any integer type.
fn parse(reader: &mut dyn Read, contents: Contents, path: &Path) -> Result<Tensor> {
    let header = Header::read(reader, contents, path)?;
    let Header { width, sizes, .. } = &header;
    let length = sizes.iter().try_fold(*width, |product, &size| product.checked_mul(size as usize));
    let Some(length) = length.filter(|&length| length <= isize::MAX as usize) else {
        let too_large = || malformed(path, format!("the dimensions {sizes:?}"), "numbers that fit into memory");
        return Err(header.reversed(path, None).unwrap_or_else(too_large));
    };
    if length == 0 {
        return Err(malformed(path, format!("an empty data set, of the dimensions {sizes:?}"), "at least one sample"));
    }
    let mut bytes = Vec::new();
    // One byte more than there should be tells that there is more. Memory grows with what is there, not with the header.
    reader.take(length as u64 + 1).read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
    let promised = format!("{length} bytes of numbers, as the header says");
    if bytes.len() < length {
        let found = format!("a file that is cut off: only {} bytes of numbers", bytes.len());
        return Err(header.reversed(path, Some(bytes.len())).unwrap_or_else(|| malformed(path, found, promised)));
    }
    if bytes.len() > length {
        return Err(malformed(path, format!("more than {length} bytes of numbers"), promised));
    }
    let shape: Vec<_> = sizes.iter().map(|&size| i64::from(size)).collect();
    let values = numbers(header.code, &bytes)?.f_reshape(shape)?;
    // Of the eight numbers of a QMNIST label, the first is the class.
    Ok(if contents == Contents::Labels && sizes.len() == 2 { values.f_select(1, 0)? } else { values })
}

/// What stands before the numbers.
struct Header {
    /// The code of the numbers' type, and their size in bytes.
    code: u8,
    width: usize,
    sizes: Vec<u32>,
}

impl Header {
    fn read(reader: &mut dyn Read, contents: Contents, path: &Path) -> Result<Self> {
        let what = match contents {
            Contents::Images => "an IDX file of pictures, with 3 dimensions",
            Contents::Labels => "an IDX file of labels, with 1 dimension",
        };
        let magic = fill(reader, 4, path)?;
        let &[0, 0, code, rank] = &magic[..] else {
            return Err(malformed(path, not_idx(&magic, reader, path)?, format!("{what}, raw or gzip")));
        };
        let Some(&(_, name, width)) = TYPES.iter().find(|(known, ..)| *known == code) else {
            return Err(malformed(path, format!("numbers of the unknown type {code:02x}"), what));
        };
        let sizes = fill(reader, 4 * u64::from(rank), path)?;
        if sizes.len() < 4 * usize::from(rank) {
            let found = format!("a file that is cut off: {} bytes of header", 4 + sizes.len());
            return Err(malformed(path, found, format!("{} bytes", 4 + 4 * usize::from(rank))));
        }
        let size = |four: &[u8]| u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
        let sizes: Vec<_> = sizes.chunks(4).map(size).collect();
        let fits = match contents {
            Contents::Images => sizes.len() == 3,
            Contents::Labels => sizes.len() == 1 || (sizes.len() == 2 && sizes[1] == 8 && code == 0x0c),
        };
        if !fits {
            return Err(malformed(path, other_dimensions(contents, &sizes), what));
        }
        if name.ends_with("floats") {
            let expected = format!("{what}, of whole numbers; for pixels from 0 to 1 multiply by 255");
            return Err(malformed(path, name, expected));
        }
        Ok(Self { code, width, sizes })
    }

    /// The error where the sizes only make sense with their bytes in reverse order: `length` is how many bytes follow.
    fn reversed(&self, path: &Path, length: Option<usize>) -> Option<Error> {
        let is_reversed = self.sizes.iter().all(|size| size.swap_bytes() < *size);
        let sizes: Vec<_> = self.sizes.iter().map(|size| size.swap_bytes()).collect();
        let promised = sizes.iter().map(|&size| u128::from(size)).product::<u128>() * self.width as u128;
        let is_reversed = is_reversed && length.is_none_or(|length| length as u128 == promised);
        let found = format!("the sizes {sizes:?} with their bytes in reverse order (little-endian)");
        is_reversed.then(|| malformed(path, found, "the highest byte first (big-endian); write the file anew"))
    }
}

/// What a file is that does not begin as IDX does.
fn not_idx(magic: &[u8], reader: &mut dyn Read, path: &Path) -> Result<String> {
    let start = [magic, &fill(reader, 508, path)?].concat();
    Ok(match start.len() {
        0 => "an empty file".into(),
        1..4 => "a file of fewer than 4 bytes".into(),
        // The packing that was asked for is already undone.
        _ if start.starts_with(b"\x1f\x8b") => "gzip inside gzip (unpack it once)".into(),
        // IDX begins with two zeros, the type of the numbers and the number of dimensions.
        _ if matches!(start[..], [1..=4, 0x08..=0x0e, 0, 0, ..]) => {
            "an IDX file with its bytes in reverse order (little-endian; write it big-endian)".into()
        }
        _ => signature::kind(&start).unwrap_or_else(|| format!("the magic number {magic:02x?}")),
    })
}

/// What dimensions mean that are not those of the contents.
fn other_dimensions(contents: Contents, sizes: &[u32]) -> String {
    let meaning = match (contents, sizes) {
        (Contents::Images, [_]) => ": labels in place of pictures",
        (Contents::Images, [_, _]) => ": a row of pixels per picture, without height and width",
        (Contents::Images, [_, _, _, 3 | 4] | [_, 3 | 4, _, _]) => {
            ": pictures in colour (take the mean of the colours)"
        }
        (Contents::Labels, [_, _, _]) => ": pictures in place of labels",
        (Contents::Labels, [_, _]) => ": several numbers per label",
        _ => "",
    };
    format!("{} dimension{} {sizes:?}{meaning}", sizes.len(), if sizes.len() == 1 { "" } else { "s" })
}

/// Opens a file and unpacks it while it is read when its first bytes are gzip's.
fn open(path: &Path) -> Result<Box<dyn Read>> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(Error::io(path))?;
    (&file).take(2).read_to_end(&mut start).map_err(Error::io(path))?;
    let file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    if start == [0x1f, 0x8b] { Ok(Box::new(MultiGzDecoder::new(file))) } else { Ok(Box::new(file)) }
}

/// The next `length` bytes, or fewer where the stream ends.
fn fill(reader: &mut dyn Read, length: u64, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes).map_err(|error| damaged(path, &error))?;
    Ok(bytes)
}

/// What a failed read means: the decoder reports a bad stream, and one that ends too soon, in these kinds.
fn damaged(path: &Path, error: &io::Error) -> Error {
    let found = match error.kind() {
        io::ErrorKind::UnexpectedEof => "a gzip file that is cut off".into(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => format!("a damaged gzip file ({error})"),
        kind => return Error::io(path)(kind.into()),
    };
    malformed(path, found, "a whole gzip file, or a raw one; download it again")
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
