//! The layers that have numbers, and pooling: what a node's inputs and attributes say, checked and put into this library's
//! layout.

use mnist_classification::{Result, model::Layer, support::BATCH_NORM_EPSILON};
use tch::{Device, Kind, Tensor};

use super::{Chain, OWN, expected};
use crate::{
    onnx::proto::NodeProto,
    parts::{Part, places},
};

impl Chain<'_> {
    pub(super) fn gemm(&mut self, node: &NodeProto) -> Result<()> {
        if node.int("transA").unwrap_or_default() != 0 {
            return Err(expected("samples in columns", "transA of 0"));
        }
        let kernel = self.constant(node, 1)?;
        let kernel = if node.int("transB").unwrap_or_default() != 0 {
            kernel.f_transpose(0, 1)?
        } else {
            kernel.shallow_clone()
        };
        let scaled = |tensor: Tensor, factor| match node.float(factor) {
            Some(factor) if factor != 1.0 => tensor.f_mul_scalar(factor),
            _ => Ok(tensor),
        };
        let bias = node.input.get(2).filter(|name| !name.is_empty()).map(|_| self.constant(node, 2)).transpose()?;
        let bias = bias.map(|bias| scaled(bias.shallow_clone(), "beta")).transpose()?;
        self.dense(scaled(kernel, "alpha")?, bias)
    }

    /// Adds a dense layer with a kernel `[inputs, outputs]`.
    pub(super) fn dense(&mut self, kernel: Tensor, bias: Option<Tensor>) -> Result<()> {
        let (&[inputs, outputs], &[before]) = (&kernel.size()[..], &self.shape[..]) else {
            return Err(expected(
                &format!("a kernel {:?} on samples {:?}", kernel.size(), self.shape),
                "one row of values",
            ));
        };
        if inputs as usize != before {
            return Err(expected(&format!("{inputs} inputs"), before));
        }
        let kernel = self.own_rows(&kernel)?;
        let bias = self.vector(bias, outputs as usize)?;
        self.push(Layer::Dense(outputs as usize), vec![kernel, bias])?;
        self.flattened = None;
        Ok(())
    }

    pub(super) fn convolution(&mut self, node: &NodeProto) -> Result<()> {
        self.check_axes()?;
        let kernel = self.constant(node, 1)?.f_permute([0, 2, 3, 1])?;
        let sizes = kernel.size();
        let side = square(&sizes[1..3])?;
        if node.int("group").unwrap_or(1) != 1 || square(&node.ints("dilations").unwrap_or(vec![1]))? != 1 {
            return Err(expected("groups or dilations", "neither"));
        }
        if self.shape.first() != Some(&(sizes[3] as usize)) {
            return Err(expected(&format!("a kernel for {} channels", sizes[3]), format!("one for {:?}", self.shape)));
        }
        let stride = square(&node.ints("strides").unwrap_or(vec![1]))?;
        let padding = match &*node.text("auto_pad").unwrap_or_default() {
            "SAME_UPPER" | "SAME_LOWER" if stride == 1 && side % 2 == 1 => side / 2,
            "" | "NOTSET" => square(&node.ints("pads").unwrap_or(vec![0]))?,
            "VALID" => 0,
            _ => return Err(expected("padding on one side", "the same on all four")),
        };
        let channels = sizes[0] as usize;
        let bias = node.input.get(2).filter(|name| !name.is_empty()).map(|_| self.constant(node, 2)).transpose()?;
        let bias = self.vector(bias.map(Tensor::shallow_clone), channels)?;
        self.push(Layer::Convolution { channels, size: side, stride, padding }, vec![kernel, bias])
    }

    pub(super) fn pool(&mut self, node: &NodeProto) -> Result<()> {
        self.check_axes()?;
        let size = square(&node.ints("kernel_shape").unwrap_or_default())?;
        let stride = square(&node.ints("strides").unwrap_or(vec![1]))?;
        let is_even = self.shape.iter().skip(1).all(|side| size > 0 && side % size == 0);
        let is_padded = match &*node.text("auto_pad").unwrap_or_default() {
            "SAME_UPPER" | "SAME_LOWER" => !is_even,
            _ => square(&node.ints("pads").unwrap_or(vec![0]))? != 0,
        };
        let rounds_up = node.int("ceil_mode").unwrap_or_default() != 0 && !is_even;
        if stride != size || is_padded || rounds_up || square(&node.ints("dilations").unwrap_or(vec![1]))? != 1 {
            return Err(expected("squares that overlap, or reach beyond the picture", "one square beside the other"));
        }
        self.push(Layer::MaxPool(size), vec![])
    }

    pub(super) fn batch_norm(&mut self, node: &NodeProto) -> Result<()> {
        self.check_axes()?;
        let channels = self.shape.first().copied().unwrap_or_default();
        let mut tensors = Vec::new();
        for place in 1..5 {
            let tensor = self.vector(Some(self.constant(node, place)?.shallow_clone()), channels)?;
            tensors.push(self.own_rows(&tensor)?);
        }
        let epsilon = node.float("epsilon").unwrap_or(1e-5);
        tensors[3] = tensors[3].f_add_scalar(epsilon - BATCH_NORM_EPSILON)?;
        self.push(Layer::BatchNorm, tensors)
    }

    /// Adds a constant for each channel or multiplies by it: to the bias before it, or as a batch normalisation.
    pub(super) fn affine(&mut self, operator: &str, constant: &Tensor) -> Result<()> {
        let Some(Part { tensors: last, .. }) = self.parts.last() else {
            return Err(expected("a change of the pixels", "a layer first; leave preprocessing out of the file"));
        };
        let (channels, has_bias) = (self.shape[0], last.len() > 1);
        // Where in the shape of a sample the constant has its numbers.
        let longest = constant.size().iter().rev().position(|&size| size > 1);
        let of_channels = self.axes.iter().take(self.shape.len()).rev().position(|&axis| axis == 0);
        if constant.numel() > 1 && (longest != of_channels || constant.numel() != channels) {
            return Err(expected(&format!("numbers of the shape {:?}", constant.size()), "one for each channel"));
        }
        self.take_room(channels)?;
        let vector =
            self.own_rows(&constant.f_reshape([-1])?.f_to_kind(Kind::Float)?.f_expand([channels as i64], false)?)?;
        if operator == "Add" && has_bias && !self.has_ended {
            let Some(Part { tensors, .. }) = self.parts.last_mut() else { return Ok(()) };
            tensors[1] = tensors[1].f_add(&vector)?;
            return Ok(());
        }
        self.take_room(3 * channels)?;
        let full = |value: f64| Tensor::f_full([channels as i64], value, (Kind::Float, Device::Cpu));
        let (scale, offset) = if operator == "Add" { (full(1.0)?, vector) } else { (vector, full(0.0)?) };
        self.push(Layer::BatchNorm, vec![scale, offset, full(0.0)?, full(1.0 - BATCH_NORM_EPSILON)?])
    }

    /// Checks that a vector has so many values; without one, they are zeros.
    fn vector(&mut self, values: Option<Tensor>, count: usize) -> Result<Tensor> {
        let Some(values) = values else {
            self.take_room(count)?;
            return Ok(Tensor::f_zeros([count as i64], (Kind::Float, Device::Cpu))?);
        };
        if values.numel() != count {
            return Err(expected(&format!("{} values", values.numel()), count));
        }
        Ok(values.f_reshape([-1])?.f_to_kind(Kind::Float)?)
    }

    /// Puts the rows of a tensor behind a flattened picture into this library's order.
    fn own_rows(&self, tensor: &Tensor) -> Result<Tensor> {
        match &self.flattened {
            Some((shape, axes)) => Ok(tensor.f_index_select(0, &places(shape, *axes)?)?),
            None => Ok(tensor.shallow_clone()),
        }
    }

    fn check_axes(&self) -> Result<()> {
        if self.axes == OWN { Ok(()) } else { Err(expected("channels last", "[channels, height, width] here")) }
    }
}

/// Returns the number that all of these are.
fn square(values: &[i64]) -> Result<usize> {
    let first = values.first().filter(|first| values.iter().all(|value| value == *first));
    let side = first.and_then(|&side| usize::try_from(side).ok());
    side.ok_or_else(|| expected(&format!("{values:?}"), "the same for height and width"))
}
