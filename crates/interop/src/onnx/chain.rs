//! The chain of layers that the nodes of an ONNX file build.

mod layers;

use std::collections::HashMap;

use mnist_classification::{Error, Result, model::Layer};
use tch::{Device, Kind, Tensor};

use super::{
    constants::{Constants, change_axes, integers, short},
    proto::NodeProto,
};
use crate::parts::Part;

/// The axes of a picture in this library's order.
const CHANNELS_FIRST: [usize; 3] = [0, 1, 2];

/// The layers so far, and what comes out of them.
pub(super) struct Chain<'a> {
    constants: Constants<'a>,
    /// How many more values the layers may hold.
    budget: usize,
    /// The name of the last output.
    pub(super) name: String,
    /// The shape of a sample before the first layer; with the axes of the file until there is one.
    pub(super) input: Vec<usize>,
    pub(super) parts: Vec<Part>,
    /// The shape of a sample after the last layer, in this library's order.
    shape: Vec<usize>,
    /// The axes of a picture in the file's order, by ours.
    axes: [usize; 3],
    /// After a Flatten in another axis order: the picture's shape, and that order.
    flattened: Option<([usize; 3], [usize; 3])>,
    /// Whether channels last became channels first before the first layer.
    has_turned: bool,
    /// Whether the softmax has come; no layer may follow it.
    after_softmax: bool,
    /// The outputs so far, with the shapes of their samples in the file.
    outputs: HashMap<String, Vec<usize>>,
}

impl<'a> Chain<'a> {
    /// Begins with a sample of this shape.
    pub(super) fn new(constants: Constants<'a>, name: &str, shape: Vec<usize>, budget: usize) -> Self {
        let mut chain = Self {
            constants,
            budget,
            name: String::new(),
            input: Vec::new(),
            parts: Vec::new(),
            shape,
            axes: CHANNELS_FIRST,
            flattened: None,
            has_turned: false,
            after_softmax: false,
            outputs: HashMap::new(),
        };
        chain.continue_as(name);
        chain
    }

    /// Adds what a node does, unless an input is not known, or not yet: then returns `false`.
    pub(super) fn add(&mut self, node: &NodeProto) -> Result<bool> {
        let [output, ..] = &node.output[..] else { return Ok(true) };
        if let Some(constant) = self.constants.compute(node)? {
            if node.op_type == "Constant" {
                self.budget = self.budget.saturating_add(constant.numel());
            }
            self.constants.insert(output, constant);
            return Ok(true);
        }
        // Whether it is used in training is no part of a dropout here.
        let count = if node.op_type == "Dropout" { 2 } else { node.input.len() };
        let inputs: Vec<_> = node.input.iter().take(count).filter(|name| !name.is_empty()).collect();
        let of_chain: Vec<_> = inputs.iter().filter(|name| self.outputs.contains_key(**name)).collect();
        let is_known = |name: &str| self.outputs.contains_key(name) || self.constants.get(name).is_some();
        let [name, others @ ..] = &of_chain[..] else { return Ok(false) };
        if !inputs.iter().all(|name| is_known(name)) {
            return Ok(false);
        }
        if node.op_type == "Shape" {
            // −1 stands for the batch, whose size is open.
            let sizes: Vec<_> = [-1].into_iter().chain(self.outputs[**name].iter().map(|&size| size as i64)).collect();
            let [start, end] = [("start", 0), ("end", i64::MAX)].map(|(name, all)| node.int(name).unwrap_or(all));
            self.constants.insert(output, Tensor::f_from_slice(&sizes)?.f_slice(0, start, end, 1)?);
            return Ok(true);
        }
        if **name != &self.name || !others.is_empty() {
            return Err(unsupported("two branches", "one layer after the other"));
        }
        let place = node.input.iter().position(|name| *name == self.name).unwrap_or_default();
        self.apply(node, place)?;
        self.continue_as(output);
        Ok(true)
    }

