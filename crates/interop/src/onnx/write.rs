//! Writes networks as ONNX: a node for each layer, in operator set 17 (2022), which every runtime of today reads.

use std::path::Path;

use mnist_classification::{
    Error, Result,
    data::Classes,
    model::{Layer, Model, Plan},
    support::{BATCH_NORM_EPSILON, files},
};
use prost::Message;
use serde_json::json;

use super::proto::*;
use crate::parts::{Part, bytes, parts};

const OPERATOR_SET: i64 = 17;
/// The version of the format that came with this operator set.
const FORMAT: i64 = 8;
const INPUT: &str = "input";
/// The name of the open number of samples.
const BATCH: &str = "batch";
/// Under which names a file keeps the plan of its network and the names of the classes.
pub(super) const PLAN: &str = "plan";
const CLASSES: &str = "classes";
const PREPROCESSING: &str = "ink from 0 (paper) to 1: light digits on dark ground, as MNIST has them, divided by 255";
/// The largest file of the format, in bytes.
const LARGEST: usize = i32::MAX as usize;

/// A network, or several that answer together, as they will be written.
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
    /// One network, whose output are its logits.
    pub fn of(network: &'a dyn Model) -> Self {
        Self::ensemble([network])
    }

    /// Networks whose probabilities are averaged; the output is the logarithm of their mean.
    pub fn ensemble(networks: impl IntoIterator<Item = &'a dyn Model>) -> Self {
        Self { members: networks.into_iter().collect(), with_softmax: false, classes: None }
    }

    /// Makes probabilities the output, in place of logits.
    pub fn probabilities(mut self) -> Self {
        self.with_softmax = true;
        self
    }

    /// Names the classes, which else are numbered.
    pub fn classes(mut self, classes: &Classes) -> Self {
        self.classes = Some(classes.clone());
        self
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`Export::save_onnx`](crate::Export::save_onnx);
    /// [`Error::Mismatch`] for networks that do not take and give the same.
    pub fn save(&self, file: impl AsRef<Path>) -> Result<()> {
        let model = self.model()?;
        if model.encoded_len() > LARGEST {
            let found = format!("{} bytes long", model.encoded_len());
            return Err(Error::invalid_setting("an ONNX file", found, format!("at most {LARGEST} bytes")));
        }
        files::write(file, model.encode_to_vec())
    }
}

impl Onnx<'_> {
    fn model(&self) -> Result<ModelProto> {
        let mut graph = Graph::default();
        let (mut plans, mut answers) = (Vec::new(), Vec::new());
        for (number, &member) in (1..).zip(&self.members) {
            let (plan, parts) = parts(member, "an ONNX file")?;
            let prefix = if self.members.len() > 1 { format!("{number}.") } else { String::new() };
            let logits = parts.iter().enumerate().try_fold(INPUT.to_string(), |input, (number, part)| {
                graph.layer(&format!("{prefix}{number}"), part, input)
            })?;
            plans.push(plan);
            answers.push(logits);
        }
        let (input, output) = shapes(&plans)?;
        let logits = if let [logits] = &answers[..] { logits.clone() } else { graph.logarithm_of_mean(&answers) };
        let name = if self.with_softmax {
            graph.node("Softmax", "probabilities", vec![logits], vec![int("axis", 1)])
        } else {
            graph.node("Identity", "logits", vec![logits], vec![])
        };
        let classes = self.classes.clone().unwrap_or_else(|| Classes::numbered(output[0]));
        if classes.len() != output.iter().product::<usize>() {
            return Err(Error::mismatch("classes", classes.len(), format!("{output:?}, the network's outputs")));
        }
        let mut metadata = vec![(CLASSES, json!(classes).to_string()), ("preprocessing", PREPROCESSING.into())];
        if let [plan] = plans[..] {
            metadata.push((PLAN, json!(plan).to_string()));
        }
        Ok(ModelProto {
            ir_version: FORMAT,
            producer_name: "mnist-classification".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(GraphProto {
                name: "network".into(),
                input: vec![batch_of(INPUT, &input)],
                output: vec![batch_of(&name, &output)],
                node: graph.nodes,
                initializer: graph.values,
            }),
            opset_import: vec![OperatorSetId { domain: String::new(), version: OPERATOR_SET }],
            metadata_props: metadata.into_iter().map(|(key, value)| Entry { key: key.into(), value }).collect(),
        })
    }
}

