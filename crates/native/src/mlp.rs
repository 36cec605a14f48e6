//! The training step of a multi-layer perceptron in main memory, written out: forward, backward and RMSprop's update
//! without autograd. Dense layers with ReLU between them; the loss is the mean cross-entropy.
//!
//! With the inputs A of a layer, its kernel W and bias b, the textbook's lines are
//!
//! | | |
//! | --- | --- |
//! | forward | Z = A W + b, and the next layer's inputs are max(Z, 0) |
//! | the error of the logits | δ = (softmax(Z) − one-hot labels) / batch size |
//! | the error before a layer | δ Wᵀ, where the layer's inputs are above 0 |
//! | gradients | ∂W = Aᵀ δ, and ∂b = the sum of δ over the batch |
//!
//! A step has two stages, between which the threads meet. First every thread takes a slice of the batch forward and
//! back through all layers (`batch_slice.rs`). Then the threads take blocks of parameters: a block's gradient is
//! computed and applied at once (`block.rs`). Which thread takes which slice or block changes no bit. Where most pixels
//! are blank, the first layer goes through the others alone (`sparse.rs`). Validation takes the first stage's way
//! forward.

mod batch_slice;
mod block;
mod samples;
mod sparse;

use std::sync::{Arc, Mutex};

use tch::{Device, Kind, Tensor};

use crate::{
    Error, Result, RmsProp, simd,
    threads::{Jobs, Threads, lock},
};
use batch_slice::{BatchInputs, BatchSlice, Buffers};
use block::Block;
use samples::{CheckedSamples, Pixels};
pub use samples::{Labelled, uses_dense_input};

/// Columns behind an error's rows that only keep the rows apart.
const GAP: i64 = 16;

/// How many validation samples go through the network at once.
const VALIDATION_BATCH: usize = 1_024;

/// Steps of a multi-layer perceptron, with what lasts from step to step.
pub struct MlpStep {
    /// Views of the model's parameters and of the optimizer's averages: kernel and bias of each layer in turn.
    parameters: Vec<Tensor>,
    averages: Vec<Tensor>,
    rule: RmsProp,
    threads: Threads,
    samples: CheckedSamples,
    work: Work,
    validation: Option<(CheckedSamples, Work)>,
}

/// How the work on batches of one size is divided; validation has no blocks.
#[derive(Debug, Default)]
struct Work {
    batch_size: usize,
    slices: Jobs<BatchSlice>,
    blocks: Jobs<Block>,
}

impl MlpStep {
    /// Prepares steps: `parameters` are kernel `[inputs, outputs]` and bias `[outputs]` of each layer in turn,
    /// `squares` RMSprop's running averages of the same shapes; steps change both in place.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the tensors are not plain, share memory, or do not fit the samples; [`Error::Threads`]
    /// when the system grants none.
    pub fn new(parameters: &[Tensor], squares: &[Tensor], rule: RmsProp, samples: Labelled) -> Result<Self> {
        let parameters: Vec<_> = parameters.iter().map(Tensor::detach).collect();
        let averages: Vec<_> = squares.iter().map(Tensor::shallow_clone).collect();
        // Threads write to them side by side: none may share memory with another.
        simd::check(&parameters.iter().chain(&averages).collect::<Vec<_>>(), &[])?;
        let uses_dense_input = uses_dense_input(samples.inputs)?;
        let samples = CheckedSamples::new(samples, &parameters, uses_dense_input)?;
        let (threads, work) = (Threads::start()?, Work::default());
        Ok(Self { parameters, averages, rule, threads, samples, work, validation: None })
    }

    /// Prepares [`MlpStep::validate`] on these samples.
    ///
    /// # Errors
    /// As [`MlpStep::new`].
    pub fn set_validation(&mut self, samples: Labelled) -> Result<()> {
        let uses_dense_input = matches!(self.samples.pixels, Pixels::Dense(_));
        let samples = CheckedSamples::new(samples, &self.parameters, uses_dense_input)?;
        self.validation = Some((samples, Work::default()));
        Ok(())
    }

    /// Takes one step on the samples at these positions, `[count]` 64-bit integers; returns their mean loss, in nats,
    /// and how many were predicted right, both before the update.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a position that is not there.
    pub fn step(&mut self, positions: &Tensor, learning_rate: f64) -> Result<(f64, i64)> {
        let batch = self.checked(positions)?;
        if self.work.batch_size != batch.len() {
            self.work = self.divide(batch.len())?;
        }
        let Work { slices, blocks, .. } = &self.work;
        slices.iter().for_each(|slice| lock(slice).set_batch(&batch));
        blocks.iter().for_each(|block| lock(block).set_batch(&batch, learning_rate));
        self.threads.work_in_two_stages(slices, BatchSlice::run, blocks, Block::run)?;
        let (loss, correct) = sums(slices);
        Ok((loss / batch.len() as f64, correct))
    }

