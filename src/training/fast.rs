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
//! at once (`block.rs`). Which thread takes which share or block changes no bit. The first layer goes through the pixels
//! that are not blank, and no others (`sparse.rs`).

mod block;
mod share;
mod sparse;
mod threads;

use std::sync::{Arc, Mutex};

use tch::{Device, Kind, Tensor};

use crate::{Error, Result, data::Samples, optimizer::RmsProp};
use block::Block;
use share::Share;
use sparse::SparseInputs;
use threads::{Jobs, Threads, lock};

/// Columns behind an error's rows that only keep the rows apart.
const GAP: i64 = 16;

/// Steps of a plain MLP, with what lasts from step to step.
pub(super) struct FastSteps {
    /// The class of each sample, and its pixels.
    labels: Arc<[usize]>,
    sparse: Arc<SparseInputs>,
    /// Views of the model's parameters and of the optimizer's averages: kernel and bias of each layer in turn.
    parameters: Vec<Tensor>,
    averages: Vec<Tensor>,
    rule: RmsProp,
    threads: Threads,
    work: Work,
}

/// How the work on batches of one size is divided.
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
        samples.check()?;
        let inputs = parameters[0].size()[0];
        let [_, pixels] = samples.inputs.size()[..] else {
            let (found, expected) = (format!("{:?}", samples.inputs.size()), "a row of pixels per sample".into());
            return Err(Error::Mismatch { what: "the size of the inputs", found, expected });
        };
        if pixels != inputs {
            let (found, expected) = (format!("{pixels} per sample"), format!("{inputs}, the network's inputs"));
            return Err(Error::Mismatch { what: "pixels", found, expected });
        }
        let classes = parameters[parameters.len() - 1].size()[0];
        let labels = Vec::<i64>::try_from(&samples.labels)?;
        if let Some(label) = labels.iter().find(|label| !(0..classes).contains(label)) {
            let (found, expected) = (label.to_string(), format!("0 to {}, the network's classes", classes - 1));
            return Err(Error::Mismatch { what: "labels", found, expected });
        }
        Ok(Self {
            sparse: SparseInputs::of(samples)?.into(),
            labels: labels.into_iter().map(|label| label as usize).collect(),
            parameters: parameters.iter().map(Tensor::detach).collect(),
            averages: squares.iter().map(Tensor::shallow_clone).collect(),
            rule,
            threads: Threads::start()?,
            work: Work::default(),
        })
    }

    /// One step on the samples at these positions: their mean loss, in nats, and how many were predicted right.
    pub(super) fn step(&mut self, positions: &Tensor, learning_rate: f64) -> Result<(f64, i64)> {
        let batch = self.checked(positions)?;
        let batch_size = batch.len();
        if self.work.batch_size != batch_size {
            self.work = self.divide(batch_size)?;
        }
        let Work { shares, blocks, .. } = &self.work;
        shares.iter().for_each(|share| lock(share).set_batch(&batch));
        blocks.iter().for_each(|block| lock(block).set_batch(&batch, learning_rate));
        self.threads.work_in_two_stages(shares, Share::run, blocks, Block::run)?;
        let loss = shares.iter().map(|share| lock(share).loss).sum::<f64>() / batch_size as f64;
        Ok((loss, shares.iter().map(|share| lock(share).correct).sum()))
    }

    fn checked(&self, positions: &Tensor) -> Result<Arc<[usize]>> {
        let positions = Vec::<i64>::try_from(positions)?;
        match positions.iter().find(|&&position| position < 0 || position as usize >= self.labels.len()) {
            None => Ok(positions.into_iter().map(|position| position as usize).collect()),
            Some(position) => {
                let expected = format!("0 to {}, the last sample", self.labels.len() - 1);
                Err(Error::Mismatch { what: "positions", found: position.to_string(), expected })
            }
        }
    }

    /// Divides the work on batches of this size.
    fn divide(&self, batch_size: usize) -> Result<Work> {
        let zeros = |columns| Tensor::f_zeros([batch_size as i64, columns], (Kind::Float, Device::Cpu));
        let columns: Vec<_> = self.parameters.iter().skip(1).step_by(2).map(|bias| bias.size()[0]).collect();
        let last = columns.len() - 1;
        // Rows that begin at multiples of a power of two would push each other out of the cache.
        let padded = columns.iter().enumerate().map(|(layer, columns)| columns + if layer < last { GAP } else { 0 });
        let errors = padded.map(zeros).collect::<Result<Vec<_>, _>>()?;
        let outputs = columns.into_iter().map(zeros).collect::<Result<Vec<_>, _>>()?;

        let rows = batch_size.div_ceil(self.threads.count()).clamp(*share::SAMPLES.start(), *share::SAMPLES.end());
        let share = |start| {
            let rows = start..batch_size.min(start + rows);
            Share::new([&self.parameters, &outputs, &errors], self.sparse.clone(), self.labels.clone(), rows)
        };
        let shares = (0..batch_size).step_by(rows).map(|start| share(start).map(Mutex::new));
        let shares = shares.collect::<Result<_>>()?;

        let mut blocks = Vec::new();
        for (layer, error) in errors.iter().enumerate() {
            let pair = |tensors: &[Tensor]| [0, 1].map(|part| tensors[2 * layer + part].shallow_clone());
            let kernel_and_bias = [pair(&self.parameters), pair(&self.averages)];
            blocks.extend(match layer.checked_sub(1) {
                None => Block::of_first_layer(kernel_and_bias, error, &self.sparse, self.rule)?,
                Some(before) => Block::of_layer(kernel_and_bias, error, &outputs[before], self.rule)?,
            });
        }
        let blocks = blocks.into_iter().map(Mutex::new).collect();
        Ok(Work { batch_size, shares, blocks })
    }
}
