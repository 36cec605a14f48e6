//! The training step of a plain MLP in main memory, written out: forward, backward and update without autograd.
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
//! A step has two stages, between which the threads meet. First every thread takes a share of the batch forward and back
//! through all layers (`share.rs`). Then the threads take blocks of parameters: a block's gradient is computed and applied
//! at once (`block.rs`). Which thread takes which share or block changes no bit. Where most pixels are blank, the first layer
//! goes through the others alone (`sparse.rs`). Validation takes the first stage's way forward.

mod block;
mod samples;
mod share;
mod sparse;
mod threads;

use std::sync::{Arc, Mutex};

use tch::{Device, Kind, Tensor};

use super::{Scores, interrupt};
use crate::{Error, Result, data::Samples, optimizer::RmsProp};
use block::Block;
pub(super) use samples::takes_blank_pixels;
use samples::{FastSamples, Pixels};
use share::{BatchInputs, Buffers, Share};
use threads::{Jobs, Threads, lock};

/// Columns behind an error's rows that only keep the rows apart.
const GAP: i64 = 16;

/// How many validation samples go through the network at once.
const VALIDATION_BATCH: usize = 1_024;

/// Steps of a plain MLP, with what lasts from step to step.
pub(super) struct FastSteps {
    /// Views of the model's parameters and of the optimizer's averages: kernel and bias of each layer in turn.
    parameters: Vec<Tensor>,
    averages: Vec<Tensor>,
    rule: RmsProp,
    threads: Threads,
    samples: FastSamples,
    work: Work,
    validation: Option<(FastSamples, Work)>,
}

/// How the work on batches of one size is divided; validation has no blocks.
#[derive(Debug, Default)]
struct Work {
    batch_size: usize,
    shares: Jobs<Share>,
    blocks: Jobs<Block>,
}

impl FastSteps {
    /// # Errors
    /// [`Error::Mismatch`] when network and samples do not fit.
    pub(super) fn new(parameters: &[Tensor], samples: &Samples, rule: RmsProp, squares: &[Tensor]) -> Result<Self> {
        let takes_blank_pixels = takes_blank_pixels(samples)?;
        Ok(Self {
            samples: FastSamples::new(samples, parameters, takes_blank_pixels)?,
            parameters: parameters.iter().map(Tensor::detach).collect(),
            averages: squares.iter().map(Tensor::shallow_clone).collect(),
            rule,
            threads: Threads::start()?,
            work: Work::default(),
            validation: None,
        })
    }

    /// # Errors
    /// As [`FastSteps::new`].
    pub(super) fn set_validation(&mut self, samples: &Samples) -> Result<()> {
        let takes_blank_pixels = matches!(self.samples.pixels, Pixels::Dense(_));
        let samples = FastSamples::new(samples, &self.parameters, takes_blank_pixels)?;
        self.validation = Some((samples, Work::default()));
        Ok(())
    }

    /// One step on the samples at these positions: their mean loss, in nats, and how many were predicted right.
    pub(super) fn step(&mut self, positions: &Tensor, learning_rate: f64) -> Result<(f64, i64)> {
        let batch = self.checked(positions)?;
        if self.work.batch_size != batch.len() {
            self.work = self.divide(batch.len())?;
        }
        let Work { shares, blocks, .. } = &self.work;
        shares.iter().for_each(|share| lock(share).set_batch(&batch));
        blocks.iter().for_each(|block| lock(block).set_batch(&batch, learning_rate));
        self.threads.work_in_two_stages(shares, Share::run, blocks, Block::run)?;
        let (loss, correct) = sums(shares);
        Ok((loss / batch.len() as f64, correct))
    }

    /// The scores of the validation samples, where there are any.
    pub(super) fn validate(&mut self) -> Result<Option<Scores>> {
        let Some((samples, mut work)) = self.validation.take() else { return Ok(None) };
        let scores = self.evaluate(&samples, &mut work);
        self.validation = Some((samples, work));
        scores.map(Some)
    }

    fn evaluate(&mut self, samples: &FastSamples, work: &mut Work) -> Result<Scores> {
        let count = samples.labels.len();
        let (mut loss, mut correct) = (0.0, 0);
        for start in (0..count).step_by(VALIDATION_BATCH) {
            interrupt::check()?;
            let batch: Arc<[usize]> = (start..count.min(start + VALIDATION_BATCH)).collect();
            if work.batch_size != batch.len() {
                let shares = self.shares(samples, &self.buffers(samples, batch.len())?)?;
                *work = Work { batch_size: batch.len(), shares, ..Work::default() };
            }
            work.shares.iter().for_each(|share| lock(share).set_batch(&batch));
            self.threads.work_in_two_stages(&work.shares, Share::evaluate, &work.blocks, Block::run)?;
            let (batch_loss, batch_correct) = sums(&work.shares);
            loss += batch_loss;
            correct += batch_correct;
        }
        Ok(Scores { loss: loss / count as f64, accuracy: correct as f64 / count as f64 })
    }

    fn checked(&self, positions: &Tensor) -> Result<Arc<[usize]>> {
        let positions = Vec::<i64>::try_from(positions)?;
        let count = self.samples.labels.len();
        match positions.iter().find(|&&position| position < 0 || position as usize >= count) {
            None => Ok(positions.into_iter().map(|position| position as usize).collect()),
            Some(position) => {
                let expected = format!("0 to {}, the last sample", count - 1);
                Err(Error::Mismatch { what: "positions", found: position.to_string(), expected })
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
        Ok(Work { batch_size, shares: self.shares(&self.samples, &buffers)?, blocks })
    }

    fn buffers(&self, samples: &FastSamples, batch_size: usize) -> Result<Buffers> {
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

    fn shares(&self, samples: &FastSamples, buffers: &Buffers) -> Result<Jobs<Share>> {
        let batch_size = buffers.outputs[0].size()[0] as usize;
        let rows = batch_size.div_ceil(self.threads.count()).clamp(*share::SAMPLES.start(), *share::SAMPLES.end());
        let share = |start| {
            let rows = start..batch_size.min(start + rows);
            Share::new(&self.parameters, &samples.labels, buffers, rows).map(Mutex::new)
        };
        (0..batch_size).step_by(rows).map(share).collect()
    }
}

/// The summed loss of all shares, in nats, and how many samples were predicted right.
fn sums(shares: &Jobs<Share>) -> (f64, i64) {
    shares.iter().map(lock).fold((0.0, 0), |(loss, correct), share| (loss + share.loss, correct + share.correct))
}
