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

/// How many more values than the file a network may have: biases of zeros, and tensors that several layers share.
const ROOM: usize = 1 << 22;
/// How often nodes that wait for others are tried.
const MOST_PASSES: usize = 32;
/// The sizes that a sample's axes may have.
const SIZES: std::ops::RangeInclusive<usize> = 1..=65_536;

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
    let shape = sample_shape(input).ok_or_else(|| {
        malformed("an input that is no floats, or without sizes for all its axes but the first".into())
    })?;
    let budget = constants.values() + ROOM;
    let mut chain = Chain::new(constants, &input.name, shape.clone(), budget);
    add_all(&graph.node, &mut chain, file)?;
    if chain.is_reordered() || !graph.output.iter().any(|output| output.name == chain.name) {
        return Err(malformed("an output that is not the end of a chain of layers".into()));
    }
    // It holds parts of the file's bytes.
    drop(graph);
    let read = network(file, chain.input, &chain.parts)?;
    Ok(with_stored_plan(&model.metadata_props, &shape, &read).unwrap_or(read))
}

/// Adds all nodes. They should be in the order of what they compute; some converters put a few at the end.
fn add_all(nodes: &[NodeProto], chain: &mut Chain, file: &Path) -> Result<()> {
    let mut waiting: Vec<_> = nodes.iter().collect();
    for _ in 0..MOST_PASSES {
        let mut left = Vec::new();
        for node in &waiting {
            if !chain.add(node).map_err(|error| locate(node, error, file))? {
                left.push(*node);
            }
        }
        if left.len() == waiting.len() {
            break;
        }
        waiting = left;
    }
    match waiting.iter().find(|node| node.input.contains(&chain.name)) {
        None => Ok(()),
        // What it lacks is in its error.
        Some(node) => chain.apply(node, 0).map_err(|error| locate(node, error, file)),
    }
}

/// Returns the shape of a sample: all axes of an input but the first.
fn sample_shape(input: &ValueInfoProto) -> Option<Vec<usize>> {
    let TensorType { elem_type, shape } = input.r#type.as_ref()?.tensor_type.as_ref()?;
    let (shape, true) = (shape.as_ref()?, data_type::FLOATS.contains(elem_type)) else { return None };
    let size = |value: Option<i64>| usize::try_from(value?).ok().filter(|size| SIZES.contains(size));
    let sizes: Option<Vec<_>> = shape.dim.iter().skip(1).map(|dimension| size(dimension.dim_value)).collect();
    sizes.filter(|sizes| (1..=3).contains(&sizes.len()))
}

/// Adds the node's name to an error.
fn locate(node: &NodeProto, error: Error, file: &Path) -> Error {
    // Many nodes have no name but that of their output.
    let name = [&node.name].into_iter().chain(&node.output).find(|name| !name.is_empty());
    let node = format!("the node {:?} ({})", short(name.unwrap_or(&node.name)), short(&node.op_type));
    match error {
        Error::Mismatch { found, expected, .. } => Error::malformed(file, format!("{node}: {found}"), expected),
        other => Error::malformed(file, format!("{node}: {other}"), "a network in ONNX"),
    }
}

/// Restores the plan that the file stores, with its dropout and leading Flatten.
fn with_stored_plan(metadata: &[StringStringEntryProto], input: &[usize], read: &Network) -> Option<Network> {
    let json = metadata.iter().find(|entry| entry.key == PLAN)?;
    let plan: Plan = serde_json::from_str(&json.value).ok()?;
    let essence = |plan: &Plan| {
        let layers = plan.layers.iter().filter(|layer| !matches!(layer, Layer::Dropout(_) | Layer::Flatten));
        Some((plan.values().ok()?, layers.copied().collect::<Vec<_>>()))
    };
    if plan.input != input || essence(&plan)? != essence(read.plan())? {
        return None;
    }
    let network = Network::from_plan(&plan, 0).ok()?;
    let _guard = tch::no_grad_guard();
    let mut pairs = network.tensors().into_iter().zip(read.tensors());
    let are_copied = pairs.all(|((_, mut own), (_, value))| own.size() == value.size() && own.f_copy_(&value).is_ok());
    are_copied.then_some(network)
}
