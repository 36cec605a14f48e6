//! The IDX format: a magic number, one size per dimension, then the numbers, all big-endian; raw or gzip.
//!
//! Described on Y. LeCun's MNIST page: two zero bytes, a byte for the type of the numbers, a byte for the number of
//! dimensions, then each dimension's size as a 32-bit integer.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::GzDecoder;
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use crate::{Error, Result, signature};

/// Four bytes, and a size of four bytes for each of up to 255 dimensions.
const LONGEST_HEADER: u64 = 4 + 4 * 255;

/// No relative of MNIST has as many classes: a larger number is no label.
const LARGEST_LABEL: i64 = 999;

/// What a file should hold.
#[derive(Clone, Copy, Debug)]
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
        let damaged = |error| damaged(path, &error);
        let (mut reader, mut bytes) = (open(path)?.take(LONGEST_HEADER), Vec::new());
        reader.read_to_end(&mut bytes).map_err(damaged)?;
        let header = Header::parse(&bytes, contents, path)?;
        let start = 4 + 4 * header.sizes.len();
        // One byte too many shows that the file is too long. Memory grows with the file, not with what its header says.
        let end = header.bytes(&header.sizes).saturating_add(start + 1);
        reader.set_limit(end.saturating_sub(bytes.len()) as u64);
        reader.read_to_end(&mut bytes).map_err(damaged)?;
        header.check(bytes.len() - start, path)?;
        let found = format!("{:x}", Sha256::digest(&bytes));
        if let Some(expected) = checksum.filter(|expected| *expected != found) {
            let expected = format!("MNIST's own, {expected}; for other digits there is Dataset::from_dir, or --data");
            return Err(Error::malformed(path, format!("contents with SHA-256 {found}"), expected));
        }
        let values = header.values(&mut bytes[start..])?;
        let (values, what, largest, kind) = match contents {
            Contents::Images => (values, "pixel", 255, Kind::Uint8),
            // Of the eight numbers of a QMNIST label, the first is the class.
            Contents::Labels => {
                (values.f_reshape([header.sizes[0].into(), -1])?.f_select(1, 0)?, "label", LARGEST_LABEL, Kind::Int64)
            }
        };
        for value in [values.f_min()?, values.f_max()?].map(|value| value.int64_value(&[])) {
            if !(0..=largest).contains(&value) {
                let expected = format!("{what}s from 0 to {largest}");
                return Err(Error::malformed(path, format!("the {what} {value}"), expected));
            }
        }
        Ok(Self { file: path.into(), values: values.to_kind(kind), checksum: found })
    }
}

/// What stands before the numbers.
struct Header {
    kind: Kind,
    sizes: Vec<u32>,
}

impl Header {
    /// Reads the header at the start of a file, and checks that it is one of these contents.
    fn parse(start: &[u8], contents: Contents, path: &Path) -> Result<Self> {
        let what = match contents {
            Contents::Images => "an IDX file of pictures, with 3 dimensions",
            Contents::Labels => "an IDX file of labels, with 1 dimension",
        };
        let &[0, 0, code, rank, ref sizes @ ..] = start else {
            return Err(Error::malformed(path, not_idx(start), format!("{what}, raw or gzip")));
        };
        let kind = match code {
            0x08 => Kind::Uint8,
            0x09 => Kind::Int8,
            0x0b => Kind::Int16,
            0x0c => Kind::Int,
            0x0d => Kind::Float,
            0x0e => Kind::Double,
            _ => return Err(Error::malformed(path, format!("numbers of the unknown type {code:02x}"), what)),
        };
        let (sizes, rank) = (sizes.as_chunks().0, usize::from(rank));
        let sizes: Vec<_> = sizes.iter().take(rank).map(|&bytes| u32::from_be_bytes(bytes)).collect();
        if sizes.len() < rank {
            let found = format!("a file that is cut off: {} bytes of header", start.len());
            return Err(Error::malformed(path, found, format!("{} bytes", 4 + 4 * rank)));
        }
        let is_qmnist = kind == Kind::Int && matches!(sizes[..], [_, 8]);
        let meaning = match (contents, &sizes[..]) {
            (Contents::Images, [_, _, _]) | (Contents::Labels, [_]) => None,
            (Contents::Images, [_]) => Some(": labels in place of pictures"),
            (Contents::Images, [_, _]) => Some(": a row of pixels per picture, without height and width"),
            (Contents::Images, [_, _, _, 3 | 4] | [_, 3 | 4, _, _]) => {
                Some(": pictures in color (take the mean of the colors)")
            }
            (Contents::Labels, [_, _, _]) => Some(": pictures in place of labels"),
            (Contents::Labels, [_, _]) => (!is_qmnist).then_some(": several numbers per label"),
            _ => Some(""),
        };
        if let Some(meaning) = meaning {
            let plural = if rank == 1 { "" } else { "s" };
            return Err(Error::malformed(path, format!("{rank} dimension{plural} {sizes:?}{meaning}"), what));
        }
        if matches!(kind, Kind::Float | Kind::Double) {
            let found = format!("{}-bit floats", 8 * kind.elt_size_in_bytes());
            let expected = format!("{what}, of whole numbers; for pixels from 0 to 1 multiply by 255");
            return Err(Error::malformed(path, found, expected));
        }
        Ok(Self { kind, sizes })
    }

