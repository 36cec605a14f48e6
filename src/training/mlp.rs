//! The training step of a plain MLP on the processor, written out: forward, backward and update without autograd.
//!
//! With the inputs A of a layer, its kernel W and bias b, the textbook's lines are
//!
//! | | |
//! | --- | --- |
//! | forward | Z = A W + b, and the next layer's inputs are max(Z, 0) |
//! | the error of the logits | δ = (softmax(Z) − one-hot labels) / digits |
//! | the error before a layer | δ Wᵀ, where the layer's inputs are above 0 |
//! | gradients | ∂W = Aᵀ δ, and ∂b = the sum of δ over the digits |
//!
//! A step has two stages, with one meeting of the threads after each. First every thread takes a share of the digits
//! forward and back through all layers. Then the threads take blocks of weights: a block's gradient is computed and
//! applied at once, while it lies in the cache. Who takes which block changes no number.
//!
//! A pixel that is blank in all digits of a batch has no gradient, so the product Aᵀ δ leaves it out: in MNIST, a third
//! of the pixels in 128 digits.

use std::{
    iter,
    ops::{Range, RangeInclusive},
};

use tch::{Device, Kind, Tensor};

use super::{step::Measured, threads::Threads};
use crate::{
    Error, Result,
    data::Samples,
    optimizer::{RmsProp, RmsPropState, floats},
};

/// Weights per block: with its gradient and averages, a block fits into a core's cache.
const BLOCK: usize = 1 << 16;
/// Digits per share: products with fewer rows are slow, more do not fit into the cache.
const SHARE: RangeInclusive<usize> = 16..=512;

/// Steps of a plain MLP, with what lasts from step to step.
#[derive(Debug)]
pub(super) struct MlpSteps {
    samples: Samples,
    /// Views of the model's weights and of the optimizer's averages: kernel and bias of each layer in turn.
    weights: Vec<Tensor>,
    averages: Vec<Tensor>,
    optimizer: RmsProp,
    threads: Threads,
    plan: Plan,
}

/// Who does what for batches of one size.
#[derive(Debug, Default)]
struct Plan {
    digits: usize,
    shares: Vec<Share>,
    blocks: Vec<Block>,
}

/// Some of a batch's digits on their way through the layers.
#[derive(Debug)]
struct Share {
    samples: Samples,
    weights: Vec<Tensor>,
    positions: Tensor,
    /// The inputs of each layer, then the logits: `[digits of the share, …]`.
    activations: Vec<Tensor>,
    /// Of each layer's outputs, before the ReLU.
    errors: Vec<Tensor>,
    /// Digits in the whole batch.
    batch: usize,
    /// Whether each pixel has ink in any digit of the share.
    inked: Vec<bool>,
    loss: f64,
    correct: i64,
}

/// Some rows of a kernel, or a bias, which is a row that always meets a 1.
#[derive(Debug)]
struct Block {
    layer: usize,
    rows: Range<usize>,
    /// What the rows meet, `[batch, rows]`; nothing for a bias.
    inputs: Option<Tensor>,
    /// Which rows meet anything but zeros, counted from the block's first.
    used: Vec<i64>,
    /// The error of the layer's outputs, `[batch, outputs]`.
    error: Tensor,
    weights: Tensor,
    averages: Tensor,
    optimizer: RmsProp,
}

impl MlpSteps {
    /// # Errors
    /// [`Error::Mismatch`] when network and digits do not fit.
    pub(super) fn new(parameters: &[Tensor], samples: &Samples, optimizer: &RmsPropState) -> Result<Self> {
        let (pixels, inputs) = (samples.inputs.size()[1], parameters[0].size()[0]);
        if pixels != inputs {
            let (found, expected) = (format!("{pixels} per digit"), format!("{inputs}, the network's inputs"));
            return Err(Error::Mismatch { what: "pixels", found, expected });
        }
        let classes = parameters[parameters.len() - 1].size()[0];
        for label in [samples.labels.f_min()?, samples.labels.f_max()?].map(|label| label.int64_value(&[])) {
            if !(0..classes).contains(&label) {
                let (found, expected) = (label.to_string(), format!("0 to {}, the network's classes", classes - 1));
                return Err(Error::Mismatch { what: "labels", found, expected });
            }
        }
        Ok(Self {
            samples: samples.shallow_clone(),
            weights: parameters.iter().map(Tensor::detach).collect(),
            averages: shared(optimizer.averages()),
            optimizer: optimizer.settings(),
            threads: Threads::start()?,
            plan: Plan::default(),
        })
    }

