//! Reads an ONNX file whose nodes are a chain of layers.

use std::{fs, mem::take, path::Path};

use mnist_classification::{
    Error, Result,
    model::{Layer, Model, Network, Plan},
    support::file_kind,
};
use prost::{Message, bytes::Bytes};

use super::{
    chain::Chain,
    constants::{Constants, short},
    proto::*,
    write::PLAN,
};
use crate::parts::network;

/// How many values more than the file has a network may have: biases of zeros, and tensors that the file has once for
/// several layers.
const ROOM: usize = 1 << 22;

/// Reads a file as a network.
pub(crate) fn load(file: &Path) -> Result<Network> {
    let expected = "a network in ONNX";
    if !file.is_file() {
        return Err(Error::missing(file, expected));
    }
    let bytes = Bytes::from(fs::read(file).map_err(Error::io(file))?);
    let malformed = |found: String| Error::malformed(file, found, expected);
    let other = file_kind(&bytes[..bytes.len().min(512)]);
    let model =
        ModelProto::decode(bytes).map_err(|error| malformed(other.clone().unwrap_or_else(|| error.to_string())))?;
    let mut graph = model.graph.ok_or_else(|| malformed(other.unwrap_or_else(|| "no graph".into())))?;

    let constants = Constants::new(file, take(&mut graph.initializer))?;
    let inputs: Vec<_> = graph.input.iter().filter(|input| constants.get(&input.name).is_none()).collect();
    let [input] = inputs[..] else { return Err(malformed(format!("{} inputs", inputs.len()))) };
    let room = constants.values() + ROOM;
    let mut chain = Chain::new(
        constants,
        &input.name,
        sample(input).ok_or_else(|| malformed("an input of no known shape".into()))?,
        room,
    );
    for node in &graph.node {
        chain.add(node).map_err(|error| at(node, error, file))?;
    }
    if !graph.output.iter().any(|output| output.name == chain.name) {
        return Err(malformed("an output that is not the end of a chain of layers".into()));
    }
    // With it goes the text of the file, of which it holds parts.
    drop(graph);
    let read = network(file, chain.input, &chain.parts)?;
    Ok(planned(&model.metadata_props, &read).unwrap_or(read))
}

/// Returns the shape of a sample: all axes of an input but the first.
fn sample(input: &ValueInfo) -> Option<Vec<usize>> {
    let shape = input.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    let sizes = shape.dim.iter().skip(1).map(|size| usize::try_from(size.dim_value?).ok());
    sizes.collect::<Option<Vec<_>>>().filter(|sizes| !sizes.is_empty())
}

/// Says what is wrong with a node of a file.
fn at(node: &NodeProto, error: Error, file: &Path) -> Error {
    let node = format!("the node {:?} ({})", short(&node.name), short(&node.op_type));
    match error {
        Error::Mismatch { found, expected, .. } => Error::malformed(file, format!("{node}: {found}"), expected),
        other => Error::malformed(file, format!("{node}: {other}"), "a network in ONNX"),
    }
}

/// Makes the network of the file's own plan, which alone keeps dropout, and a Flatten before the first layer.
fn planned(metadata: &[Entry], read: &Network) -> Option<Network> {
    let json = metadata.iter().find(|entry| entry.key == PLAN)?;
    let plan: Plan = serde_json::from_str(&json.value).ok()?;
    let essence = |plan: &Plan| {
        let layers = plan.layers.iter().filter(|layer| !matches!(layer, Layer::Dropout(_) | Layer::Flatten));
        (plan.input.iter().product::<usize>(), layers.copied().collect::<Vec<_>>())
    };
    if essence(&plan) != essence(read.plan()) {
        return None;
    }
    let network = Network::from_plan(&plan, 0).ok()?;
    let _guard = tch::no_grad_guard();
    let mut pairs = network.tensors().into_iter().zip(read.tensors());
    let are_copied = pairs.all(|((_, mut own), (_, value))| own.size() == value.size() && own.f_copy_(&value).is_ok());
    are_copied.then_some(network)
}