    /// Applies a node to what comes out of the last layer, which is its input at `place`.
    pub(super) fn apply(&mut self, node: &NodeProto, place: usize) -> Result<()> {
        let is_own = ["", "ai.onnx"].contains(&&*node.domain);
        match (&*node.op_type, place) {
            _ if !is_own => Err(unsupported(&format!("an operator of {:?}", short(&node.domain)), LAYERS)),
            ("Identity", 0) => Ok(()),
            ("Cast", 0) if node.casts_to_floats() => Ok(()),
            ("Relu", 0) => self.push(Layer::Relu, vec![]),
            ("Dropout", 0) => {
                let fraction = self.constant(node, 1).and_then(|ratio| Ok(ratio.f_double_value(&[])?));
                self.push(Layer::Dropout(fraction.ok().or(node.float("ratio")).unwrap_or(0.5)), vec![])
            }
            ("Softmax" | "LogSoftmax", 0) => {
                if self.after_softmax || self.shape.len() != 1 || ![None, Some(1), Some(-1)].contains(&node.int("axis"))
                {
                    return Err(unsupported(
                        "a second one, or over other axes than the classes",
                        "one over a row of logits",
                    ));
                }
                self.after_softmax = true;
                Ok(())
            }
            ("Flatten", 0) => {
                let (axis, rank) = (node.int("axis").unwrap_or(1), self.shape.len() as i64 + 1);
                if [1, 1 - rank].contains(&axis) {
                    self.reshape(&[-1, -1])
                } else {
                    Err(unsupported(&format!("axis {axis}"), "axis 1"))
                }
            }
            ("Reshape", 0) => self.reshape(&integers(self.constant(node, 1)?)?),
            ("Squeeze" | "Unsqueeze", 0) => self.change_rank(node),
            ("Transpose", 0) => self.transpose(&node.ints("perm").unwrap_or_default()),
            ("Gemm", 0) => self.gemm(node),
            ("MatMul", 0) => {
                let kernel = self.constant(node, 1)?.shallow_clone();
                self.dense(&kernel, None)
            }
            ("Conv", 0) => self.convolution(node),
            ("MaxPool", 0) => self.pool(node),
            ("BatchNormalization", 0) => self.batch_norm(node),
            ("Add" | "Mul", _) => {
                let other = self.constant(node, 1 - place.min(1))?.shallow_clone();
                self.affine(&node.op_type, &other)
            }
            ("Sub", 0) => self.affine("Add", &self.constant(node, 1)?.f_neg()?),
            ("Div", 0) => self.affine("Mul", &self.constant(node, 1)?.f_reciprocal()?),
            _ => Err(unsupported("no layer of this library", LAYERS)),
        }
    }

    /// Tells whether the last output is a picture that was flattened with its axes in another order.
    pub(super) fn is_reordered(&self) -> bool {
        self.flattened.is_some()
    }

    /// Notes the name of the last output.
    fn continue_as(&mut self, name: &str) {
        self.name = name.into();
        self.outputs.insert(name.into(), self.sizes());
    }

    /// Returns the shape of a sample with the axes of the file.
    fn sizes(&self) -> Vec<usize> {
        if self.shape.len() == 3 { self.axes.map(|axis| self.shape[axis]).into() } else { self.shape.clone() }
    }

    /// Returns an input that must be a constant.
    fn constant(&self, node: &NodeProto, place: usize) -> Result<&Tensor> {
        let found = node.input.get(place).and_then(|name| self.constants.get(name));
        found.ok_or_else(|| unsupported(&format!("input {place} is no constant"), "the file's own numbers"))
    }