    pub(super) fn step(&mut self, positions: &Tensor) -> Result<Measured> {
        let digits = positions.numel();
        if self.plan.digits != digits {
            self.plan = self.plan(digits)?;
        }
        let Plan { shares, blocks, .. } = &mut self.plan;
        let rows = share_of(digits, self.threads.count());
        for (share, positions) in shares.iter_mut().zip(positions.f_split(rows as i64, 0)?) {
            share.positions = positions;
        }
        self.threads.work_through(shares, Share::run)?;
        for block in blocks.iter_mut().filter(|block| block.layer == 0 && block.inputs.is_some()) {
            let inked = |row: &usize| shares.iter().any(|share| share.inked[*row]);
            block.used = block.rows.clone().filter(inked).map(|row| (row - block.rows.start) as i64).collect();
        }
        self.threads.work_through(blocks, Block::run)?;
        let loss = shares.iter().map(|share| share.loss).sum::<f64>() / digits as f64;
        let correct = shares.iter().map(|share| share.correct).sum::<i64>();
        Ok(Measured { digits, loss: loss.into(), correct: correct.into() })
    }

    /// Shares the work on this many digits out.
    fn plan(&self, digits: usize) -> Result<Plan> {
        let batch = |columns| Tensor::f_zeros([digits as i64, columns], (Kind::Float, Device::Cpu));
        let outputs = self.weights.iter().step_by(2).map(|kernel| kernel.size()[1]);
        let errors = outputs.map(batch).collect::<Result<Vec<_>, _>>()?;
        let inputs = batch(self.weights[0].size()[0])?;
        let activations: Vec<_> = iter::once(inputs).chain(errors.iter().map(Tensor::zeros_like)).collect();

        let rows = share_of(digits, self.threads.count());
        let share = |start| Share::new(self, start..digits.min(start + rows), &activations, &errors);
        let shares = (0..digits).step_by(rows).map(share).collect::<Result<_>>()?;
        let mut blocks = Vec::new();
        for (layer, (inputs, error)) in activations.iter().zip(&errors).enumerate() {
            blocks.extend(self.blocks(layer, inputs, error)?);
        }
        Ok(Plan { digits, shares, blocks })
    }

    /// Cuts a layer's kernel into blocks of whole rows, and adds its bias.
    fn blocks(&self, layer: usize, inputs: &Tensor, error: &Tensor) -> Result<Vec<Block>> {
        let block = |index: usize, rows: Range<usize>, inputs| -> Result<Block> {
            let part = |tensor: &Tensor| tensor.f_narrow(0, rows.start as i64, rows.len() as i64);
            Ok(Block {
                layer,
                inputs,
                used: (0..rows.len() as i64).collect(),
                error: error.shallow_clone(),
                weights: part(&self.weights[index])?,
                averages: part(&self.averages[index])?,
                optimizer: self.optimizer,
                rows,
            })
        };
        let kernel = &self.weights[2 * layer];
        let all = kernel.size()[0] as usize;
        let rows = all.div_ceil((kernel.numel() / BLOCK).max(1));
        let mut blocks = Vec::new();
        for start in (0..all).step_by(rows) {
            let rows = start..all.min(start + rows);
            let inputs = inputs.f_narrow(1, start as i64, rows.len() as i64)?;
            blocks.push(block(2 * layer, rows, Some(inputs))?);
        }
        let outputs = kernel.size()[1] as usize;
        blocks.push(Block { used: vec![0], ..block(2 * layer + 1, 0..outputs, None)? });
        Ok(blocks)
    }
}

impl Share {
    fn new(steps: &MlpSteps, digits: Range<usize>, activations: &[Tensor], errors: &[Tensor]) -> Result<Self> {
        let part = |tensor: &Tensor| tensor.f_narrow(0, digits.start as i64, digits.len() as i64);
        Ok(Self {
            samples: steps.samples.shallow_clone(),
            weights: shared(&steps.weights),
            positions: Tensor::new(),
            activations: activations.iter().map(part).collect::<Result<_, _>>()?,
            errors: errors.iter().map(part).collect::<Result<_, _>>()?,
            batch: activations[0].size()[0] as usize,
            inked: Vec::new(),
            loss: 0.0,
            correct: 0,
        })
    }