/// Returns the shapes of a sample and of an answer, which all these networks have.
fn shapes(plans: &[&Plan]) -> Result<(Vec<usize>, Vec<usize>)> {
    let ends = |plan: &Plan| Ok((plan.input.clone(), plan.shapes()?.pop().unwrap_or_default()));
    let ends = plans.iter().map(|plan| ends(plan)).collect::<Result<Vec<_>>>()?;
    let first = ends.first().ok_or_else(|| Error::invalid_setting("an ensemble", "empty", "at least one network"))?;
    match ends.iter().find(|other| *other != first) {
        None => Ok(first.clone()),
        Some(other) => {
            let [found, expected] = [other, first].map(|(input, output)| format!("from {input:?} to {output:?}"));
            Err(Error::mismatch("a network of an ensemble", found, expected))
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
        let square = |name, side: usize| ints(name, vec![side as i64; 2]);
        let (operator, names, attributes): (_, &[&str], _) = match *layer {
            Layer::Dropout(_) => return Ok(input),
            Layer::Dense(_) => ("Gemm", &["kernel", "bias"], vec![]),
            Layer::Convolution { size, stride, padding, .. } => {
                let pads = ints("pads", vec![padding as i64; 4]);
                ("Conv", &["kernel", "bias"], vec![square("kernel_shape", size), square("strides", stride), pads])
            }
            Layer::BatchNorm => {
                let names = &["scale", "offset", "mean", "variance"];
                ("BatchNormalization", names, vec![float("epsilon", BATCH_NORM_EPSILON)])
            }
            Layer::MaxPool(size) => ("MaxPool", &[], vec![square("kernel_shape", size), square("strides", size)]),
            Layer::Flatten => ("Flatten", &[], vec![]),
            Layer::Relu => ("Relu", &[], vec![]),
        };
        let mut inputs = vec![input];
        for (place, (name, tensor)) in names.iter().zip(tensors).enumerate() {
            let is_kernel = place == 0 && operator == "Conv";
            let tensor = if is_kernel { &tensor.f_permute([0, 3, 1, 2])? } else { tensor };
            inputs.push(self.value(format!("{number}.{name}"), kind::FLOAT, &tensor.size(), bytes(tensor)?));
        }
        Ok(self.node(operator, &format!("{number}.{operator}"), inputs, attributes))
    }

    /// Adds the logarithm of the mean probability, through logarithms, so that none is too small for a float.
    fn logarithm_of_mean(&mut self, answers: &[String]) -> String {
        let axis = self.value("first axis".into(), kind::INT64, &[1], 0_i64.to_le_bytes().into());
        let mut logarithms = Vec::new();
        for (number, logits) in (1..).zip(answers) {
            let name = |operator: &str| format!("{number}.{operator}");
            let logarithm = self.node("LogSoftmax", &name("LogSoftmax"), vec![logits.clone()], vec![int("axis", 1)]);
            logarithms.push(self.node("Unsqueeze", &name("Unsqueeze"), vec![logarithm, axis.clone()], vec![]));
        }
        let count = (answers.len() as f32).ln().to_le_bytes().into();
        let count = self.value("logarithm of the number of networks".into(), kind::FLOAT, &[], count);
        let all = self.node("Concat", "Concat", logarithms, vec![int("axis", 0)]);
        let sum =
            self.node("ReduceLogSumExp", "ReduceLogSumExp", vec![all], vec![ints("axes", vec![0]), int("keepdims", 0)]);
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

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.into(), kind: attribute::INT, i: Some(value), ..AttributeProto::default() }
}

fn ints(name: &str, ints: Vec<i64>) -> AttributeProto {
    AttributeProto { name: name.into(), kind: attribute::INTS, ints, ..AttributeProto::default() }
}

fn float(name: &str, value: f64) -> AttributeProto {
    AttributeProto { name: name.into(), kind: attribute::FLOAT, f: Some(value as f32), ..AttributeProto::default() }
}

/// Describes a batch of samples of this shape, as many as one likes.
fn batch_of(name: &str, shape: &[usize]) -> ValueInfo {
    let open = Dimension { dim_param: Some(BATCH.into()), dim_value: None };
    let size = |&size: &usize| Dimension { dim_value: Some(size as i64), dim_param: None };
    let shape = Shape { dim: [open].into_iter().chain(shape.iter().map(size)).collect() };
    let tensor_type = Some(TensorType { elem_type: kind::FLOAT, shape: Some(shape) });
    ValueInfo { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}
