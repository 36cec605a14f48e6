//! What `tests/interop.py` compares with other programs. `exports FOLDER` writes networks for them, with these answers
//! on digits; `exports FOLDER back` compares the answers of what they have trained and saved with this library's.

use std::{env, fs, path::Path};

use experiments::{Ensemble, plan::experiments};
use interop::prelude::*;
use mnist_classification::{model::Layer::*, prelude::*};
use tch::{Kind, Tensor, no_grad};

/// What comes back: state dicts, weights of Keras, and ONNX.
const FORMATS: [&str; 4] = ["safetensors", "pt", "npz", "onnx"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [folder, rest @ ..] = &arguments[..] else { return Err("exports FOLDER [back]".into()) };
    if rest.is_empty() { write(Path::new(folder)) } else { compare(Path::new(folder)) }
}

/// Writes the digits, and for each network `NAME.onnx`, its logits and what PyTorch and Keras take.
fn write(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mnist = Dataset::mnist().or_else(|_| Dataset::drawn(0))?;
    let inputs = mnist.test.preprocess().inputs;
    let train = mnist.train.preprocess();
    let some = train.select(&Tensor::arange(5_000, (Kind::Int64, tch::Device::Cpu)))?;
    fs::create_dir_all(folder)?;
    some.inputs.write_npy(folder.join("train.npy"))?;
    some.labels.write_npy(folder.join("labels.npy"))?;
    inputs.write_npy(folder.join("digits.npy"))?;

    for (name, network) in networks(&some)? {
        let name = |ending: &str| folder.join(format!("{name}.{ending}"));
        network.save_onnx(name("onnx"))?;
        logits(&network, &inputs)?.write_npy(name("npy"))?;
        network.save_pytorch(name("safetensors"))?;
        network.save_keras(name("npz"))?;
        fs::write(name("torch"), pytorch_code(network.plan())?)?;
        fs::write(name("keras"), keras_code(network.plan()))?;
        fs::write(name("json"), serde_json::to_string(network.plan())?)?;
    }
    let [cnn, robust] = ["cnn", "robust"].map(|name| Network::load(format!("models/{name}")));
    let members = [cnn?, robust?];
    Onnx::ensemble(members.iter().map(|network| network as &dyn Model)).save(folder.join("ensemble.onnx"))?;
    Onnx::of(&members[0]).probabilities().save(folder.join("probabilities.onnx"))?;
    let probabilities = logits(&members[0], &inputs)?.softmax(1, Kind::Float);
    probabilities.write_npy(folder.join("probabilities.npy"))?;
    let ensemble = Ensemble::new(members.into_iter().map(|network| Box::new(network) as Box<dyn Model>).collect())?;
    logits(&ensemble, &inputs)?.write_npy(folder.join("ensemble.npy"))?;
    Ok(())
}

/// The repository's networks, and each plan of Improvements and one of all layers after some steps.
fn networks(samples: &Samples) -> Result<Vec<(String, Network)>> {
    let mut networks: Vec<_> = Vec::new();
    for name in ["cnn", "page", "robust"] {
        networks.push((name.to_string(), Network::load(format!("models/{name}"))?));
    }
    let convolution = |channels, size, stride, padding| Convolution { channels, size, stride, padding };
    let layers = [
        vec![Dropout(0.1), convolution(6, 5, 2, 1), BatchNorm, Relu, MaxPool(2), convolution(8, 2, 1, 1), Relu],
        vec![BatchNorm, Dropout(0.3), Flatten, BatchNorm, Dropout(0.2), Dense(32), BatchNorm, Relu, Dense(10)],
    ];
    let mut plans = vec![("everything".to_string(), Plan { input: vec![1, 28, 28], layers: layers.concat() })];
    for experiment in experiments() {
        if plans.iter().all(|(_, plan)| *plan != experiment.plan) {
            plans.push((experiment.name.replace(' ', "_"), experiment.plan));
        }
    }
    for (name, plan) in plans {
        let mut network = Network::from_plan(&plan, 1)?;
        fit(&mut network, samples, &Training { epochs: 1, verbose: false, ..Training::default() })?;
        networks.push((name, network));
    }
    Ok(networks)
}

fn logits(model: &dyn Model, inputs: &Tensor) -> Result<Tensor> {
    let batches = inputs.split(500, 0).into_iter().map(|batch| no_grad(|| model.forward(&batch)));
    Ok(Tensor::f_cat(&batches.collect::<Result<Vec<_>>>()?, 0)?)
}

/// Prints for each network that came back how far its answers are from those beside it.
fn compare(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let inputs = Tensor::read_npy(folder.join("digits.npy"))?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((name, format)) = file.split_once(".back.").filter(|(_, ending)| FORMATS.contains(ending)) else {
            continue;
        };
        let (name, source) = name.rsplit_once('-').ok_or("a name without its program")?;
        let plan = || -> Result<Plan, Box<dyn std::error::Error>> {
            Ok(serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json")))?)?)
        };
        let network = match format {
            "onnx" => Network::load_onnx(&path)?,
            "npz" => Network::load_keras(&path, &plan()?)?,
            _ => Network::load_pytorch(&path, &plan()?)?,
        };
        let expected = Tensor::read_npy(folder.join(format!("{name}-{source}.back.npy")))?;
        let difference = (logits(&network, &inputs)? - &expected).abs() / expected.abs().amax([1], true);
        println!("{file} {}", difference.max().double_value(&[]));
    }
    Ok(())
}
