//! Named tensors in a safetensors file, with the plan of their network in the file's metadata: written whole or not at
//! all, read only where every one of them fits.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use tch::{Kind, TchError, Tensor};

use super::plan::Plan;
use crate::{Error, Result, files, signature};

/// The name of the plan among a file's metadata.
const PLAN: &str = "plan";
/// Where earlier versions kept the plan, beside the weights.
const PLAN_FILE: &str = "network.json";

/// A network of up to so many values (64 MB) is made even if its file holds fewer, so that the error can name the
/// tensor.
const LARGEST_UNCHECKED: usize = 1 << 24;

/// Returns the file that a path names: itself where it ends in `.safetensors`, else the one in that folder.
pub fn file(path: &Path) -> PathBuf {
    let is_file = path.extension().is_some_and(|ending| ending == "safetensors");
    // A file in another format is read, so that the error can name it.
    if is_file || path.is_file() { path.into() } else { path.join("weights.safetensors") }
}

/// Refuses the name of a file in another format, which would become a folder of that name.
pub(crate) fn check_name(path: &Path) -> Result<()> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let others = ["pt", "pth", "bin", "ckpt", "h5", "hdf5", "keras", "npz", "onnx", "json", "zip"];
    if !others.contains(&ending.as_str()) {
        return Ok(());
    }
    let expected = "a name that ends in .safetensors, or a folder; `cargo run -- export` writes other formats";
    Err(Error::invalid_setting("a network's file", path.display(), expected))
}

/// Writes tensors with their names; a file that was there stays as it was when that fails.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written, [`Error::Torch`] when a tensor cannot be read.
pub fn write(path: &Path, tensors: &[(String, Tensor)], plan: Option<&Plan>) -> Result<()> {
    let refused = |error: String| Error::io(path)(std::io::Error::other(error));
    let bytes = tensors.iter().map(|(_, tensor)| bytes(tensor)).collect::<Result<Vec<_>>>()?;
    let mut views = Vec::new();
    for ((name, tensor), bytes) in tensors.iter().zip(&bytes) {
        let shape = tensor.size().iter().map(|&size| size as usize).collect();
        let view = TensorView::new(Dtype::try_from(tensor.kind())?, shape, bytes);
        views.push((name, view.map_err(|error| refused(error.to_string()))?));
    }
    let json = plan.map(serde_json::to_string).transpose().map_err(|error| refused(error.to_string()))?;
    let metadata = json.map(|json| HashMap::from([(PLAN.to_string(), json)]));
    files::write(path, safetensors::serialize(views, &metadata).map_err(|error| refused(error.to_string()))?)
}

/// Copies the values of a tensor as bytes.
///
/// # Errors
/// [`Error::Torch`] when they cannot be read.
pub fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let tensor = tensor.detach().to_device(tch::Device::Cpu).contiguous();
    let mut values = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut values, tensor.numel())?;
    Ok(values)
}

/// Reads the tensors of a safetensors file.
///
/// # Errors
/// [`Error::Missing`], or [`Error::Malformed`] with what the file is instead.
pub fn read_tensors(file: &Path) -> Result<Vec<(String, Tensor)>> {
    Ok(Stored::read(file)?.tensors)
}

/// The contents of a safetensors file.
pub(crate) struct Stored {
    file: PathBuf,
    pub(crate) tensors: Vec<(String, Tensor)>,
    /// The plan among its metadata, as JSON.
    plan: Option<String>,
}

