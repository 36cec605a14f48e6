//! The second stage of a step: some rows of a kernel, or a bias. Their gradient is computed and applied at once, while
//! it lies in the cache.

use std::{ops::Range, sync::Arc};

use tch::{Device, Kind, Tensor};

use super::sparse::{SparsePixels, WORD};
use crate::{
    Result, RmsProp,
    rms_prop::{update, update_rows},
    simd::{Weighted, sum_rows},
};

/// Parameters per block: with its gradient and averages, a block fits into a core's cache.
const PARAMETERS: i64 = 1 << 16;

/// Rows of parameters that are updated together.
#[derive(Debug)]
pub(super) struct Block {
    inputs: Inputs,
    /// The error of the layer's outputs, `[batch, outputs]`.
    error: Tensor,
    parameters: Tensor,
    averages: Tensor,
    rule: RmsProp,
    learning_rate: f64,
}

/// What the rows are multiplied with.
#[derive(Debug)]
enum Inputs {
    /// Of a first layer that leaves out blank pixels: these of the batch's samples.
    Pixels(Pixels),
    /// Of the others: these outputs of the layer before, `[batch, rows]`.
    Outputs(Tensor),
    /// Of a bias: 1.
    One,
}

/// The rows of some pixels in the first layer's kernel.
#[derive(Debug)]
struct Pixels {
    pixels: Arc<SparsePixels>,
    /// The positions of this step's samples.
    batch: Arc<[usize]>,
    /// Which pixels these are.
    words: Range<usize>,
    /// For each of them, the rows of the batch in which it is not 0, and its value.
    nonzero: Vec<Vec<Weighted>>,
    /// Room for their gradient, `[pixels, outputs]`.
    gradient: Tensor,
    /// The error of the layer's outputs with all of its columns.
    padded_error: Tensor,
}

impl Block {
    /// Cuts a first layer's kernel into blocks of pixels, and adds its bias.
    pub(super) fn of_sparse_layer(
        kernel_and_bias: [[Tensor; 2]; 2],
        error: &Tensor,
        all: &Arc<SparsePixels>,
        rule: RmsProp,
    ) -> Result<Vec<Self>> {
        let outputs = kernel_and_bias[0][1].numel() as i64;
        let pixels = |start: i64, count: i64| {
            Ok(Inputs::Pixels(Pixels {
                pixels: all.clone(),
                batch: Arc::default(),
                words: start as usize / WORD..((start + count) as usize).div_ceil(WORD),
                nonzero: vec![Vec::new(); count as usize],
                gradient: Tensor::f_zeros([count, outputs], (Kind::Float, Device::Cpu))?,
                padded_error: error.shallow_clone(),
            }))
        };
        Self::cut(kernel_and_bias, error, WORD as i64, rule, pixels)
    }

    /// Cuts a kernel into blocks of whole rows, and adds its bias. `inputs` are the outputs of the layer before, or all
    /// pixels.
    pub(super) fn of_layer(
        kernel_and_bias: [[Tensor; 2]; 2],
        error: &Tensor,
        inputs: &Tensor,
        rule: RmsProp,
    ) -> Result<Vec<Self>> {
        let kernel = &kernel_and_bias[0][0];
        let rows = kernel.size()[0];
        let at_once = rows / (kernel.numel() as i64 / PARAMETERS).clamp(1, rows);
        let outputs = |start, count| Ok(Inputs::Outputs(inputs.f_narrow(1, start, count)?));
        Self::cut(kernel_and_bias, error, at_once, rule, outputs)
    }

    fn cut(
        [[kernel, bias], [kernel_averages, bias_averages]]: [[Tensor; 2]; 2],
        error: &Tensor,
        at_once: i64,
        rule: RmsProp,
        inputs: impl Fn(i64, i64) -> Result<Inputs>,
    ) -> Result<Vec<Self>> {
        let error = error.f_narrow(1, 0, bias.numel() as i64)?;
        let block = |inputs, parameters, averages| {
            let error = error.shallow_clone();
            Self { inputs, error, parameters, averages, rule, learning_rate: 0.0 }
        };
        let mut blocks = Vec::new();
        let rows = kernel.size()[0];
        for start in (0..rows).step_by(at_once as usize) {
            let count = at_once.min(rows - start);
            let part = |tensor: &Tensor| tensor.f_narrow(0, start, count);
            blocks.push(block(inputs(start, count)?, part(&kernel)?, part(&kernel_averages)?));
        }
        blocks.push(block(Inputs::One, bias, bias_averages));
        Ok(blocks)
    }

    pub(super) fn set_batch(&mut self, batch: &Arc<[usize]>, learning_rate: f64) {
        self.learning_rate = learning_rate;
        if let Inputs::Pixels(pixels) = &mut self.inputs {
            pixels.batch = batch.clone();
        }
    }

    pub(super) fn run(&mut self) -> Result<()> {
        let Self { inputs, error, parameters, averages, rule, learning_rate } = self;
        let gradient = match inputs {
            Inputs::Pixels(pixels) => {
                pixels.compute_gradient()?;
                let is_used = pixels.nonzero.iter().map(|nonzero| !nonzero.is_empty());
                return update_rows(*rule, parameters, averages, &pixels.gradient, *learning_rate, is_used);
            }
            Inputs::Outputs(outputs) => outputs.tr().f_mm(error)?,
            Inputs::One => error.f_sum_dim_intlist(0, false, Kind::Float)?,
        };
        update(*rule, parameters, averages, &gradient, *learning_rate)
    }
}

impl Pixels {
    /// Computes the gradient of each pixel's row: the errors of the samples in which it is not 0.
    fn compute_gradient(&mut self) -> Result<()> {
        self.nonzero.iter_mut().for_each(Vec::clear);
        let first = self.words.start * WORD;
        for (row, &sample) in self.batch.iter().enumerate() {
            let note = |pixel: usize, value| self.nonzero[pixel - first].push((row as u32, value));
            self.pixels.each_pixel(sample, self.words.clone(), note);
        }
        sum_rows(&mut self.gradient, None, &self.nonzero, &self.padded_error)
    }
}
