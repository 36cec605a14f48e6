//! The constants of an ONNX file: its initializers, and what its nodes compute of them alone, such as a transposed
//! kernel or the shape of a batch.

use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Component, Path, PathBuf},
};

use mnist_classification::{Error, Result};
use tch::{Kind, Tensor};

use super::proto::*;

/// The longest list of numbers: what nodes put together are shapes and the like.
const LONGEST: usize = 64;

/// Constants by their names.
pub(super) struct Constants<'a> {
    file: &'a Path,
    tensors: HashMap<String, Tensor>,
    /// How many bytes were read of each file beside it.
    external: HashMap<PathBuf, u64>,
}

impl<'a> Constants<'a> {
    /// Takes the initializers of a file; those of kinds that no layer has are left out.
    pub(super) fn new(file: &'a Path, initializers: Vec<TensorProto>) -> Result<Self> {
        let mut constants = Self { file, tensors: HashMap::new(), external: HashMap::new() };
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

    /// Computes a node whose inputs are all constants. Returns nothing for other nodes.
    pub(super) fn compute(&mut self, node: &NodeProto) -> Result<Option<Tensor>> {
        let inputs: Option<Vec<_>> = node.input.iter().map(|name| self.get(name)).collect();
        let is_list = |tensor: &Tensor| tensor.numel() <= LONGEST && tensor.dim() <= 1;
        let axis = node.int("axis").unwrap_or_default();
        Ok(match (&*node.op_type, inputs.as_deref()) {
            ("Constant", _) => self.constant(node)?,
            ("Identity", Some([tensor])) => Some(tensor.shallow_clone()),
            ("Cast", Some([tensor])) if node.casts_to_floats() != (tensor.kind() == Kind::Int64) => {
                Some(tensor.shallow_clone())
            }
            ("Transpose", Some([tensor])) => {
                let reversed = || (0..tensor.dim() as i64).rev().collect();
                Some(tensor.f_permute(node.ints("perm").unwrap_or_else(reversed))?)
            }
            // Others would be copied, as often as a file likes.
            ("Reshape", Some([tensor, shape])) if tensor.is_contiguous() => Some(tensor.f_reshape(integers(shape)?)?),
            ("Squeeze" | "Unsqueeze", Some([tensor, axes @ ..])) => {
                Some(change_axes(tensor, node, axes.first().copied())?)
            }
            ("Gather", Some([list, places])) if axis == 0 && is_list(list) && places.numel() <= LONGEST => {
                // Negative places count from the end.
                let from_end = places.f_lt(0)?.f_to_kind(Kind::Int64)?.f_mul_scalar(list.numel() as i64)?;
                let flat = places.f_add(&from_end)?.f_reshape([-1])?;
                Some(list.f_index_select(0, &flat)?.f_reshape(places.size())?)
            }
            ("Slice", Some([list, limits @ ..])) if is_list(list) => {
                let limit = |number: usize, name: &str| -> Result<Option<i64>> {
                    let from_input = limits.get(number).map(|limit| integers(limit)).transpose()?;
                    Ok(from_input.or_else(|| node.ints(name)).and_then(|limits| limits.first().copied()))
                };
                let [start, end, step] = [limit(0, "starts")?, limit(1, "ends")?, limit(3, "steps")?];
                Some(list.f_slice(0, start, end, step.unwrap_or(1))?)
            }
            ("Concat", Some(lists))
                if axis == 0 && lists.len() <= LONGEST && lists.iter().all(|list| is_list(list)) =>
            {
                let all = Tensor::f_cat(lists, 0)?;
                (all.numel() <= LONGEST).then_some(all)
            }
            _ => None,
        })
    }

    /// Returns the value of a node `Constant`.
    fn constant(&mut self, node: &NodeProto) -> Result<Option<Tensor>> {
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

    /// Reads a tensor. Integers become 64-bit, 64-bit floats become 32-bit; other kinds are ignored.
    fn tensor(&mut self, proto: &TensorProto) -> Result<Option<Tensor>> {
        let file = self.file;
        let malformed =
            |found: String| Error::malformed(file, found, format!("the values of {:?}", short(&proto.name)));
        let shape = || short(&format!("{:?}", proto.dims));
        let (kind, size) = match proto.data_type {
            data_type::FLOAT => (Kind::Float, 4),
            data_type::DOUBLE => (Kind::Double, 8),
            data_type::FLOAT16 => (Kind::Half, 2),
            data_type::BFLOAT16 => (Kind::BFloat16, 2),
            data_type::INT32 => (Kind::Int, 4),
            data_type::INT64 => (Kind::Int64, 8),
            _ => return Ok(None),
        };
        let mut sizes = proto.dims.iter().map(|&size| usize::try_from(size).ok());
        let count = sizes.try_fold(1_usize, |count, size| count.checked_mul(size?));
        let length = count
            .and_then(|count| count.checked_mul(size))
            .ok_or_else(|| malformed(format!("the shape {}", shape())))?;
        let external = if proto.data_location == 1 { Some(self.external(&proto.external_data, length)?) } else { None };
        let raw = external.as_deref().unwrap_or(&proto.raw_data);
        let tensor = if !raw.is_empty() || length == 0 {
            if raw.len() != length {
                return Err(malformed(format!("{} bytes in place of {length}", raw.len())));
            }
            Tensor::f_from_data_size(raw, &proto.dims, kind)?
        } else {
            let values = match proto.data_type {
                data_type::FLOAT => Tensor::f_from_slice(&proto.float_data)?,
                data_type::DOUBLE => Tensor::f_from_slice(&proto.double_data)?,
                data_type::INT64 => Tensor::f_from_slice(&proto.int64_data)?,
                data_type::INT32 => Tensor::f_from_slice(&proto.int32_data)?,
                // The bits of 16-bit floats.
                _ => Tensor::f_from_slice(&proto.int32_data)?.f_to_kind(Kind::Int16)?.f_view_dtype(kind)?,
            };
            values
                .f_reshape(&proto.dims)
                .map_err(|_| malformed(format!("{} in place of the shape {}", values.numel(), shape())))?
        };
        let kind = match kind {
            Kind::Int => Kind::Int64,
            Kind::Double => Kind::Float,
            as_it_is => as_it_is,
        };
        Ok(Some(tensor.f_to_kind(kind)?))
    }

    /// Reads values that lie in a file beside this one.
    fn external(&mut self, entries: &[StringStringEntryProto], length: usize) -> Result<Vec<u8>> {
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
        // Each byte once: else a few bytes could become any number of tensors.
        let read = self.external.entry(path.clone()).or_default();
        *read = read.saturating_add(length as u64);
        if *read > path.metadata().map_err(Error::io(&path))?.len() {
            let found = format!("more values than {} has", path.display());
            return Err(Error::malformed(self.file, found, "each value there once"));
        }
        let mut values = Vec::new();
        File::open(&path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(start)).and_then(|_| file.take(length as u64).read_to_end(&mut values))
            })
            .map_err(Error::io(path))?;
        Ok(values)
    }
}

/// Adds axes of size 1 to a tensor, or removes them.
pub(super) fn change_axes(tensor: &Tensor, node: &NodeProto, axes: Option<&Tensor>) -> Result<Tensor> {
    let removes = node.op_type == "Squeeze";
    let Some(mut axes) = axes.map(integers).transpose()?.or_else(|| node.ints("axes")) else {
        return Ok(tensor.f_squeeze()?);
    };
    let rank = (tensor.dim() + if removes { 0 } else { axes.len() }) as i64;
    axes.iter_mut().filter(|axis| **axis < 0).for_each(|axis| *axis += rank);
    axes.sort_unstable();
    if removes {
        // The last axis goes first, so that the others keep their places.
        axes.reverse();
    }
    Ok(axes.iter().try_fold(tensor.shallow_clone(), |tensor, &axis| {
        if removes { tensor.f_squeeze_dim(axis) } else { tensor.f_unsqueeze(axis) }
    })?)
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