impl Stored {
    /// # Errors
    /// [`Error::Missing`], or [`Error::Malformed`] with what the file is instead.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let expected = "the weights of a network in safetensors format";
        if !file.is_file() {
            return Err(Error::missing(file, expected));
        }
        let bytes = fs::read(file).map_err(Error::io(file))?;
        let malformed = |found: String| Error::malformed(file, found, expected);
        let parsed = SafeTensors::read_metadata(&bytes)
            .and_then(|(_, metadata)| Ok((metadata, SafeTensors::deserialize(&bytes)?)))
            .map_err(|error| malformed(what_is_wrong(&bytes).unwrap_or_else(|| error.to_string())));
        let (metadata, stored) = parsed?;
        let tensor = |(name, view): (String, TensorView)| Ok((name, Tensor::try_from(view)?));
        let tensors: Result<_, TchError> = stored.tensors().into_iter().map(tensor).collect();
        let plan = metadata.metadata().as_ref().and_then(|metadata| metadata.get(PLAN).cloned());
        Ok(Self { file: file.into(), tensors: tensors.map_err(|error| malformed(error.to_string()))?, plan })
    }

    /// Returns the plan of the network whose tensors these are.
    pub(crate) fn plan(&self) -> Result<Plan> {
        let beside = self.file.with_file_name(PLAN_FILE);
        let json = match &self.plan {
            Some(plan) => plan.clone(),
            None if beside.is_file() => fs::read_to_string(&beside).map_err(Error::io(&beside))?,
            None => return self.plan_of_mlp(),
        };
        serde_json::from_str(&json).map_err(|error| self.malformed_plan(&error))
    }

    /// Refuses a plan whose network would take far more memory than the file.
    pub(super) fn check_size(&self, plan: &Plan) -> Result<()> {
        let found: usize = self.tensors.iter().map(|(_, tensor)| tensor.numel()).sum();
        let expected = plan.values().map_err(|error| self.malformed_plan(&error))?;
        if expected <= LARGEST_UNCHECKED.max(found) {
            return Ok(());
        }
        Err(self.malformed(format!("{found} values"), format!("the {expected} of {plan}")))
    }

    /// Makes an error about the plan, naming the file in which it lies.
    pub(crate) fn malformed_plan(&self, error: &dyn std::fmt::Display) -> Error {
        let beside = self.file.with_file_name(PLAN_FILE);
        let file = if self.plan.is_none() && beside.is_file() { beside } else { self.file.clone() };
        Error::malformed(file, error, "the plan of a network: its input and layers")
    }

    /// Copies the values into these tensors: the file must hold them all and no others. Where one does not fit, all
    /// stay as they were. Values in other precisions are converted.
    pub(crate) fn copy_into(&self, tensors: &[(String, Tensor)]) -> Result<()> {
        let mut pairs = Vec::new();
        for (name, tensor) in tensors {
            let expected = format!("{name} of shape {:?}", tensor.size());
            let Some(found) = self.find(name) else {
                return Err(self.malformed(format!("no tensor {name}"), expected));
            };
            let is_of_kind = found.kind() == tensor.kind() || [found, tensor].iter().all(|tensor| is_float(tensor));
            if found.size() != tensor.size() || !is_of_kind {
                let found = format!("{name} of shape {:?}, {:?}", found.size(), found.kind());
                return Err(self.malformed(found, format!("{expected}, {:?}", tensor.kind())));
            }
            if let Some(value) = not_finite(found)? {
                let expected = "finite values; the training that wrote them had diverged";
                return Err(self.malformed(format!("{value} in {name}"), expected));
            }
            pairs.push((tensor.shallow_clone(), found));
        }
        let is_extra = |name: &&String| tensors.iter().all(|(other, _)| other != *name);
        if let Some(extra) = self.tensors.iter().map(|(name, _)| name).find(is_extra) {
            return Err(
                self.malformed(format!("a tensor {extra}"), format!("only the {} of this network", tensors.len()))
            );
        }
        let _guard = tch::no_grad_guard();
        pairs.into_iter().try_for_each(|(mut tensor, found)| Ok(tensor.f_copy_(found)?))
    }

    /// Infers the plan of a multi-layer perceptron, the only network whose files lacked one.
    fn plan_of_mlp(&self) -> Result<Plan> {
        let mut sizes: Vec<usize> = Vec::new();
        for number in 1.. {
            let Some(kernel) = self.find(&format!("dense_{number}.kernel")) else { break };
            let found = format!("dense_{number}.kernel of shape {:?}", kernel.size());
            let [inputs, outputs] = kernel.size()[..] else {
                return Err(self.malformed(found, "the shape [inputs, outputs]"));
            };
            let bias = format!("dense_{number}.bias");
            let shape = self.find(&bias).map(Tensor::size);
            if shape.as_ref().is_some_and(|shape| *shape == [inputs]) && inputs != outputs {
                let expected =
                    format!("[{outputs}, {inputs}], as {bias} has it; the kernel is transposed, as PyTorch keeps it");
                return Err(self.malformed(found, expected));
            }
            if shape.as_ref().is_none_or(|shape| *shape != [outputs]) {
                let shape = shape.map_or(format!("no tensor {bias}"), |shape| format!("{bias} of shape {shape:?}"));
                return Err(self.malformed(shape, format!("{bias} of shape [{outputs}], because of {found}")));
            }
            if let Some(before) = sizes.last().filter(|before| **before != inputs as usize) {
                return Err(self.malformed(found, format!("{before} inputs, the outputs of the layer before")));
            }
            if sizes.is_empty() {
                sizes.push(inputs as usize);
            }
            sizes.push(outputs as usize);
        }
        if sizes.is_empty() { Err(self.no_mlp()) } else { Plan::mlp(&sizes) }
    }

    fn no_mlp(&self) -> Error {
        let names: Vec<_> = self.tensors.iter().map(|(name, _)| name.as_str()).collect();
        let expected = match names.first() {
            Some(name) if names.iter().any(|name| name.ends_with(".weight")) => format!(
                "dense_1.kernel of shape [inputs, outputs]; {name} is one of PyTorch's names, and \
                 `cargo run -- import --plan PLAN FILE FOLDER` reads those"
            ),
            _ => "a network's plan, or dense_1.kernel of shape [inputs, outputs]".into(),
        };
        let found = if names.is_empty() { "no tensors".into() } else { format!("the tensors {}", names.join(", ")) };
        self.malformed(found, expected)
    }

    fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor)
    }

    fn malformed(&self, found: impl ToString, expected: impl ToString) -> Error {
        Error::malformed(&self.file, found, expected)
    }
}

