//! Exports and imports networks; the file extension names the format.

use std::path::{Path, PathBuf};

use interop::{Export, Import, Onnx, keras_code, pytorch_code};
use mnist_classification::{
    Error, Result,
    model::{Model, Network},
};
use serde_json::Value;

use super::options::{classes, stored_plan};

/// Writes the network in a folder for another program, or those of several folders as one ensemble (ONNX alone).
/// Returns the Python code that loads the file.
///
/// # Errors
/// As [`Network::load`]; [`Error::InvalidSetting`] for a name whose ending names no format, and for what only an ONNX
/// file can hold.
pub fn export(folders: &[PathBuf], file: &Path, probabilities: bool) -> Result<String> {
    let networks = folders.iter().map(Network::load).collect::<Result<Vec<_>>>()?;
    let ending = ending(file);
    if ending == "onnx" {
        let onnx = Onnx::ensemble(networks.iter().map(|network| network as &dyn Model));
        let onnx = if probabilities { onnx.probabilities() } else { onnx };
        let classes = folders.first().map(|folder| classes(&folder.join("run.json")));
        classes.iter().flatten().fold(onnx, Onnx::classes).save(file)?;
        return Ok(format!("import onnxruntime\nsession = onnxruntime.InferenceSession({})", python(file)));
    }
    let ([network], false) = (&networks[..], probabilities) else {
        let expected = "an ONNX file, which alone holds an ensemble or a softmax";
        return Err(Error::invalid_setting("the file", file.display(), expected));
    };
    match &*ending {
        "safetensors" => {
            network.save_pytorch(file)?;
            let code = pytorch_code(network.plan())?;
            let load = format!("model.load_state_dict(safetensors.torch.load_file({}))", python(file));
            Ok(format!("import safetensors.torch\nfrom torch import nn\nmodel = {code}\n{load}"))
        }
        "npz" => {
            network.save_keras(file)?;
            let code = keras_code(network.plan());
            let load = format!("model.set_weights(list(numpy.load({}).values()))", python(file));
            Ok(format!("import keras, numpy\nmodel = {code}\n{load}"))
        }
        _ => Err(no_format(file)),
    }
}

/// Reads the network of another program, and writes it into a folder or a file of this one. Weights need a plan: a file
/// with one, or a network that was saved.
///
/// # Errors
/// As [`Import`]'s functions; [`Error::InvalidSetting`] for a name whose ending names no format, or weights without a
/// plan.
pub fn import(file: &Path, plan: Option<&Path>, out: &Path) -> Result<Network> {
    let plan = || {
        let expected = "--plan with a plan in JSON, a run.json or a saved network: a file of weights does not say it";
        stored_plan(plan.ok_or_else(|| Error::invalid_setting("the network's plan", "missing", expected))?)
    };
    let network = match &*ending(file) {
        "onnx" => Network::load_onnx(file)?,
        "npz" => Network::load_keras(file, &plan()?)?,
        "safetensors" | "pt" | "pth" | "bin" => Network::load_pytorch(file, &plan()?)?,
        _ => return Err(no_format(file)),
    };
    network.save(out)?;
    Ok(network)
}

fn ending(file: &Path) -> String {
    file.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn no_format(file: &Path) -> Error {
    let expected = "a name that ends in .onnx, .safetensors (weights of PyTorch) or .npz (weights of Keras)";
    Error::invalid_setting("the file", file.display(), expected)
}

/// Writes a path as text of Python.
fn python(file: &Path) -> String {
    Value::from(file.to_string_lossy()).to_string()
}
