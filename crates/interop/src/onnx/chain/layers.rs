//! Layers with parameters, and pooling: checks a node's inputs and attributes and converts them to this library's
//! layout.

use mnist_classification::{Result, model::Layer, support::BATCH_NORM_EPSILON};
use tch::{Device, Kind, Tensor};

use super::{CHANNELS_FIRST, Chain, unsupported};
use crate::{
    onnx::proto::NodeProto,
    parts::{Part, permutation},
};

impl Chain<'_> {
    /// Adds a dense layer whose kernel may be transposed, and kernel and bias scaled.
    pub(super) fn gemm(&mut self, node: &NodeProto) -> Result<()> {
        let is_set = |name: &str| node.int(name).unwrap_or_default() != 0;
        if is_set("transA") {
            return Err(unsupported("samples in columns", "transA of 0"));
        }
        let kernel = self.constant(node, 1)?;
        let kernel = if is_set("transB") { kernel.f_transpose(0, 1)? } else { kernel.shallow_clone() };
        let scaled = |tensor: &Tensor, factor| match node.float(factor) {
            Some(factor) if factor != 1.0 => tensor.f_mul_scalar(factor),
            _ => Ok(tensor.shallow_clone()),
        };
        let bias = self.optional(node, 2)?.map(|bias| scaled(bias, "beta")).transpose()?;
        self.dense(&scaled(&kernel, "alpha")?, bias.as_ref())
    }

    /// Adds a dense layer with a kernel `[inputs, outputs]`.
    pub(super) fn dense(&mut self, kernel: &Tensor, bias: Option<&Tensor>) -> Result<()> {
        let (&[inputs, outputs], &[before]) = (&kernel.size()[..], &self.shape[..]) else {
            let found = format!("a kernel {:?} on samples {:?}", kernel.size(), self.shape);
            return Err(unsupported(&found, "one row of values"));
        };
        if inputs as usize != before {
            return Err(unsupported(&format!("{inputs} inputs"), before));
        }
        let kernel = self.reorder_rows(kernel)?;
        let bias = self.vector(bias, outputs as usize)?;
        self.push(Layer::Dense(outputs as usize), vec![kernel, bias])?;
        self.flattened = None;
        Ok(())
    }

    /// Adds a convolution with a kernel `[channels, inputs, height, width]`.
    pub(super) fn convolution(&mut self, node: &NodeProto) -> Result<()> {
        self.check_axes()?;
        let kernel = self.constant(node, 1)?.f_permute([0, 2, 3, 1])?;
        let &[channels, height, width, inputs] = &kernel.size()[..] else { return Err(not_square(&kernel.size())) };
        let side = uniform(&[height, width])?;
        if node.int("group").unwrap_or(1) != 1 || uniform(&node.ints("dilations").unwrap_or(vec![1]))? != 1 {
            return Err(unsupported("groups or dilations", "neither"));
        }
        if self.shape.first() != Some(&(inputs as usize)) {
            return Err(unsupported(&format!("a kernel for {inputs} channels"), format!("one for {:?}", self.shape)));
        }
        let stride = uniform(&node.ints("strides").unwrap_or(vec![1]))?;
        let padding = match &*node.text("auto_pad").unwrap_or_default() {
            "SAME_UPPER" | "SAME_LOWER" if stride == 1 && side % 2 == 1 => side / 2,
            "" | "NOTSET" => uniform(&node.ints("pads").unwrap_or(vec![0]))?,
            "VALID" => 0,
            _ => return Err(unsupported("padding on one side", "the same on all four")),
        };
        let channels = channels as usize;
        let bias = self.optional(node, 2)?.map(Tensor::shallow_clone);
        let bias = self.vector(bias.as_ref(), channels)?;
        self.push(Layer::Convolution { channels, size: side, stride, padding }, vec![kernel, bias])
    }

    /// Adds a pooling of squares side by side.
    pub(super) fn pool(&mut self, node: &NodeProto) -> Result<()> {
        self.check_axes()?;
        let size = uniform(&node.ints("kernel_shape").unwrap_or_default())?;
        let stride = uniform(&node.ints("strides").unwrap_or(vec![1]))?;
        let divides = self.shape.iter().skip(1).all(|side| size > 0 && side % size == 0);
        let is_padded = match &*node.text("auto_pad").unwrap_or_default() {
            "SAME_UPPER" | "SAME_LOWER" => !divides,
            _ => uniform(&node.ints("pads").unwrap_or(vec![0]))? != 0,
        };
        let rounds_up = node.int("ceil_mode").unwrap_or_default() != 0 && !divides;
        if stride != size || is_padded || rounds_up || uniform(&node.ints("dilations").unwrap_or(vec![1]))? != 1 {
            return Err(unsupported("overlapping or padded windows", "a stride equal to the size, without padding"));
        }
        self.push(Layer::MaxPool(size), vec![])
    }

    /// Adds a batch normalisation; its variance takes up what its ε differs from this library's.
    pub(super) fn batch_norm(&mut self, node: &NodeProto) -> Result<()> {
        self.check_axes()?;
        let channels = self.shape.first().copied().unwrap_or_default();
        let mut tensors = Vec::new();
        for place in 1..5 {
            let tensor = self.constant(node, place)?.shallow_clone();
            let vector = self.vector(Some(&tensor), channels)?;
            tensors.push(self.reorder_rows(&vector)?);
        }
        let epsilon = node.float("epsilon").unwrap_or(1e-5);
        tensors[3] = tensors[3].f_add_scalar(epsilon - BATCH_NORM_EPSILON)?;
        self.push(Layer::BatchNorm, tensors)
    }

    /// Adds a constant to each channel or multiplies by it: in the bias of the layer before, or as a batch
    /// normalisation.
    pub(super) fn affine(&mut self, operator: &str, constant: &Tensor) -> Result<()> {
        let (Some(Part { tensors: last, .. }), false) = (self.parts.last(), self.after_softmax) else {
            return Err(unsupported("a change of the pixels or the answers", "preprocessing outside the file"));
        };
        let (channels, has_bias) = (self.shape[0], last.len() > 1);
        // Where in the shape of a sample the constant has its numbers, counted from the last axis.
        let longest = constant.size().iter().rev().position(|&size| size > 1);
        let of_channels = self.axes.iter().take(self.shape.len()).rev().position(|&axis| axis == 0);
        if constant.numel() > 1 && (longest != of_channels || constant.numel() != channels) {
            return Err(unsupported(&format!("numbers of the shape {:?}", constant.size()), "one for each channel"));
        }
        self.spend(4 * channels)?;
        let vector = constant.f_reshape([-1])?.f_to_kind(Kind::Float)?.f_expand([channels as i64], false)?;
        let vector = self.reorder_rows(&vector)?;
        if let (Some(Part { tensors, .. }), "Add", true) = (self.parts.last_mut(), operator, has_bias) {
            tensors[1] = tensors[1].f_add(&vector)?;
            return Ok(());
        }
        let full = |value: f64| Tensor::f_full([channels as i64], value, (Kind::Float, Device::Cpu));
        let (scale, offset) = if operator == "Add" { (full(1.0)?, vector) } else { (vector, full(0.0)?) };
        self.push(Layer::BatchNorm, vec![scale, offset, full(0.0)?, full(1.0 - BATCH_NORM_EPSILON)?])
    }

    /// Returns an input that may be left out, and else must be a constant.
    fn optional(&self, node: &NodeProto, place: usize) -> Result<Option<&Tensor>> {
        node.input.get(place).filter(|name| !name.is_empty()).map(|_| self.constant(node, place)).transpose()
    }

    /// Checks that a vector has so many values; without one, they are zeros.
    fn vector(&mut self, values: Option<&Tensor>, count: usize) -> Result<Tensor> {
        let Some(values) = values else {
            self.spend(count)?;
            return Ok(Tensor::f_zeros([count as i64], (Kind::Float, Device::Cpu))?);
        };
        if values.numel() != count {
            return Err(unsupported(&format!("{} values", values.numel()), count));
        }
        Ok(values.f_reshape([-1])?.f_to_kind(Kind::Float)?)
    }

    /// Puts the rows of a tensor behind a flattened picture into this library's order.
    fn reorder_rows(&self, tensor: &Tensor) -> Result<Tensor> {
        match &self.flattened {
            Some((shape, axes)) => Ok(tensor.f_index_select(0, &permutation(shape, *axes)?)?),
            None => Ok(tensor.shallow_clone()),
        }
    }

    /// Checks that a picture has its channels first, as layers that look at its pixels take it.
    fn check_axes(&self) -> Result<()> {
        let is_first = self.axes == CHANNELS_FIRST;
        if is_first { Ok(()) } else { Err(unsupported("channels last", "[channels, height, width] here")) }
    }
}

/// Returns the number that all of these are.
fn uniform(values: &[i64]) -> Result<usize> {
    let first = values.first().filter(|first| values.iter().all(|value| value == *first));
    first.and_then(|&side| usize::try_from(side).ok()).ok_or_else(|| not_square(values))
}

fn not_square(values: &[i64]) -> mnist_classification::Error {
    unsupported(&format!("{values:?}"), "the same for height and width")
}
