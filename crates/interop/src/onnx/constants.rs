//! The constants of an ONNX file: its initializers, and what its nodes compute of them alone, such as a transposed
//! kernel or the shape of a batch.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Component, Path},
};

use mnist_classification::{Error, Result};
use tch::{Kind, Tensor};

use super::proto::*;

/// The longest list of numbers: what nodes put together are shapes and the like.
const LONGEST: usize = 1 << 10;

/// Constants by their names.
pub(super) struct Constants<'a> {
    file: &'a Path,
    tensors: HashMap<String, Tensor>,
}

impl<'a> Constants<'a> {
    /// Takes the initializers of a file; those of kinds that no layer has are left out.
    pub(super) fn new(file: &'a Path, initializers: Vec<TensorProto>) -> Result<Self> {
        let mut constants = Self { file, tensors: HashMap::new() };
        for initializer in initializers {
            if let Some(tensor) = constants.tensor(&initializer)? {
                constants.tensors.insert(initializer.name, tensor);
            }
        }
        Ok(constants)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    pub(super) fn insert(&mut self, name: &str, tensor: Tensor) {
        self.tensors.insert(name.into(), tensor);
    }

    /// Counts the values of all.
    pub(super) fn values(&self) -> usize {
        self.tensors.values().map(Tensor::numel).sum()
    }

    /// Computes a node all of whose inputs are constants; nothing where it is of no known kind.
    pub(super) fn compute(&self, node: &NodeProto) -> Result<Option<Tensor>> {
        let inputs: Option<Vec<_>> = node.input.iter().map(|name| self.get(name)).collect();
        let is_short = |tensor: &&Tensor| tensor.numel() <= LONGEST;
        Ok(match (&*node.op_type, inputs.as_deref()) {
            ("Constant", _) => self.constant(node)?,
            ("Identity" | "Cast", Some([tensor])) => Some(tensor.shallow_clone()),
            ("Transpose", Some([tensor])) => {
                let reversed = || (0..tensor.dim() as i64).rev().collect();
                Some(tensor.f_permute(node.ints("perm").unwrap_or_else(reversed))?)
            }
            ("Reshape", Some([tensor, shape])) => Some(tensor.f_reshape(integers(shape)?)?),
            ("Unsqueeze", Some([tensor, axes @ ..])) => {
                let axes =
                    axes.first().map_or_else(|| Ok(node.ints("axes").unwrap_or_default()), |axes| integers(axes))?;
                Some(axes.iter().try_fold(tensor.shallow_clone(), |tensor, &axis| tensor.f_unsqueeze(axis))?)
            }
            ("Squeeze", Some([tensor, ..])) => Some(tensor.f_squeeze()?),
            ("Gather", Some([tensor, place])) if [tensor, place].into_iter().all(is_short) => {
                Some(tensor.f_index_select(0, &place.f_reshape([-1])?)?.f_reshape(place.size())?)
            }
            ("Slice", Some([tensor, places @ ..])) if is_short(tensor) => {
                let place = |number: usize, name: &str| match places.get(number) {
                    Some(place) => integers(place),
                    None => Ok(node.ints(name).unwrap_or_default()),
                };
                let [starts, ends] = [place(0, "starts")?, place(1, "ends")?];
                Some(tensor.f_slice(0, starts.first().copied(), ends.first().copied(), 1)?)
            }
            ("Concat", Some(tensors)) if tensors.iter().map(|tensor| tensor.numel()).sum::<usize>() <= LONGEST => {
                Some(Tensor::f_cat(tensors, 0)?)
            }
            _ => None,
        })
    }

    /// Returns the value of a node that is one.
    fn constant(&self, node: &NodeProto) -> Result<Option<Tensor>> {
        let Some(value) = node.attribute.first() else { return Ok(None) };
        match (&*value.name, &value.t) {
            ("value", Some(tensor)) => self.tensor(tensor),
            ("value_int", _) => Ok(Some(Tensor::from(value.i.unwrap_or_default()))),
            ("value_ints", _) => Ok(Some(Tensor::f_from_slice(&value.ints)?)),
            ("value_float", _) => Ok(Some(Tensor::from(value.f.unwrap_or_default()))),
            ("value_floats", _) => Ok(Some(Tensor::f_from_slice(&value.floats)?)),
            _ => Ok(None),
        }
    }

    /// Reads a tensor: whole numbers become 64-bit integers, real ones 32-bit floats, or half as long as in the file; other
    /// kinds are nothing.
    fn tensor(&self, proto: &TensorProto) -> Result<Option<Tensor>> {
        let malformed =
            |found: String| Error::malformed(self.file, found, format!("the values of {:?}", short(&proto.name)));
        let (kind, size) = match proto.data_type {
            kind::FLOAT => (Kind::Float, 4),
            kind::DOUBLE => (Kind::Double, 8),
            kind::HALF => (Kind::Half, 2),
            kind::BFLOAT16 => (Kind::BFloat16, 2),
            kind::INT32 => (Kind::Int, 4),
            kind::INT64 => (Kind::Int64, 8),
            _ => return Ok(None),
        };
        let mut sizes = proto.dims.iter().map(|&size| usize::try_from(size).ok());
        let count = sizes.try_fold(1_usize, |count, size| count.checked_mul(size?));
        let length = count
            .and_then(|count| count.checked_mul(size))
            .ok_or_else(|| malformed(format!("the shape {:?}", proto.dims)))?;
        let external = if proto.data_location == 1 { Some(self.external(&proto.external_data, length)?) } else { None };
        let raw = external.as_deref().unwrap_or(&proto.raw_data);
        let tensor = if !raw.is_empty() || length == 0 {
            if raw.len() != length {
                return Err(malformed(format!("{} bytes in place of {length}", raw.len())));
            }
            Tensor::f_from_data_size(raw, &proto.dims, kind)?
        } else {
            let values = match proto.data_type {
                kind::FLOAT => Tensor::f_from_slice(&proto.float_data)?,
                kind::DOUBLE => Tensor::f_from_slice(&proto.double_data)?,
                kind::INT64 => Tensor::f_from_slice(&proto.int64_data)?,
                kind::INT32 => Tensor::f_from_slice(&proto.int32_data)?,
                // The bits of 16-bit floats.
                _ => Tensor::f_from_slice(&proto.int32_data)?.f_to_kind(Kind::Int16)?.f_view_dtype(kind)?,
            };
            values
                .f_reshape(&proto.dims)
                .map_err(|_| malformed(format!("{} in place of the shape {:?}", values.numel(), proto.dims)))?
        };
        let kind = match kind {
            Kind::Int => Kind::Int64,
            Kind::Double => Kind::Float,
            as_it_is => as_it_is,
        };
        Ok(Some(tensor.f_to_kind(kind)?))
    }

    /// Reads values that lie in a file beside this one.
    fn external(&self, entries: &[Entry], length: usize) -> Result<Vec<u8>> {
        let entry = |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str());
        let name = Path::new(entry("location").unwrap_or_default());
        let is_beside = name.components().all(|part| matches!(part, Component::Normal(_)));
        if name.as_os_str().is_empty() || !is_beside {
            let found = format!("values in the file {:?}", short(&name.to_string_lossy()));
            return Err(Error::malformed(self.file, found, "a file beside it or below"));
        }
        let path = self.file.with_file_name(name);
        if !path.is_file() {
            return Err(Error::missing(path, format!("the values of {}", self.file.display())));
        }
        let start = entry("offset").and_then(|offset| offset.parse().ok()).unwrap_or_default();
        let mut values = Vec::new();
        File::open(&path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(start)).and_then(|_| file.take(length as u64).read_to_end(&mut values))
            })
            .map_err(Error::io(path))?;
        Ok(values)
    }
}

/// Returns the whole numbers of a short tensor.
pub(super) fn integers(tensor: &Tensor) -> Result<Vec<i64>> {
    if tensor.numel() > LONGEST {
        return Err(Error::mismatch("a list of whole numbers", tensor.numel(), format!("at most {LONGEST}")));
    }
    Ok(Vec::try_from(tensor.f_reshape([-1])?.f_to_kind(Kind::Int64)?)?)
}

/// Shortens a name from a file to what a message can hold.
pub(super) fn short(name: &str) -> String {
    name.chars().take(80).collect()
}
