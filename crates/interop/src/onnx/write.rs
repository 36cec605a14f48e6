//! Writes networks as ONNX, with one node per layer, in opset 17 (2022).

use std::path::Path;

use mnist_classification::{
    Error, Result,
    data::Classes,
    model::{Layer, Model, Plan},
    support::{BATCH_NORM_EPSILON, files, tensor_bytes},
};
use prost::Message;
use serde_json::json;

use super::proto::*;
use crate::parts::{Part, parts};

const OPSET: i64 = 17;
/// The version of the format that came with this opset.
const IR_VERSION: i64 = 8;
const INPUT: &str = "input";
/// The key of the plan in a file's metadata.
pub(super) const PLAN: &str = "plan";
const PREPROCESSING: &str = "ink from 0 (paper) to 1: light digits on dark ground, as MNIST has them, divided by 255";
/// As many as a dense layer can have.
const MOST_CLASSES: usize = 65_536;
/// The largest file of the format, in bytes.
const LARGEST: usize = i32::MAX as usize;

/// An ONNX file to write: one network, or an ensemble.
///
/// ```
/// use interop::prelude::*;
/// use mnist_classification::prelude::*;
/// let [one, other] = [0, 1].map(|seed| Network::mlp([784, 32, 10], seed));
/// let file = "../../target/doc-example/ensemble.onnx";
/// Onnx::ensemble([&one? as &dyn Model, &other?]).probabilities().classes(&Classes::numbered(10)).save(file)?;
/// # Ok::<(), Error>(())
/// ```
#[must_use]
pub struct Onnx<'a> {
    members: Vec<&'a dyn Model>,
    with_softmax: bool,
    classes: Option<Classes>,
}

impl<'a> Onnx<'a> {
    /// Starts a file of one network; its output is the logits.
    pub fn of(network: &'a dyn Model) -> Self {
        Self::ensemble([network])
    }

    /// Starts a file of networks whose probabilities are averaged; its output is the logarithm of their mean.
    pub fn ensemble(networks: impl IntoIterator<Item = &'a dyn Model>) -> Self {
        Self { members: networks.into_iter().collect(), with_softmax: false, classes: None }
    }

    /// Outputs probabilities instead of logits.
    pub fn probabilities(mut self) -> Self {
        self.with_softmax = true;
        self
    }

    /// Names the classes; otherwise they are numbered.
    pub fn classes(mut self, classes: &Classes) -> Self {
        self.classes = Some(classes.clone());
        self
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`Export::save_onnx`](crate::Export::save_onnx);
    /// [`Error::Mismatch`] for networks whose inputs or outputs differ in shape, or whose output is no row of logits.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<()> {
        let model = self.model()?;
        if model.encoded_len() > LARGEST {
            let found = format!("{} bytes long", model.encoded_len());
            return Err(Error::invalid_setting("an ONNX file", found, format!("at most {LARGEST} bytes")));
        }
        files::write(file, model.encode_to_vec())
    }

    /// Builds the message that the file is.
    fn model(&self) -> Result<ModelProto> {
        let mut graph = Graph::default();
        let (mut plans, mut logits) = (Vec::new(), Vec::new());
        for (number, &member) in (1..).zip(&self.members) {
            let (plan, parts) = parts(member, "an ONNX file")?;
            let prefix = if self.members.len() > 1 { format!("{number}.") } else { String::new() };
            logits.push(parts.iter().enumerate().try_fold(INPUT.to_string(), |input, (number, part)| {
                graph.layer(&format!("{prefix}{number}"), part, input)
            })?);
            plans.push(plan);
        }
        let (input, outputs) = shapes(&plans)?;
        let logits = if let [logits] = &logits[..] { logits.clone() } else { graph.logarithm_of_mean(&logits) };
        let name = if self.with_softmax {
            graph.node("Softmax", "probabilities", vec![logits], vec![AttributeProto::int("axis", 1)])
        } else {
            graph.node("Identity", "logits", vec![logits], vec![])
        };
        let graph = GraphProto {
            name: "network".into(),
            input: vec![batch_of(INPUT, &input)],
            output: vec![batch_of(&name, &[outputs])],
            node: graph.nodes,
            initializer: graph.values,
        };
        Ok(ModelProto {
            ir_version: IR_VERSION,
            producer_name: "mnist-classification".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: self.metadata(&plans, outputs)?,
        })
    }

    /// Says what the classes and the input are; a single network has its plan, too.
    fn metadata(&self, plans: &[&Plan], outputs: usize) -> Result<Vec<StringStringEntryProto>> {
        let classes = self.classes.clone().unwrap_or_else(|| Classes::numbered(outputs));
        if classes.len() != outputs {
            return Err(Error::mismatch("classes", classes.len(), format!("{outputs}, the network's outputs")));
        }
        let mut entries = vec![("classes", json!(classes).to_string()), ("preprocessing", PREPROCESSING.into())];
        if let [plan] = plans {
            entries.push((PLAN, json!(plan).to_string()));
        }
        Ok(entries.into_iter().map(|(key, value)| StringStringEntryProto { key: key.into(), value }).collect())
    }
}

