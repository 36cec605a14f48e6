//! Named tensors in a safetensors file: written whole or not at all, read only where every one of them fits.

use std::path::Path;

use tch::{TchError, Tensor};

use crate::{Error, Result, files};

/// Writes tensors with their names; a file that was there stays as it was when that fails.
pub(crate) fn write(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    files::replace(path, |temporary| Ok(Tensor::write_safetensors(tensors, temporary)?))
}

/// Reads all tensors of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, Tensor)>> {
    let expected = "weights in safetensors format".to_string();
    if !path.is_file() {
        return Err(Error::Missing { file: path.into(), expected });
    }
    let malformed = |error: TchError| Error::Malformed { file: path.into(), found: error.to_string(), expected };
    Tensor::read_safetensors(path).map_err(malformed)
}

/// Fills these tensors with those of the same names in a file, which must hold them all and no others.
/// Where one does not fit, all stay as they were.
pub(crate) fn read_into(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    let stored = read(path)?;
    let malformed = |found, expected| Error::Malformed { file: path.into(), found, expected };
    let mut pairs = Vec::new();
    for (name, tensor) in tensors {
        let expected = format!("{name} of shape {:?}", tensor.size());
        match stored.iter().find(|(other, _)| other == name) {
            None => return Err(malformed(format!("no tensor {name}"), expected)),
            Some((_, found)) if found.size() != tensor.size() || found.kind() != tensor.kind() => {
                let found = format!("{name} of shape {:?}, {:?}", found.size(), found.kind());
                return Err(malformed(found, format!("{expected}, {:?}", tensor.kind())));
            }
            Some((_, found)) => pairs.push((tensor.shallow_clone(), found)),
        }
    }
    if let Some((extra, _)) = stored.iter().find(|(other, _)| tensors.iter().all(|(name, _)| name != other)) {
        return Err(malformed(format!("a tensor {extra}"), format!("only the {} of this network", tensors.len())));
    }
    tch::no_grad(|| pairs.into_iter().try_for_each(|(mut tensor, found)| Ok(tensor.f_copy_(found)?)))
}
