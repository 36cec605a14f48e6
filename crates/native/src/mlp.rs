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
//! A step has three stages, between which the threads meet. First they compute the outputs of the first layer, each
//! those of some columns (`first_layer.rs`). Then each takes a slice of the batch forward and back through the other
//! layers (`batch_slice.rs`). At last they take blocks of parameters, whose gradients are applied as soon as they are
//! computed (`block.rs`, and the first layer's columns). Which thread takes which changes no bit. Products leave out
//! what is 0: blank pixels, and hidden units at rest (`sparse.rs`). Where too many pixels are not blank, the slices
//! take the first layer as well. Validation goes forward the same way.

mod batch_slice;
mod block;
mod first_layer;
mod samples;
mod sparse;

use std::sync::{Arc, Mutex};

use tch::{Device, Kind, Tensor};

use crate::{
    Error, Result, RmsProp, simd,
    threads::{Jobs, Threads, list, lock},
};
use batch_slice::BatchSlice;
use block::Block;
use first_layer::{ColumnBlock, FirstLayer, PixelStrip};
use samples::{CheckedSamples, Pixels};
pub use samples::{Labelled, uses_dense_input};

/// The most samples of a step: their places in the batch are numbers of 16 bits.
pub const LARGEST_BATCH: usize = sparse::MOST;

/// How many validation samples go through the network at once.
const VALIDATION_BATCH: usize = 1_024;

/// Steps of a multi-layer perceptron, with what lasts from step to step.
pub struct MlpStep {
    parameters: Parameters,
    rule: RmsProp,
    threads: Threads,
    samples: CheckedSamples,
    work: Work,
    validation: Option<(CheckedSamples, Work)>,
}

/// Views of the model's parameters and of the optimizer's averages, layer by layer.
struct Parameters {
    kernels: Vec<Tensor>,
    biases: Vec<Tensor>,
    kernel_averages: Vec<Tensor>,
    bias_averages: Vec<Tensor>,
}

/// The positions of a step's samples.
type Batch = Arc<[usize]>;

/// How the work on batches of one size is divided; validation has no blocks.
#[derive(Debug, Default)]
struct Work {
    batch_size: usize,
    first_layer: FirstLayer,
    slices: Jobs<BatchSlice>,
    blocks: Jobs<Block>,
}

/// What one stage writes and the next ones read: outputs and errors of each layer, `[batch, outputs]`, and
/// the batch's pixels, `[batch, pixels]`, where the first layer takes all.
struct Buffers {
    inputs: Option<Tensor>,
    outputs: Vec<Tensor>,
    errors: Vec<Tensor>,
}

impl MlpStep {
    /// Prepares steps: `parameters` are kernel `[inputs, outputs]` and bias `[outputs]` of each layer in turn,
    /// `squares` RMSprop's running averages of the same shapes; steps change both in place.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the tensors are not plain, share memory, or do not fit the samples; [`Error::Threads`]
    /// when the system grants none.
    pub fn new(parameters: &[Tensor], squares: &[Tensor], rule: RmsProp, samples: Labelled) -> Result<Self> {
        // Threads write to them side by side: none may share memory with another.
        simd::check(&parameters.iter().chain(squares).collect::<Vec<_>>(), &[])?;
        let uses_dense_input = uses_dense_input(samples.inputs)?;
        let [kernels, biases] = Parameters::views(parameters);
        let [kernel_averages, bias_averages] = Parameters::views(squares);
        let parameters = Parameters { kernels, biases, kernel_averages, bias_averages };
        let samples = CheckedSamples::new(samples, &parameters, uses_dense_input)?;
        let (threads, work) = (Threads::start()?, Work::default());
        Ok(Self { parameters, rule, threads, samples, work, validation: None })
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
    /// [`Error::Mismatch`] for a position that is not there, for none, or for more than [`LARGEST_BATCH`].
    pub fn step(&mut self, positions: &Tensor, learning_rate: f64) -> Result<(f64, i64)> {
        let batch = self.checked(positions)?;
        if self.work.batch_size != batch.len() {
            self.work = self.divide(&self.samples, batch.len(), true)?;
        }
        let Work { first_layer, slices, blocks, .. } = &self.work;
        first_layer.set_batch(&batch, learning_rate);
        slices.iter().for_each(|slice| lock(slice).set_batch(&batch));
        blocks.iter().for_each(|block| lock(block).learning_rate = learning_rate);
        let FirstLayer { columns, strips } = first_layer;
        self.threads.work(vec![
            vec![list(columns, ColumnBlock::forward), list(strips, PixelStrip::find)],
            vec![list(slices, BatchSlice::run)],
            vec![list(columns, ColumnBlock::update), list(blocks, Block::run)],
        ])?;
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
            let batch: Batch = (start..count.min(start + VALIDATION_BATCH)).collect();
            if work.batch_size != batch.len() {
                *work = self.divide(samples, batch.len(), false)?;
            }
            work.first_layer.set_batch(&batch, 0.0);
            work.slices.iter().for_each(|slice| lock(slice).set_batch(&batch));
            self.threads.work(vec![
                vec![list(&work.first_layer.columns, ColumnBlock::forward)],
                vec![list(&work.slices, BatchSlice::evaluate)],
            ])?;
            let (batch_loss, batch_correct) = sums(&work.slices);
            loss += batch_loss;
            correct += batch_correct;
        }
        Ok([loss / count as f64, correct as f64 / count as f64])
    }

