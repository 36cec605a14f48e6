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
//! A step has two stages, between which the threads meet. First every thread takes a share of the digits forward and
//! back through all layers (`share.rs`). Then the threads take blocks of weights: a block's gradient is computed and
//! applied at once (`block.rs`). Who takes which share or block changes no number. The first layer goes through the
//! pixels that are not blank, and no others (`ink.rs`).

mod block;
mod ink;
mod share;

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::{step::Measured, threads::Threads};
use crate::{Error, Result, data::Samples, optimizer::RmsProp};
use block::Block;
use ink::Ink;
use share::Share;

/// Columns of an error that only keep its rows apart.
const SPARE: i64 = 16;

/// Steps of a plain MLP, with what lasts from step to step.
#[derive(Debug)]
pub(super) struct MlpSteps {
    /// The class of each digit, and its pixels.
    labels: Arc<[usize]>,
    ink: Arc<Ink>,
    /// Views of the model's weights and of the optimizer's averages: kernel and bias of each layer in turn.
    weights: Vec<Tensor>,
    averages: Vec<Tensor>,
    rule: RmsProp,
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

impl MlpSteps {
    /// # Errors
    /// [`Error::Mismatch`] when network and digits do not fit.
    pub(super) fn new(parameters: &[Tensor], samples: &Samples, rule: RmsProp, squares: &[Tensor]) -> Result<Self> {
        let inputs = parameters[0].size()[0];
        let [digits, pixels] = samples.inputs.size()[..] else {
            let (found, expected) = (format!("{:?}", samples.inputs.size()), "a row of pixels per digit".into());
            return Err(Error::Mismatch { what: "the size of the inputs", found, expected });
        };
        if digits as usize != samples.len() {
            let (found, expected) = (format!("{} labels", samples.len()), format!("{digits}, one per digit"));
            return Err(Error::Mismatch { what: "labels", found, expected });
        }
        if pixels != inputs {
            let (found, expected) = (format!("{pixels} per digit"), format!("{inputs}, the network's inputs"));
            return Err(Error::Mismatch { what: "pixels", found, expected });
        }
        let classes = parameters[parameters.len() - 1].size()[0];
        let labels = Vec::<i64>::try_from(&samples.labels)?;
        if let Some(label) = labels.iter().find(|label| !(0..classes).contains(label)) {
            let (found, expected) = (label.to_string(), format!("0 to {}, the network's classes", classes - 1));
            return Err(Error::Mismatch { what: "labels", found, expected });
        }
        Ok(Self {
            ink: Ink::of(&samples.inputs.contiguous())?.into(),
            labels: labels.into_iter().map(|label| label as usize).collect(),
            weights: parameters.iter().map(Tensor::detach).collect(),
            averages: shared(squares),
            rule,
            threads: Threads::start()?,
            plan: Plan::default(),
        })
    }

    pub(super) fn step(&mut self, positions: &Tensor, learning_rate: f64) -> Result<Measured> {
        let positions = self.checked(positions)?;
        let digits = positions.len();
        if self.plan.digits != digits {
            self.plan = self.plan(digits)?;
        }
        let Plan { shares, blocks, .. } = &mut self.plan;
        shares.iter_mut().for_each(|share| share.take(&positions));
        blocks.iter_mut().for_each(|block| block.take(&positions, learning_rate));
        self.threads.work_in_two_stages(shares, Share::run, blocks, Block::run)?;
        let loss = shares.iter().map(|share| share.loss).sum::<f64>() / digits as f64;
        let correct = shares.iter().map(|share| share.correct).sum::<i64>();
        Ok(Measured { digits, loss: loss.into(), correct: correct.into() })
    }

    fn checked(&self, positions: &Tensor) -> Result<Arc<[usize]>> {
        let positions = Vec::<i64>::try_from(positions)?;
        match positions.iter().find(|&&position| position < 0 || position as usize >= self.labels.len()) {
            None => Ok(positions.into_iter().map(|position| position as usize).collect()),
            Some(position) => {
                let expected = format!("0 to {}, the last digit", self.labels.len() - 1);
                Err(Error::Mismatch { what: "positions", found: position.to_string(), expected })
            }
        }
    }

    /// Shares the work on this many digits out.
    fn plan(&self, digits: usize) -> Result<Plan> {
        let floats = |columns| Tensor::f_zeros([digits as i64, columns], (Kind::Float, Device::Cpu));
        let outputs: Vec<_> = self.weights.iter().skip(1).step_by(2).map(|bias| bias.size()[0]).collect();
        let last = outputs.len() - 1;
        // Rows that begin at multiples of a power of two would push each other out of the cache.
        let spare = |layer| if layer < last { SPARE } else { 0 };
        let columns = outputs.iter().enumerate();
        let errors = columns.map(|(layer, outputs)| floats(outputs + spare(layer))).collect::<Result<Vec<_>, _>>()?;
        let outputs = outputs.into_iter().map(floats).collect::<Result<Vec<_>, _>>()?;

        let rows = digits.div_ceil(self.threads.count()).clamp(*share::DIGITS.start(), *share::DIGITS.end());
        let share = |start| Share::new(self, start..digits.min(start + rows), &outputs, &errors);
        let shares = (0..digits).step_by(rows).map(share).collect::<Result<_>>()?;

        let mut blocks = Vec::new();
        for (layer, error) in errors.iter().enumerate() {
            blocks.extend(Block::of_layer(self, layer, layer.checked_sub(1).map(|before| &outputs[before]), error)?);
        }
        Ok(Plan { digits, shares, blocks })
    }
}

fn shared(tensors: &[Tensor]) -> Vec<Tensor> {
    tensors.iter().map(Tensor::shallow_clone).collect()
}