    /// Changes the shape of a sample: before the first layer at will, later from a picture to a row.
    fn reshape(&mut self, to: &[i64]) -> Result<()> {
        let sizes = self.sizes();
        let count = product(&sizes);
        // The first axis is the batch, whatever number the file has for it.
        let given = to.iter().enumerate().skip(1).map(|(axis, &size)| match size {
            0 => sizes.get(axis - 1).copied(),
            size => usize::try_from(size).ok(),
        });
        let given: Vec<Option<usize>> = given.collect();
        let known = product(&given.iter().flatten().copied().collect::<Vec<_>>());
        let reshaped: Vec<_> = given.iter().map(|size| size.unwrap_or(count / known.max(1))).collect();
        if reshaped.is_empty() || product(&reshaped) != count {
            return Err(unsupported(&format!("samples of the shape {sizes:?} as {to:?}"), "whole samples"));
        }
        if reshaped == sizes {
            return Ok(());
        }
        if self.parts.is_empty() {
            self.shape = reshaped;
            return Ok(());
        }
        let [channels, height, width] = self.shape[..] else {
            return Err(unsupported(&format!("a row of values as {reshaped:?}"), LAYERS));
        };
        if reshaped.len() > 1 {
            return Err(unsupported(&format!("a picture as {reshaped:?}"), "one row"));
        }
        self.push(Layer::Flatten, vec![])?;
        self.flattened = (self.axes != CHANNELS_FIRST).then_some(([channels, height, width], self.axes));
        self.axes = CHANNELS_FIRST;
        Ok(())
    }

    /// Adds or removes axes of size 1.
    fn change_rank(&mut self, node: &NodeProto) -> Result<()> {
        // Two samples, so that no axis of the batch is removed; none of their values is ever there.
        let sizes: Vec<_> = [2].into_iter().chain(self.sizes().iter().map(|&size| size as i64)).collect();
        let samples = Tensor::f_empty([1], (Kind::Uint8, Device::Cpu))?.f_expand(&sizes, false)?;
        self.reshape(&change_axes(&samples, node, self.constant(node, 1).ok())?.size())
    }

    /// Reorders the axes. Before the first layer that would change the pixels, but for channels last that become
    /// channels first.
    fn transpose(&mut self, order: &[i64]) -> Result<()> {
        let sizes = self.sizes();
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if order.first() != Some(&0) || !sorted.into_iter().eq(0..=sizes.len() as i64) {
            return Err(unsupported(&format!("axes in the order {order:?}"), "the batch first, and each axis once"));
        }
        let axes: Vec<_> = order.iter().skip(1).map(|&axis| axis as usize - 1).collect();
        if !self.parts.is_empty() {
            if let [first, second, third] = axes[..] {
                self.axes = [first, second, third].map(|axis| self.axes[axis]);
            }
            return Ok(());
        }
        let keeps_order = axes.iter().filter(|axis| sizes[**axis] > 1).is_sorted();
        if !keeps_order && (self.has_turned || axes != [2, 0, 1]) {
            return Err(unsupported(&format!("pixels in the order {order:?}"), "preprocessing outside the file"));
        }
        self.has_turned |= !keeps_order;
        self.shape = axes.iter().map(|&axis| sizes[axis]).collect();
        Ok(())
    }

    /// Adds a layer with its tensors in this library's layout.
    fn push(&mut self, layer: Layer, tensors: Vec<Tensor>) -> Result<()> {
        if self.after_softmax {
            return Err(unsupported("a layer behind the softmax", "the softmax at the end"));
        }
        let after = layer.output_shape(&self.shape)?;
        self.spend(tensors.iter().map(Tensor::numel).sum())?;
        if self.parts.is_empty() {
            self.input = self.shape.clone();
        }
        self.parts.push(Part { layer, tensors });
        self.shape = after;
        Ok(())
    }

    /// Counts values of layers, of which a file may have some once for several of them.
    fn spend(&mut self, values: usize) -> Result<()> {
        let left = self.budget.checked_sub(values);
        self.budget = left.ok_or_else(|| unsupported("far more values than the file holds", "those of the file"))?;
        Ok(())
    }
}

/// The layers that a node may be.
const LAYERS: &str =
    "Gemm, MatMul, Add, Conv, BatchNormalization, MaxPool, Flatten, Relu, Dropout, or a Softmax at the end";

fn unsupported(found: &str, expected: impl ToString) -> Error {
    Error::mismatch("a node", found, expected)
}

/// Multiplies sizes; what is too large becomes the largest number.
fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product: usize, &size| product.saturating_mul(size))
}
