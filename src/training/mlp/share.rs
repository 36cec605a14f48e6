//! The first stage of a step: some of a batch's digits on their way forward and back through the layers.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use tch::Tensor;

use super::{MlpSteps, ink::Ink, shared};
use crate::{
    Result,
    lanes::{Weighted, add_rows, floats, floats_mut},
};

/// Digits per share: products with fewer rows are slow, more do not fit into the cache.
pub(super) const DIGITS: RangeInclusive<usize> = 16..=512;

/// Some of a batch's digits.
#[derive(Debug)]
pub(super) struct Share {
    ink: Arc<Ink>,
    labels: Arc<[usize]>,
    weights: Vec<Tensor>,
    /// The digits of this step's batch, and the share's rows among them.
    positions: Arc<[usize]>,
    rows: Range<usize>,
    /// For each of its digits, the pixels with ink.
    inked: Vec<Vec<Weighted>>,
    /// For each layer `[rows, outputs]`: what comes out, after the ReLU where there is one; and the error before it.
    outputs: Vec<Tensor>,
    errors: Vec<Tensor>,
    /// The sum of the cross-entropy over the digits, in nats.
    pub(super) loss: f64,
    pub(super) correct: i64,
}

impl Share {
    pub(super) fn new(steps: &MlpSteps, rows: Range<usize>, outputs: &[Tensor], errors: &[Tensor]) -> Result<Self> {
        let part = |tensor: &Tensor| tensor.f_narrow(0, rows.start as i64, rows.len() as i64);
        Ok(Self {
            ink: steps.ink.clone(),
            labels: steps.labels.clone(),
            weights: shared(&steps.weights),
            positions: Arc::default(),
            inked: vec![Vec::new(); rows.len()],
            outputs: outputs.iter().map(part).collect::<Result<_, _>>()?,
            errors: errors
                .iter()
                .zip(outputs)
                .map(|(error, outputs)| part(&error.f_narrow(1, 0, outputs.size()[1])?))
                .collect::<Result<_, _>>()?,
            loss: 0.0,
            correct: 0,
            rows,
        })
    }

    /// Gets the digits of a step.
    pub(super) fn take(&mut self, digits: &Arc<[usize]>) {
        self.positions = digits.clone();
    }

    pub(super) fn run(&mut self) -> Result<()> {
        self.forward()?;
        self.compare()?;
        self.backward()
    }

    fn forward(&mut self) -> Result<()> {
        self.first_layer()?;
        let last = self.outputs.len() - 1;
        for layer in 0..=last {
            let outputs = &self.outputs[layer];
            if layer > 0 {
                let [kernel, bias] = [&self.weights[2 * layer], &self.weights[2 * layer + 1]];
                let _ = bias.f_addmm_out(outputs, &self.outputs[layer - 1], kernel)?;
            }
            if layer < last {
                let _ = outputs.shallow_clone().f_relu_()?;
            }
        }
        Ok(())
    }

    /// The bias, and the kernel's rows of those pixels that have ink.
    fn first_layer(&mut self) -> Result<()> {
        for (inked, &digit) in self.inked.iter_mut().zip(&self.positions[self.rows.clone()]) {
            inked.clear();
            self.ink.each_pixel(digit, 0..self.ink.words_per_digit, |pixel, value| inked.push((pixel as u32, value)));
        }
        let (kernel, bias) = (floats(&self.weights[0])?, floats(&self.weights[1])?);
        let outputs = floats_mut(&mut self.outputs[0])?;
        outputs.chunks_mut(bias.len()).for_each(|digit| digit.copy_from_slice(bias));
        add_rows(outputs, &self.inked, kernel, bias.len());
        Ok(())
    }

    /// Compares the logits with the labels: the loss, how many are right, and the error.
    fn compare(&mut self) -> Result<()> {
        let last = self.errors.len() - 1;
        let classes = self.errors[last].size()[1] as usize;
        let logits = floats(&self.outputs[last])?.chunks(classes);
        let errors = floats_mut(&mut self.errors[last])?.chunks_mut(classes);
        let batch = self.positions.len() as f32;
        (self.loss, self.correct) = (0.0, 0);
        for ((logits, errors), &digit) in logits.zip(errors).zip(&self.positions[self.rows.clone()]) {
            let label = self.labels[digit];
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            // Less the largest logit, so that no power overflows.
            errors.iter_mut().zip(logits).for_each(|(error, logit)| *error = (logit - largest).exp());
            let sum: f32 = errors.iter().sum();
            self.loss += f64::from(sum.ln() - (logits[label] - largest));
            self.correct += i64::from(logits.iter().position(|&logit| logit == largest) == Some(label));
            errors.iter_mut().for_each(|error| *error /= sum * batch);
            errors[label] -= 1.0 / batch;
        }
        Ok(())
    }

    fn backward(&mut self) -> Result<()> {
        for layer in (1..self.errors.len()).rev() {
            let [before, after] = [&self.errors[layer - 1], &self.errors[layer]];
            let _ = after.f_mm_out(before, &self.weights[2 * layer].tr())?;
            // The slope of the ReLU: nothing comes back where it let nothing through.
            let _ = self.outputs[layer - 1].f_threshold_backward_grad_input(before, before, 0.0)?;
        }
        Ok(())
    }
}
