//! A chain of layers, as the nodes of an ONNX file add to it.

mod layers;

use std::collections::HashMap;

use mnist_classification::{Error, Result, model::Layer};
use tch::{Device, Kind, Tensor};

use super::{
    constants::{Constants, integers, short},
    proto::NodeProto,
};
use crate::parts::Part;

/// The axes of a picture in this library's order, by ours.
const OWN: [usize; 3] = [0, 1, 2];

/// The layers so far, and what comes out of them.
pub(super) struct Chain<'a> {
    constants: Constants<'a>,
    /// How many values the layers may have yet.
    room: usize,
    /// The name of the last output.
    pub(super) name: String,
    /// The shape of a sample before the first layer; with the axes of the file until there is one.
    pub(super) input: Vec<usize>,
    pub(super) parts: Vec<Part>,
    /// The shape of a sample after the last layer, in this library's order.
    shape: Vec<usize>,
    /// The axes of a picture in the file's order, by ours.
    axes: [usize; 3],
    /// The picture of whose values a row consists, where the file has flattened it with other axes.
    flattened: Option<([usize; 3], [usize; 3])>,
    /// Whether the softmax was there.
    has_ended: bool,
    /// The outputs up to here, with their shapes in the file.
    earlier: HashMap<String, Vec<usize>>,
}

impl<'a> Chain<'a> {
    /// Begins with a sample of this shape.
    pub(super) fn new(constants: Constants<'a>, name: &str, shape: Vec<usize>, room: usize) -> Self {
        let mut chain = Self {
            constants,
            room,
            name: String::new(),
            input: Vec::new(),
            parts: Vec::new(),
            shape,
            axes: OWN,
            flattened: None,
            has_ended: false,
            earlier: HashMap::new(),
        };
        chain.continue_as(name);
        chain
    }

    /// Adds what a node does.
    pub(super) fn add(&mut self, node: &NodeProto) -> Result<()> {
        let [output, ..] = &node.output[..] else { return Ok(()) };
        if let Some(constant) = self.constants.compute(node)? {
            self.constants.insert(output, constant);
            return Ok(());
        }
        let earlier = node.input.iter().find_map(|name| Some((name, self.earlier.get(name)?)));
        // Of constants that are none of the known kinds; where a layer needs it, it will be missed.
        let Some((name, shape)) = earlier else { return Ok(()) };
        if node.op_type == "Shape" {
            let sizes: Vec<_> = [-1].into_iter().chain(shape.iter().map(|&size| size as i64)).collect();
            let [start, end] = [("start", 0), ("end", i64::MAX)].map(|(name, all)| node.int(name).unwrap_or(all));
            self.constants.insert(output, Tensor::f_from_slice(&sizes)?.f_slice(0, start, end, 1)?);
            return Ok(());
        }
        if *name != self.name || node.input.iter().filter(|name| self.earlier.contains_key(*name)).count() > 1 {
            return Err(expected("two branches", "one layer after the other"));
        }
        let place = node.input.iter().position(|name| *name == self.name).unwrap_or_default();
        self.apply(node, place)?;
        self.continue_as(output);
        Ok(())
    }

    /// Applies a node to what comes out of the last layer, which is its input at `place`.
    fn apply(&mut self, node: &NodeProto, place: usize) -> Result<()> {
        let is_own = ["", "ai.onnx"].contains(&&*node.domain);
        match (&*node.op_type, place) {
            _ if !is_own => Err(expected(&format!("an operator of {:?}", short(&node.domain)), LAYERS)),
            ("Identity" | "Cast", 0) => Ok(()),
            ("Relu", 0) => self.push(Layer::Relu, vec![]),
            ("Dropout", 0) => {
                let fraction = self.constant(node, 1).and_then(|ratio| Ok(ratio.f_double_value(&[])?));
                self.push(Layer::Dropout(fraction.ok().or(node.float("ratio")).unwrap_or(0.5)), vec![])
            }
            ("Softmax" | "LogSoftmax", 0) => {
                self.has_ended = self.shape.len() == 1;
                if self.has_ended { Ok(()) } else { Err(expected("a picture", "one row of logits")) }
            }
            ("Flatten", 0) => {
                let rank = self.shape.len() as i64 + 1;
                match node.int("axis") {
                    None => self.reshape(&[-1, -1]),
                    Some(axis) if axis == 1 || axis + rank == 1 => self.reshape(&[-1, -1]),
                    Some(axis) => Err(expected(&format!("axis {axis}"), "axis 1")),
                }
            }
            ("Reshape", 0) => self.reshape(&integers(self.constant(node, 1)?)?),
            ("Squeeze" | "Unsqueeze", 0) => self.change_rank(node),
            ("Transpose", 0) => self.transpose(&node.ints("perm").unwrap_or_default()),
            ("Gemm", 0) => self.gemm(node),
            ("MatMul", 0) => self.dense(self.constant(node, 1)?.shallow_clone(), None),
            ("Conv", 0) => self.convolution(node),
            ("MaxPool", 0) => self.pool(node),
            ("BatchNormalization", 0) => self.batch_norm(node),
            ("Add" | "Mul", _) => {
                let other = self.constant(node, 1 - place.min(1))?.shallow_clone();
                self.affine(&node.op_type, &other)
            }
            ("Sub", 0) => self.affine("Add", &self.constant(node, 1)?.f_neg()?),
            ("Div", 0) => self.affine("Mul", &self.constant(node, 1)?.f_reciprocal()?),
            _ => Err(expected("no layer of this library", LAYERS)),
        }
    }

