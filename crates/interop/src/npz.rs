//! Reads NumPy's archives: zip files of arrays
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>). tch's own reader takes the sizes in them
//! on trust.

use std::path::Path;

use mnist_classification::Result;
use tch::{Kind, Tensor};

use crate::archive::Archive;

const EXPECTED: &str = "NumPy's archive of the weights: numpy.savez(file, *model.get_weights())";
/// More bytes than an array's header has.
const HEADER: usize = 1 << 12;

/// Reads all arrays, in the file's order: at most so many values together.
pub(crate) fn read(file: &Path, values: usize) -> Result<Vec<Tensor>> {
    let mut archive = Archive::open(file, EXPECTED)?;
    let mut arrays = Vec::new();
    let mut room = 8 * values;
    for number in 0..archive.names().len() {
        let content = archive.read(number, room + HEADER)?;
        let name = &archive.names()[number];
        let array =
            array(&content).ok_or_else(|| archive.malformed(format!("no whole array of floats in {name:?}")))?;
        let left = room.checked_sub(4 * array.numel());
        room = left.ok_or_else(|| archive.malformed(format!("more than {values} values")))?;
        arrays.push(array.to_kind(Kind::Float));
    }
    Ok(arrays)
}

/// Reads an array of floats; nothing where it is something else.
fn array(bytes: &[u8]) -> Option<Tensor> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let (length, rest) = match rest.split_at_checked(2)? {
        ([1, _], rest) => (u16::from_le_bytes(*rest.first_chunk()?) as usize, rest.get(2..)?),
        ([2 | 3, _], rest) => (u32::from_le_bytes(*rest.first_chunk()?) as usize, rest.get(4..)?),
        _ => return None,
    };
    let (header, values) = rest.split_at_checked(length)?;
    let header = std::str::from_utf8(header).ok()?;
    let between = |before: &str, after: char| header.split_once(before)?.1.split_once(after).map(|(text, _)| text);
    let kind = match between("'descr': '", '\'')? {
        "<f4" => Kind::Float,
        "<f8" => Kind::Double,
        "<f2" => Kind::Half,
        _ => return None,
    };
    if between("'fortran_order': ", ',')? != "False" {
        return None;
    }
    let sizes = between("'shape': (", ')')?.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Vec<i64> = sizes.map(str::parse).collect::<Result<_, _>>().ok()?;
    let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size.try_into().ok()?))?;
    let is_whole = count.checked_mul(kind.elt_size_in_bytes()) == Some(values.len());
    is_whole.then(|| Tensor::f_from_data_size(values, &shape, kind).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, values: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), values].concat()
    }

    #[test]
    fn arrays_are_read_only_where_all_their_values_are_there() {
        let header = |descr: &str, order: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({shape}), }}\n")
        };
        let values = [1.0_f32, 2.0].map(f32::to_le_bytes).concat();
        let read = array(&file(&header("<f4", "False", "2, 1"), &values)).unwrap();
        assert_eq!(read, Tensor::from_slice(&[1.0_f32, 2.0]).reshape([2, 1]));
        assert_eq!(array(&file(&header("<f8", "False", ""), &values)).unwrap().size(), [0_i64; 0]);
        for (descr, order, shape) in [
            ("<f4", "False", "3,"),
            ("<f4", "False", "-2, -1"),
            ("<f4", "False", "4294967296, 4294967296"),
            ("<f4", "True", "2, 1"),
            (">f4", "False", "2,"),
            ("|O", "False", "2,"),
        ] {
            assert!(array(&file(&header(descr, order, shape), &values)).is_none(), "{descr} {order} {shape}");
        }
        let whole = file(&header("<f4", "False", "2,"), &values);
        assert!((0..whole.len()).all(|length| array(&whole[..length]).is_none()));
    }
}
