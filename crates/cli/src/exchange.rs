//! Exports and imports networks; the file extension names the format.

use std::path::{Path, PathBuf};

use interop::{Export, Import, Onnx, keras_code, pytorch_code, pytorch_modules};
use mnist_classification::{
    Error, Result,
    model::{Layer, Model, Network},
    support::weights_file,
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
    if folders.iter().any(|folder| is_same(&weights_file(folder), file)) {
        return Err(Error::invalid_setting("the file", file.display(), "another one than the network's own"));
    }
    let networks = folders.iter().map(Network::load).collect::<Result<Vec<_>>>()?;
    let ending = ending(file);
    if ending == "onnx" {
        let onnx = Onnx::ensemble(networks.iter().map(|network| network as &dyn Model));
        let onnx = if probabilities { onnx.probabilities() } else { onnx };
        let classes = folders.first().map(|folder| classes(&folder.join("run.json")));
        classes.iter().flatten().fold(onnx, Onnx::classes).save(file)?;
        let shape: Vec<_> = networks[0].plan().input.iter().map(usize::to_string).collect();
        let digits = format!("numpy.zeros((1, {}), \"float32\")", shape.join(", "));
        let session = format!("session = onnxruntime.InferenceSession({})", python(file));
        return Ok(format!(
            "import numpy, onnxruntime\n{session}\n[answer] = session.run(None, {{\"input\": {digits}}})"
        ));
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

/// Reads the network of another program, and writes it into a new folder. Weights need a plan: a file with one, or a
/// network that was saved. Returns the network, and which module of PyTorch's each of its layers has taken.
///
/// # Errors
/// As [`Import`]'s functions; [`Error::InvalidSetting`] for a name whose ending names no format, weights without a
/// plan, a plan beside ONNX, which has its own, or a folder that is there already.
pub fn import(file: &Path, plan: Option<&Path>, folder: &Path) -> Result<(Network, Vec<(Layer, String)>)> {
    if folder.exists() {
        return Err(Error::invalid_setting("the folder", folder.display(), "one that is not there yet"));
    }
    let plan = match (plan, &*ending(file)) {
        (None, "onnx") => None,
        (Some(plan), "npz" | "safetensors" | "pt" | "pth") => Some(stored_plan(plan)?),
        (Some(_), "onnx") => {
            return Err(Error::invalid_setting("--plan", "given", "none: an ONNX file has its layers"));
        }
        (None, "npz" | "safetensors" | "pt" | "pth") => {
            let expected = "--plan with a plan in JSON, a run.json or a saved network: weights do not say it";
            return Err(Error::invalid_setting("the network's plan", "missing", expected));
        }
        _ => return Err(no_format(file)),
    };
    let (network, modules) = match &plan {
        None => (Network::load_onnx(file)?, Vec::new()),
        Some(plan) if ending(file) == "npz" => (Network::load_keras(file, plan)?, Vec::new()),
        Some(plan) => (Network::load_pytorch(file, plan)?, pytorch_modules(file, plan)?),
    };
    network.save(folder)?;
    Ok((network, modules))
}

/// Tells whether two paths name the same file that is there.
fn is_same(one: &Path, other: &Path) -> bool {
    one.canonicalize().ok().zip(other.canonicalize().ok()).is_some_and(|(one, other)| one == other)
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