    fn continue_as(&mut self, name: &str) {
        self.name = name.into();
        self.earlier.insert(name.into(), self.sizes());
    }

    /// The shape of a sample with the axes of the file.
    fn sizes(&self) -> Vec<usize> {
        if self.shape.len() == 3 { self.axes.map(|axis| self.shape[axis]).into() } else { self.shape.clone() }
    }

    fn constant(&self, node: &NodeProto, place: usize) -> Result<&Tensor> {
        let found = node.input.get(place).and_then(|name| self.constants.get(name));
        found.ok_or_else(|| expected(&format!("input {place} is no constant"), "the file's own numbers"))
    }

    // ---- What moves values only ----

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
        if product(&reshaped) != count {
            return Err(expected(&format!("samples of the shape {sizes:?} as {to:?}"), "whole samples"));
        }
        if reshaped == sizes {
            return Ok(());
        }
        if self.parts.is_empty() {
            self.shape = reshaped;
            return Ok(());
        }
        let [channels, height, width] = self.shape[..] else {
            return Err(expected(&format!("a row of values as {reshaped:?}"), LAYERS));
        };
        if reshaped.len() > 1 {
            return Err(expected(&format!("a picture as {reshaped:?}"), "one row"));
        }
        self.push(Layer::Flatten, vec![])?;
        self.flattened = (self.axes != OWN).then_some(([channels, height, width], self.axes));
        self.axes = OWN;
        Ok(())
    }

    /// Adds or removes axes of size 1.
    fn change_rank(&mut self, node: &NodeProto) -> Result<()> {
        let axes = match self.constant(node, 1) {
            Ok(axes) => integers(axes)?,
            Err(_) => node.ints("axes").unwrap_or_default(),
        };
        // As a shape of its own, libtorch knows where the axes are.
        let sizes: Vec<_> = [1].into_iter().chain(self.sizes().iter().map(|&size| size as i64)).collect();
        let empty = Tensor::f_empty([1], (Kind::Uint8, Device::Cpu))?.f_expand(&sizes, false)?;
        let changed = axes.iter().rev().try_fold(empty, |tensor, &axis| {
            if node.op_type == "Squeeze" { tensor.f_squeeze_dim(axis) } else { tensor.f_unsqueeze(axis) }
        })?;
        self.reshape(&changed.size())
    }

    fn transpose(&mut self, order: &[i64]) -> Result<()> {
        let sizes = self.sizes();
        let axes: Vec<_> = order.iter().skip(1).filter_map(|&axis| usize::try_from(axis - 1).ok()).collect();
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        if order.first() != Some(&0) || !sorted.into_iter().eq(0..sizes.len()) {
            return Err(expected(&format!("axes in the order {order:?}"), "the batch first, and each axis once"));
        }
        match (self.parts.is_empty(), &axes[..]) {
            (true, _) => self.shape = axes.iter().map(|&axis| sizes[axis]).collect(),
            (false, &[first, second, third]) => self.axes = [first, second, third].map(|axis| self.axes[axis]),
            (false, _) => {}
        }
        Ok(())
    }

    /// Adds a layer with its tensors in this library's layout.
    fn push(&mut self, layer: Layer, tensors: Vec<Tensor>) -> Result<()> {
        if self.has_ended {
            return Err(expected("a layer behind the softmax", "the softmax at the end"));
        }
        let after = layer.output_shape(&self.shape)?;
        self.take_room(tensors.iter().map(Tensor::numel).sum())?;
        if self.parts.is_empty() {
            self.input = self.shape.clone();
        }
        self.parts.push(Part { layer, tensors });
        self.shape = after;
        Ok(())
    }

    fn take_room(&mut self, values: usize) -> Result<()> {
        self.room = self
            .room
            .checked_sub(values)
            .ok_or_else(|| expected("far more values than the file has", "those of the file"))?;
        Ok(())
    }
}

/// The layers that a node may be.
const LAYERS: &str =
    "Gemm, MatMul, Add, Conv, BatchNormalization, MaxPool, Flatten, Relu, Dropout, or a Softmax at the end";

fn expected(found: &str, expected: impl ToString) -> Error {
    Error::mismatch("a node", found, expected)
}

/// Multiplies sizes; what is too large becomes the largest number.
fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product: usize, &size| product.saturating_mul(size))
}