/// Returns the shape of a sample and the number of logits, which all these networks have.
fn shapes(plans: &[&Plan]) -> Result<(Vec<usize>, usize)> {
    let ends = |plan: &Plan| Ok((plan.input.clone(), plan.shapes()?.pop().unwrap_or_default()));
    let ends = plans.iter().map(|plan| ends(plan)).collect::<Result<Vec<_>>>()?;
    let first = ends.first().ok_or_else(|| Error::invalid_setting("an ensemble", "empty", "at least one network"))?;
    if let Some(other) = ends.iter().find(|other| *other != first) {
        let [found, expected] = [other, first].map(|(input, output)| format!("from {input:?} to {output:?}"));
        return Err(Error::mismatch("a network of an ensemble", found, expected));
    }
    match (&first.0, &first.1[..]) {
        (input, &[outputs]) if outputs <= MOST_CLASSES => Ok((input.clone(), outputs)),
        (_, other) => {
            let expected = format!("one row of at most {MOST_CLASSES} logits");
            Err(Error::mismatch("the network's output", format!("{other:?}"), expected))
        }
    }
}

/// Nodes and the values of their parameters.
#[derive(Default)]
struct Graph {
    nodes: Vec<NodeProto>,
    values: Vec<TensorProto>,
}

impl Graph {
    /// Adds the nodes of a layer and returns the name of its output; dropout has none.
    fn layer(&mut self, number: &str, Part { layer, tensors }: &Part, input: String) -> Result<String> {
        let square = |name, side: usize| AttributeProto::ints(name, vec![side as i64; 2]);
        let (operator, names, attributes): (_, &[&str], _) = match *layer {
            Layer::Dropout(_) => return Ok(input),
            Layer::Dense(_) => ("Gemm", &["kernel", "bias"], vec![]),
            Layer::Convolution { size, stride, padding, .. } => {
                let pads = AttributeProto::ints("pads", vec![padding as i64; 4]);
                ("Conv", &["kernel", "bias"], vec![square("kernel_shape", size), square("strides", stride), pads])
            }
            Layer::BatchNorm => {
                let names = &["scale", "offset", "mean", "variance"];
                ("BatchNormalization", names, vec![AttributeProto::float("epsilon", BATCH_NORM_EPSILON)])
            }
            Layer::MaxPool(size) => ("MaxPool", &[], vec![square("kernel_shape", size), square("strides", size)]),
            Layer::Flatten => ("Flatten", &[], vec![]),
            Layer::Relu => ("Relu", &[], vec![]),
        };
        let mut inputs = vec![input];
        for (place, (name, tensor)) in names.iter().zip(tensors).enumerate() {
            let is_kernel = place == 0 && operator == "Conv";
            let tensor = if is_kernel { &tensor.f_permute([0, 3, 1, 2])? } else { tensor };
            inputs.push(self.value(
                format!("{number}.{name}"),
                data_type::FLOAT,
                &tensor.size(),
                tensor_bytes(tensor)?,
            ));
        }
        Ok(self.node(operator, &format!("{number}.{operator}"), inputs, attributes))
    }

    /// Adds the logarithm of the mean probability, through logarithms, so that none is too small for a float.
    fn logarithm_of_mean(&mut self, answers: &[String]) -> String {
        let axis = self.value("first axis".into(), data_type::INT64, &[1], 0_i64.to_le_bytes().into());
        let mut logarithms = Vec::new();
        for (number, logits) in (1..).zip(answers) {
            let name = |operator: &str| format!("{number}.{operator}");
            let logarithm = self.node(
                "LogSoftmax",
                &name("LogSoftmax"),
                vec![logits.clone()],
                vec![AttributeProto::int("axis", 1)],
            );
            logarithms.push(self.node("Unsqueeze", &name("Unsqueeze"), vec![logarithm, axis.clone()], vec![]));
        }
        let count = (answers.len() as f32).ln().to_le_bytes().into();
        let count = self.value("logarithm of the number of networks".into(), data_type::FLOAT, &[], count);
        let all = self.node("Concat", "Concat", logarithms, vec![AttributeProto::int("axis", 0)]);
        let sum = self.node(
            "ReduceLogSumExp",
            "ReduceLogSumExp",
            vec![all],
            vec![AttributeProto::ints("axes", vec![0]), AttributeProto::int("keepdims", 0)],
        );
        self.node("Sub", "Sub", vec![sum, count], vec![])
    }

    /// Adds a node and returns the name of its output, which is also its own.
    fn node(&mut self, operator: &str, name: &str, input: Vec<String>, attribute: Vec<AttributeProto>) -> String {
        let output = vec![name.into()];
        let (op_type, domain) = (operator.into(), String::new());
        self.nodes.push(NodeProto { input, output, name: name.into(), op_type, attribute, domain });
        name.into()
    }

    /// Adds a tensor and returns its name.
    fn value(&mut self, name: String, data_type: i32, dims: &[i64], bytes: Vec<u8>) -> String {
        let (raw_data, dims) = (bytes.into(), dims.into());
        self.values.push(TensorProto { name: name.clone(), dims, data_type, raw_data, ..TensorProto::default() });
        name
    }
}

/// Describes a batch of samples of this shape, as many as one likes.
fn batch_of(name: &str, shape: &[usize]) -> ValueInfoProto {
    let open = Dimension { dim_param: Some("batch".into()), dim_value: None };
    let size = |&size: &usize| Dimension { dim_value: Some(size as i64), dim_param: None };
    let shape = Shape { dim: [open].into_iter().chain(shape.iter().map(size)).collect() };
    let tensor_type = Some(TensorType { elem_type: data_type::FLOAT, shape: Some(shape) });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}