    fn run(&mut self) -> Result<()> {
        self.forward()?;
        self.compare()?;
        self.backward()
    }

    fn forward(&mut self) -> Result<()> {
        let _ = self.samples.inputs.f_index_select_out(&self.activations[0], 0, &self.positions)?;
        let pixels = self.activations[0].size()[1] as usize;
        self.inked = vec![false; pixels];
        for row in floats(&mut self.activations[0])?.chunks(pixels) {
            self.inked.iter_mut().zip(row).for_each(|(inked, &pixel)| *inked |= pixel != 0.0);
        }
        let last = self.errors.len();
        for (layer, weights) in self.weights.chunks(2).enumerate() {
            let [kernel, bias] = [&weights[0], &weights[1]];
            let _ = bias.f_addmm_out(&self.activations[layer + 1], &self.activations[layer], kernel)?;
            if layer + 1 < last {
                let _ = self.activations[layer + 1].f_relu_()?;
            }
        }
        Ok(())
    }

    /// Compares the logits with the labels: the loss, how many are right, and the error.
    fn compare(&mut self) -> Result<()> {
        let labels = Vec::<i64>::try_from(&self.samples.labels.f_index_select(0, &self.positions)?)?;
        let last = self.errors.len() - 1;
        let classes = self.errors[last].size()[1] as usize;
        let logits = floats(&mut self.activations[last + 1])?.chunks(classes);
        let errors = floats(&mut self.errors[last])?.chunks_mut(classes);
        (self.loss, self.correct) = (0.0, 0);
        for ((logits, errors), label) in logits.zip(errors).zip(labels) {
            let label = label as usize;
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            // Less the largest logit, so that no power overflows.
            errors.iter_mut().zip(logits).for_each(|(error, logit)| *error = (logit - largest).exp());
            let sum: f32 = errors.iter().sum();
            self.loss += f64::from(sum.ln() - (logits[label] - largest));
            self.correct += i64::from(logits.iter().position(|&logit| logit == largest) == Some(label));
            errors.iter_mut().for_each(|error| *error /= sum * self.batch as f32);
            errors[label] -= 1.0 / self.batch as f32;
        }
        Ok(())
    }

    fn backward(&mut self) -> Result<()> {
        for layer in (1..self.errors.len()).rev() {
            let (before, after) = self.errors.split_at_mut(layer);
            let error = &mut before[layer - 1];
            let _ = after[0].f_mm_out(error, &self.weights[2 * layer].tr())?;
            // The sign of what comes out of a ReLU is its slope: 1 or 0.
            let _ = error.f_mul_(&self.activations[layer].f_sign()?)?;
        }
        Ok(())
    }
}

impl Block {
    fn run(&mut self) -> Result<()> {
        let mut gradient = match &self.inputs {
            None => self.error.f_sum_dim_intlist(0, false, Kind::Float)?,
            Some(inputs) if self.used.len() == self.rows.len() => inputs.tr().f_mm(&self.error)?,
            Some(inputs) => inputs.f_index_select(1, &Tensor::f_from_slice(&self.used)?)?.tr().f_mm(&self.error)?,
        };
        let outputs = self.error.size()[1] as usize;
        let mut gradients = self.used.iter().zip(floats(&mut gradient)?.chunks(outputs)).peekable();
        let blank = vec![0.0; outputs];
        let weights = floats(&mut self.weights)?.chunks_mut(outputs);
        let averages = floats(&mut self.averages)?.chunks_mut(outputs);
        for (row, (weights, averages)) in weights.zip(averages).enumerate() {
            let gradient =
                gradients.next_if(|(used, _)| **used == row as i64).map_or(&*blank, |(_, gradient)| gradient);
            self.optimizer.pass(weights, averages, gradient);
        }
        Ok(())
    }
}

/// How many of a batch's digits make a share.
fn share_of(digits: usize, threads: usize) -> usize {
    digits.div_ceil(threads).clamp(*SHARE.start(), *SHARE.end())
}

fn shared(tensors: &[Tensor]) -> Vec<Tensor> {
    tensors.iter().map(Tensor::shallow_clone).collect()
}
