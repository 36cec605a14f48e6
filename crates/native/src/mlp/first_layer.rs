//! A first layer that leaves out blank pixels. It has most of a network's weights, and is cut into columns: a thread
//! begins with the same columns in every step, so that their weights stay in its core's cache.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
};

use tch::Tensor;

use super::{
    Batch, Buffers, Parameters,
    sparse::{Nonzero, STRIP, Shared, SparsePixels, read, write},
};
use crate::{
    Result, RmsProp,
    simd::Columns,
    sparse_product::{LANES, TILE, sum_rows, update_rows},
    threads::{Jobs, lock},
};

/// The layer's work on batches of one size.
#[derive(Debug, Default)]
pub(super) struct FirstLayer {
    pub(super) columns: Jobs<ColumnBlock>,
    pub(super) strips: Jobs<PixelStrip>,
}

/// Some columns of the layer's kernel.
#[derive(Debug)]
pub(super) struct ColumnBlock {
    columns: Range<usize>,
    kernel: Tensor,
    averages: Tensor,
    bias: Tensor,
    pixels: Arc<SparsePixels>,
    batch: Batch,
    outputs: Tensor,
    errors: Tensor,
    is_hidden: bool,
    /// For each strip, the samples in which its pixels are not 0.
    strips: Vec<Shared<Nonzero>>,
    rule: RmsProp,
    learning_rate: f64,
}

/// The samples of a batch in which some pixels are not 0.
#[derive(Debug)]
pub(super) struct PixelStrip {
    number: usize,
    pixels: Arc<SparsePixels>,
    batch: Batch,
    samples: Shared<Nonzero>,
}

impl FirstLayer {
    /// Cuts the layer of these parameters, the first of a network.
    pub(super) fn new(
        pixels: &Arc<SparsePixels>,
        parameters: &Parameters,
        buffers: &Buffers,
        rule: RmsProp,
        threads: usize,
    ) -> Self {
        let [pixel_count, outputs] = [0, 1].map(|dimension| parameters.kernels[0].size()[dimension] as usize);
        let strip = |number| {
            let (pixels, batch, samples) = (pixels.clone(), Batch::default(), Shared::default());
            PixelStrip { number, pixels, batch, samples }
        };
        let strips: Vec<_> = (0..pixel_count.div_ceil(STRIP)).map(strip).collect();
        let samples: Vec<_> = strips.iter().map(|strip| strip.samples.clone()).collect();
        // A narrow layer has blocks for all threads, too.
        let width = outputs.div_ceil(threads).next_multiple_of(LANES).min(TILE);
        let block = |start| {
            Mutex::new(ColumnBlock {
                columns: start..outputs.min(start + width),
                kernel: parameters.kernels[0].shallow_clone(),
                averages: parameters.kernel_averages[0].shallow_clone(),
                bias: parameters.biases[0].shallow_clone(),
                pixels: pixels.clone(),
                batch: Batch::default(),
                outputs: buffers.outputs[0].shallow_clone(),
                errors: buffers.errors[0].shallow_clone(),
                is_hidden: parameters.kernels.len() > 1,
                strips: samples.clone(),
                rule,
                learning_rate: 0.0,
            })
        };
        let columns = (0..outputs).step_by(width).map(block).collect();
        Self { columns, strips: strips.into_iter().map(Mutex::new).collect() }
    }

    pub(super) fn set_batch(&self, batch: &Batch, learning_rate: f64) {
        for columns in &*self.columns {
            let mut columns = lock(columns);
            columns.batch = batch.clone();
            columns.learning_rate = learning_rate;
        }
        self.strips.iter().for_each(|strip| lock(strip).batch = batch.clone());
    }
}

impl ColumnBlock {
    /// Computes these outputs for all samples of the batch.
    pub(super) fn forward(&mut self) -> Result<()> {
        let parts = self.pixels.parts(&self.batch);
        // SAFETY: each block has its own columns of the outputs, which nobody reads in this stage, and nobody writes to
        // parameters.
        let mut outputs = unsafe { Columns::of(&mut self.outputs, self.columns.clone()) }?;
        unsafe { sum_rows(&mut outputs, &self.bias, &parts, &self.kernel, self.columns.start) }?;
        if self.is_hidden {
            // What is not a number stays, as in libtorch's ReLU.
            let rectify = |output: &mut f32| *output = if *output < 0.0 { 0.0 } else { *output };
            (0..self.batch.len()).for_each(|row| outputs.row(row).iter_mut().for_each(rectify));
        }
        Ok(())
    }

    /// Updates these columns.
    pub(super) fn update(&mut self) -> Result<()> {
        let strips: Vec<_> = self.strips.iter().map(read).collect();
        let rows: Vec<_> = strips.iter().flat_map(|strip| strip.rows()).collect();
        // SAFETY: each block has its own columns, which nobody else reads in this stage, and nobody writes to errors.
        let [mut kernel, mut averages] = unsafe {
            let columns = |tensor| Columns::of(tensor, self.columns.clone());
            [columns(&mut self.kernel)?, columns(&mut self.averages)?]
        };
        let [kernel, averages] = [&mut kernel, &mut averages];
        let start = self.columns.start;
        unsafe { update_rows(self.rule, [kernel, averages], &rows, &self.errors, start, self.learning_rate) }
    }
}

impl PixelStrip {
    /// Finds the samples.
    pub(super) fn find(&mut self) -> Result<()> {
        let Self { number, pixels, batch, samples } = self;
        let first = STRIP * *number;
        let columns = first..pixels.count.min(first + STRIP);
        let rows = batch.iter().map(|&sample| pixels.part(sample, *number..*number + 1));
        write(samples).set_transposed(columns, rows);
        Ok(())
    }
}