    /// Returns how many bytes numbers of these dimensions take, or `usize::MAX` where that is too many.
    fn bytes(&self, sizes: &[u32]) -> usize {
        sizes.iter().fold(self.kind.elt_size_in_bytes(), |product, &size| product.saturating_mul(size as usize))
    }

    /// Checks that as many bytes of numbers were found as the header promises.
    fn check(&self, found: usize, path: &Path) -> Result<()> {
        let (sizes, promised) = (&self.sizes, self.bytes(&self.sizes));
        if found == promised && promised > 0 {
            return Ok(());
        }
        let reversed: Vec<_> = sizes.iter().map(|size| size.swap_bytes()).collect();
        let is_too_large = promised > isize::MAX as usize;
        let is_reversed = reversed.iter().zip(sizes).all(|(reversed, size)| reversed < size)
            && (is_too_large || self.bytes(&reversed) == found);
        let expected = format!("{promised} bytes of numbers, as the header says");
        Err(if promised == 0 {
            Error::malformed(path, format!("an empty data set, of the dimensions {sizes:?}"), "at least one sample")
        } else if is_reversed {
            let found = format!("the sizes {reversed:?} with their bytes in reverse order (little-endian)");
            Error::malformed(path, found, "the highest byte first (big-endian); write the file anew")
        } else if is_too_large {
            Error::malformed(path, format!("the dimensions {sizes:?}"), "numbers that fit into memory")
        } else if found > promised {
            Error::malformed(path, format!("more than {promised} bytes of numbers"), expected)
        } else {
            Error::malformed(path, format!("a file that is cut off: only {found} bytes of numbers"), expected)
        })
    }

    /// Makes a tensor of the bytes behind the header.
    fn values(&self, bytes: &mut [u8]) -> Result<Tensor> {
        let width = self.kind.elt_size_in_bytes();
        if width > 1 && cfg!(target_endian = "little") {
            bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        let shape: Vec<_> = self.sizes.iter().map(|&size| i64::from(size)).collect();
        Ok(Tensor::f_from_slice(bytes)?.f_view_dtype(self.kind)?.f_reshape(shape)?)
    }
}

/// Says what a file is that does not begin as IDX does.
fn not_idx(start: &[u8]) -> String {
    match start {
        [_] | [_, _] | [_, _, _] => "a file of fewer than 4 bytes".into(),
        // The packing that was asked for is already undone.
        [0x1f, 0x8b, ..] => "gzip inside gzip (unpack it once)".into(),
        // IDX begins with two zeros, the type of the numbers and the number of dimensions.
        [1..=4, 0x08..=0x0e, 0, 0, ..] => {
            "an IDX file with its bytes in reverse order (little-endian; write it big-endian)".into()
        }
        _ => signature::kind(start).unwrap_or_else(|| format!("the magic number {:02x?}", &start[..4])),
    }
}

/// Opens a file; unpacks it while it is read when its first bytes are gzip's.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let mut file = BufReader::new(File::open(path).map_err(Error::io(path))?);
    let is_gzip = file.fill_buf().map_err(Error::io(path))?.starts_with(b"\x1f\x8b");
    if is_gzip { Ok(Box::new(Members(Some(GzDecoder::new(file))))) } else { Ok(Box::new(file)) }
}

/// Unpacks one gzip stream after the other. Zeros may stand behind each, as `gzip -t` permits them.
struct Members(Option<GzDecoder<BufReader<File>>>);

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let Some(mut file) = self.0.take().map(GzDecoder::into_inner) else { break };
            while file.fill_buf()?.starts_with(&[0]) {
                file.consume(1);
            }
            self.0 = (!file.fill_buf()?.is_empty()).then(|| GzDecoder::new(file));
        }
        Ok(0)
    }
}

/// Says what a failed read means: the decoder reports a bad stream, and one that ends too soon, in these kinds.
fn damaged(path: &Path, error: &io::Error) -> Error {
    let found = match error.kind() {
        io::ErrorKind::UnexpectedEof => "a gzip file that is cut off".into(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => format!("a damaged gzip file ({error})"),
        kind => return Error::io(path)(kind.into()),
    };
    Error::malformed(path, found, "a whole gzip file, or a raw one; download it again")
}