fn is_float(tensor: &Tensor) -> bool {
    matches!(tensor.kind(), Kind::Float | Kind::Half | Kind::BFloat16 | Kind::Double)
}

/// Finds the first value that is NaN or infinite.
fn not_finite(tensor: &Tensor) -> Result<Option<f64>> {
    let values = tensor.f_reshape([-1])?;
    let others = values.f_masked_select(&values.f_isfinite()?.f_logical_not()?)?;
    Ok(if others.numel() == 0 { None } else { Some(others.f_double_value(&[0])?) })
}

/// The longest header that the format allows.
const LONGEST_HEADER: u64 = 100_000_000;

/// Says what a file is that is no whole safetensors file: the header's length, the header as JSON, then the data.
fn what_is_wrong(bytes: &[u8]) -> Option<String> {
    // The length of a header may look like the start of another kind of file.
    if bytes.get(8) != Some(&b'{')
        && let Some(other) = signature::kind(&bytes[..bytes.len().min(512)])
    {
        return Some(other);
    }
    let found = bytes.len() as u64;
    let cut_off = |expected: u64| Some(format!("a file that is cut off after {found} of {expected} bytes"));
    let Some(header) = bytes.first_chunk().map(|length| u64::from_le_bytes(*length)) else { return cut_off(8) };
    if header > LONGEST_HEADER {
        return None;
    }
    let Some(json) = bytes.get(8..8 + header as usize) else { return cut_off(8 + header) };
    let tensors: HashMap<String, serde_json::Value> = serde_json::from_slice(json).ok()?;
    let end = tensors.values().filter_map(|tensor| tensor["data_offsets"][1].as_u64()).max()?;
    match (8 + header).checked_add(end)? {
        expected if found < expected => cut_off(expected),
        expected if found > expected => Some(format!("{} bytes after the last tensor", found - expected)),
        _ => None,
    }
}
