//! Reads the state dicts that `torch.save` writes: a zip archive with a pickle of names, shapes and places, and the
//! values beside it. Of pickle's language, which can run any program, only what such a file needs is known
//! (<https://github.com/python/cpython/blob/main/Lib/pickletools.py>).

mod machine;

use std::{collections::HashMap, path::Path};

use mnist_classification::Result;
use tch::{Kind, Tensor};

use crate::archive::Archive;
use machine::{Machine, Value};

const EXPECTED: &str = "a state dict: torch.save(model.state_dict(), …), or better safetensors.torch.save_file";
/// The longest pickle in bytes.
const LONGEST: usize = 1 << 20;

/// Values of a kind, in the entry of this name.
#[derive(Clone)]
struct Storage {
    kind: Kind,
    name: String,
}

/// A tensor: which values of a storage.
#[derive(Clone)]
struct View {
    storage: Storage,
    offset: i64,
    sizes: Vec<i64>,
    strides: Vec<i64>,
}

/// Reads the tensors of a state dict with their names: at most so many values.
pub(crate) fn read(file: &Path, values: usize) -> Result<Vec<(String, Tensor)>> {
    let mut archive = Archive::open(file, EXPECTED)?;
    let place = |archive: &Archive, name: &str| archive.names().iter().position(|other| other.ends_with(name));
    let pickle = place(&archive, "/data.pkl").ok_or_else(|| archive.malformed("an archive without data.pkl"))?;
    if let Some(order) = place(&archive, "/byteorder")
        && archive.read(order, 16)? != b"little"
    {
        return Err(archive.malformed("values with the highest byte first"));
    }
    let pickle = archive.read(pickle, LONGEST)?;
    let top = Machine::default().run(&pickle).map_err(|found| archive.malformed(found))?;
    let Value::Dictionary(items) = &*top else {
        return Err(archive.malformed("a pickle of something else than a dictionary"));
    };
    let mut storages: HashMap<String, Vec<u8>> = HashMap::new();
    let mut room = 8 * values + (1 << 16);
    let mut tensors = Vec::new();
    for (name, view) in items.borrow().iter() {
        let view = view.as_ref().ok_or_else(|| archive.malformed(format!("{name:?}, which is no tensor")))?;
        let file = &view.storage.name;
        if !storages.contains_key(file) {
            let number = place(&archive, &format!("/data/{file}"));
            let number = number.ok_or_else(|| archive.malformed(format!("no entry data/{file}")))?;
            let bytes = archive.read(number, room)?;
            room -= bytes.len();
            storages.insert(file.clone(), bytes);
        }
        let tensor = view.of(&storages[file]);
        tensors.push((name.clone(), tensor.ok_or_else(|| archive.malformed(format!("{name:?} beyond its storage")))?));
    }
    Ok(tensors)
}

impl View {
    /// Takes the tensor out of its storage; nothing where it reaches beyond.
    fn of(&self, storage: &[u8]) -> Option<Tensor> {
        let Self { storage: Storage { kind, .. }, offset, sizes, strides } = self;
        let length = (storage.len() / kind.elt_size_in_bytes()) as i64;
        let count = sizes.iter().try_fold(1_i64, |count, &size| count.checked_mul(size))?;
        let last = sizes
            .iter()
            .zip(strides)
            .try_fold(*offset, |last, (&size, &stride)| last.checked_add((size.max(1) - 1).checked_mul(stride)?))?;
        let is_positive = sizes.iter().chain(strides).chain([offset]).all(|&number| number >= 0);
        if !is_positive || sizes.len() != strides.len() || last >= length.max(1) || count > length {
            return None;
        }
        let values = &storage[..length as usize * kind.elt_size_in_bytes()];
        let all = Tensor::f_from_data_size(values, &[length], *kind).ok()?;
        Some(all.f_as_strided(sizes.as_slice(), strides.as_slice(), *offset).ok()?.contiguous())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dictionary with a tensor of 2 x 2 values from the second of a storage on.
    pub(super) const PICKLE: &[u8] = b"\x80\x02}q\x00X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((\
        X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x05tQ\
        K\x01K\x02K\x02\x86K\x01K\x02\x86\x89ccollections\nOrderedDict\n)RtRs.";

    #[test]
    fn tensors_are_views_of_their_storage() {
        let top = Machine::default().run(PICKLE).unwrap();
        let Value::Dictionary(items) = &*top else { panic!("no dictionary") };
        let (name, Some(view)) = &items.borrow()[0] else { panic!("no tensor") };
        let storage = [0.0_f32, 1.0, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat();
        let tensor = view.of(&storage).unwrap();
        assert_eq!((name.as_str(), tensor), ("w", Tensor::from_slice2(&[[1.0_f32, 3.0], [2.0, 4.0]])));
        assert!(view.of(&storage[..16]).is_none());
    }
}