    fn checked(&self, positions: &Tensor) -> Result<Batch> {
        let positions = Vec::<i64>::try_from(positions)?;
        if !(1..=LARGEST_BATCH).contains(&positions.len()) {
            return Err(Error::mismatch("the batch", positions.len(), format!("1 to {LARGEST_BATCH} samples")));
        }
        let count = self.samples.labels.len();
        match positions.iter().find(|&&position| position < 0 || position as usize >= count) {
            None => Ok(positions.into_iter().map(|position| position as usize).collect()),
            Some(position) => {
                Err(Error::mismatch("positions", position, format!("0 to {}, the last sample", count - 1)))
            }
        }
    }

    /// Divides the work on batches of this size, which may end in an update.
    fn divide(&self, samples: &CheckedSamples, batch_size: usize, has_update: bool) -> Result<Work> {
        let Self { parameters, rule, threads, .. } = self;
        let buffers = Buffers::new(parameters, samples, batch_size)?;
        let rows =
            batch_size.div_ceil(threads.count()).clamp(*batch_slice::SAMPLES.start(), *batch_slice::SAMPLES.end());
        let slice = |start| BatchSlice::new(parameters, samples, &buffers, start..batch_size.min(start + rows));
        let slices: Vec<_> = (0..batch_size).step_by(rows).map(slice).collect::<Result<_>>()?;
        let first_layer = match &samples.pixels {
            Pixels::Sparse(pixels) => FirstLayer::new(pixels, parameters, &buffers, *rule, threads.count()),
            Pixels::Dense(_) => FirstLayer::default(),
        };
        let blocks = if has_update { self.blocks(&buffers, &slices)? } else { Vec::new() };
        let blocks = blocks.into_iter().map(Mutex::new).collect();
        Ok(Work { batch_size, first_layer, slices: slices.into_iter().map(Mutex::new).collect(), blocks })
    }

    fn blocks(&self, buffers: &Buffers, slices: &[BatchSlice]) -> Result<Vec<Block>> {
        let Self { parameters, rule, .. } = self;
        let mut blocks = Vec::new();
        for layer in 0..parameters.kernels.len() {
            let inputs = if layer == 0 { buffers.inputs.as_ref() } else { Some(&buffers.outputs[layer - 1]) };
            if let Some(inputs) = inputs {
                let nonzero: Vec<_> = slices.iter().filter_map(|slice| slice.nonzero_inputs(layer)).cloned().collect();
                blocks.extend(Block::of_kernel(layer, parameters, buffers, inputs, &nonzero, *rule)?);
            }
            blocks.push(Block::of_bias(layer, parameters, buffers, *rule));
        }
        Ok(blocks)
    }
}

impl Parameters {
    /// Returns views of kernels and biases.
    fn views(in_turn: &[Tensor]) -> [Vec<Tensor>; 2] {
        [0, 1].map(|first| in_turn.iter().skip(first).step_by(2).map(Tensor::detach).collect())
    }
}

impl Buffers {
    fn new(parameters: &Parameters, samples: &CheckedSamples, batch_size: usize) -> Result<Self> {
        let zeros = |columns| Tensor::f_zeros([batch_size as i64, columns], (Kind::Float, Device::Cpu));
        let columns: Vec<_> = parameters.biases.iter().map(|bias| bias.size()[0]).collect();
        let inputs = match &samples.pixels {
            Pixels::Sparse(_) => None,
            Pixels::Dense(all) => Some(zeros(all.size()[1])?),
        };
        let all = || columns.iter().copied().map(zeros).collect::<Result<_, _>>();
        Ok(Self { inputs, outputs: all()?, errors: all()? })
    }
}

/// Returns the summed loss of all slices, in nats, and how many samples were predicted right.
fn sums(slices: &Jobs<BatchSlice>) -> (f64, i64) {
    slices.iter().map(lock).fold((0.0, 0), |(loss, correct), slice| (loss + slice.loss, correct + slice.correct))
}