    /// Returns the mean loss of the validation samples, in nats, and their accuracy, where there are any. `is_stopped`
    /// is asked between batches.
    ///
    /// # Errors
    /// [`Error::Stopped`] when `is_stopped` says so.
    pub fn validate(&mut self, is_stopped: &dyn Fn() -> bool) -> Result<Option<[f64; 2]>> {
        let Some((samples, mut work)) = self.validation.take() else { return Ok(None) };
        let scores = self.evaluate(&samples, &mut work, is_stopped);
        self.validation = Some((samples, work));
        scores.map(Some)
    }

    fn evaluate(
        &mut self,
        samples: &CheckedSamples,
        work: &mut Work,
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<[f64; 2]> {
        let count = samples.labels.len();
        let (mut loss, mut correct) = (0.0, 0);
        for start in (0..count).step_by(VALIDATION_BATCH) {
            if is_stopped() {
                return Err(Error::Stopped);
            }
            let batch: Arc<[usize]> = (start..count.min(start + VALIDATION_BATCH)).collect();
            if work.batch_size != batch.len() {
                let slices = self.slices(samples, &self.buffers(samples, batch.len())?)?;
                *work = Work { batch_size: batch.len(), slices, ..Work::default() };
            }
            work.slices.iter().for_each(|slice| lock(slice).set_batch(&batch));
            self.threads.work_in_two_stages(&work.slices, BatchSlice::evaluate, &work.blocks, Block::run)?;
            let (batch_loss, batch_correct) = sums(&work.slices);
            loss += batch_loss;
            correct += batch_correct;
        }
        Ok([loss / count as f64, correct as f64 / count as f64])
    }

    fn checked(&self, positions: &Tensor) -> Result<Arc<[usize]>> {
        let positions = Vec::<i64>::try_from(positions)?;
        let count = self.samples.labels.len();
        match positions.iter().find(|&&position| position < 0 || position as usize >= count) {
            None => Ok(positions.into_iter().map(|position| position as usize).collect()),
            Some(position) => {
                Err(Error::mismatch("positions", position, format!("0 to {}, the last sample", count - 1)))
            }
        }
    }

    /// Divides the work on batches of this size.
    fn divide(&self, batch_size: usize) -> Result<Work> {
        let buffers = self.buffers(&self.samples, batch_size)?;
        let mut blocks = Vec::new();
        for (layer, error) in buffers.errors.iter().enumerate() {
            let pair = |tensors: &[Tensor]| [0, 1].map(|part| tensors[2 * layer + part].shallow_clone());
            let kernel_and_bias = [pair(&self.parameters), pair(&self.averages)];
            let inputs = match (layer.checked_sub(1), &buffers.inputs) {
                (Some(before), _) => &buffers.outputs[before],
                (None, BatchInputs::Dense { batch, .. }) => batch,
                (None, BatchInputs::Sparse(pixels)) => {
                    blocks.extend(Block::of_sparse_layer(kernel_and_bias, error, pixels, self.rule)?);
                    continue;
                }
            };
            blocks.extend(Block::of_layer(kernel_and_bias, error, inputs, self.rule)?);
        }
        let blocks = blocks.into_iter().map(Mutex::new).collect();
        Ok(Work { batch_size, slices: self.slices(&self.samples, &buffers)?, blocks })
    }

    fn buffers(&self, samples: &CheckedSamples, batch_size: usize) -> Result<Buffers> {
        let zeros = |columns| Tensor::f_zeros([batch_size as i64, columns], (Kind::Float, Device::Cpu));
        let columns: Vec<_> = self.parameters.iter().skip(1).step_by(2).map(|bias| bias.size()[0]).collect();
        let last = columns.len() - 1;
        // Rows that begin at multiples of a power of two would push each other out of the cache.
        let padded = columns.iter().enumerate().map(|(layer, columns)| columns + if layer < last { GAP } else { 0 });
        let inputs = match &samples.pixels {
            Pixels::Sparse(pixels) => BatchInputs::Sparse(pixels.clone()),
            Pixels::Dense(all) => BatchInputs::Dense { all: all.shallow_clone(), batch: zeros(all.size()[1])? },
        };
        let errors = padded.map(zeros).collect::<Result<_, _>>()?;
        Ok(Buffers { inputs, outputs: columns.into_iter().map(zeros).collect::<Result<_, _>>()?, errors })
    }

    fn slices(&self, samples: &CheckedSamples, buffers: &Buffers) -> Result<Jobs<BatchSlice>> {
        let batch_size = buffers.outputs[0].size()[0] as usize;
        let rows =
            batch_size.div_ceil(self.threads.count()).clamp(*batch_slice::SAMPLES.start(), *batch_slice::SAMPLES.end());
        let slice = |start| {
            let rows = start..batch_size.min(start + rows);
            BatchSlice::new(&self.parameters, &samples.labels, buffers, rows).map(Mutex::new)
        };
        (0..batch_size).step_by(rows).map(slice).collect()
    }
}

/// Returns the summed loss of all slices, in nats, and how many samples were predicted right.
fn sums(slices: &Jobs<BatchSlice>) -> (f64, i64) {
    slices.iter().map(lock).fold((0.0, 0), |(loss, correct), slice| (loss + slice.loss, correct + slice.correct))
}
