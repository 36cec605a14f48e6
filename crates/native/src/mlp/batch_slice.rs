//! The first stage of a step: some of a batch's samples on their way forward and back through the layers.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use tch::Tensor;

use super::sparse::SparsePixels;
use crate::{
    Result,
    simd::{Weighted, sum_rows},
};

/// Samples per slice: products with fewer rows are slow, more do not fit into the cache.
pub(super) const SAMPLES: RangeInclusive<usize> = 16..=512;

/// Some of a batch's samples.
#[derive(Debug)]
pub(super) struct BatchSlice {
    labels: Arc<[usize]>,
    inputs: Inputs,
    parameters: Vec<Tensor>,
    /// The positions of this step's samples, and the slice's rows among them.
    batch: Arc<[usize]>,
    rows: Range<usize>,
    /// For each layer `[rows, outputs]`: what comes out, after the ReLU where there is one; and the error before it.
    outputs: Vec<Tensor>,
    errors: Vec<Tensor>,
    /// The sum of the cross-entropy over the samples, in nats.
    pub(super) loss: f64,
    pub(super) correct: i64,
}

/// What the first layer takes.
#[derive(Debug)]
enum Inputs {
    /// Of each row, the pixels that are not 0.
    Sparse { pixels: Arc<SparsePixels>, rows: Vec<Vec<Weighted>> },
    /// Of each row all pixels, `[rows, pixels]`.
    Dense { pixels: Tensor, rows: Tensor },
}

/// What the slices of a batch write to and blocks read: outputs and errors of each layer, the latter with further
/// columns.
pub(super) struct Buffers {
    pub(super) inputs: BatchInputs,
    pub(super) outputs: Vec<Tensor>,
    pub(super) errors: Vec<Tensor>,
}

/// What the first layer takes of a batch.
pub(super) enum BatchInputs {
    Sparse(Arc<SparsePixels>),
    /// Of `all` samples those of the batch, `[batch, pixels]`.
    Dense {
        all: Tensor,
        batch: Tensor,
    },
}

impl BatchSlice {
    /// Prepares these rows of a batch.
    pub(super) fn new(
        parameters: &[Tensor],
        labels: &Arc<[usize]>,
        buffers: &Buffers,
        rows: Range<usize>,
    ) -> Result<Self> {
        let part = |tensor: &Tensor| tensor.f_narrow(0, rows.start as i64, rows.len() as i64);
        let error = |(error, outputs): (&Tensor, &Tensor)| part(&error.f_narrow(1, 0, outputs.size()[1])?);
        let Buffers { inputs, outputs, errors } = buffers;
        let inputs = match inputs {
            BatchInputs::Sparse(pixels) => {
                Inputs::Sparse { pixels: pixels.clone(), rows: vec![Vec::new(); rows.len()] }
            }
            BatchInputs::Dense { all, batch } => Inputs::Dense { pixels: all.shallow_clone(), rows: part(batch)? },
        };
        Ok(Self {
            labels: labels.clone(),
            inputs,
            parameters: parameters.iter().map(Tensor::shallow_clone).collect(),
            batch: Arc::default(),
            outputs: outputs.iter().map(part).collect::<Result<_, _>>()?,
            errors: errors.iter().zip(outputs).map(error).collect::<Result<_, _>>()?,
            loss: 0.0,
            correct: 0,
            rows,
        })
    }

    pub(super) fn set_batch(&mut self, batch: &Arc<[usize]>) {
        self.batch = batch.clone();
    }

    pub(super) fn run(&mut self) -> Result<()> {
        self.evaluate()?;
        self.backward()
    }

    /// Leaves loss and error, and changes no parameter.
    pub(super) fn evaluate(&mut self) -> Result<()> {
        self.forward()?;
        self.compare()
    }

    fn forward(&mut self) -> Result<()> {
        self.first_layer()?;
        let last = self.outputs.len() - 1;
        for layer in 0..=last {
            let outputs = &self.outputs[layer];
            if layer > 0 {
                let [kernel, bias] = [&self.parameters[2 * layer], &self.parameters[2 * layer + 1]];
                let _ = bias.f_addmm_out(outputs, &self.outputs[layer - 1], kernel)?;
            }
            if layer < last {
                let _ = outputs.shallow_clone().f_relu_()?;
            }
        }
        Ok(())
    }

    /// Adds the bias and the kernel's rows of those pixels that are not 0, or of all.
    fn first_layer(&mut self) -> Result<()> {
        let Self { inputs, batch, rows: of_batch, outputs, parameters, .. } = self;
        let (samples, kernel, bias) = (&batch[of_batch.clone()], &parameters[0], &parameters[1]);
        match inputs {
            Inputs::Sparse { pixels, rows } => {
                for (row, &sample) in rows.iter_mut().zip(samples) {
                    row.clear();
                    let words = 0..pixels.words_per_sample;
                    pixels.each_pixel(sample, words, |pixel, value| row.push((pixel as u32, value)));
                }
                sum_rows(&mut outputs[0], Some(bias), rows, kernel)
            }
            Inputs::Dense { pixels, rows } => {
                let samples: Vec<_> = samples.iter().map(|&sample| sample as i64).collect();
                let _ = pixels.f_index_select_out(rows, 0, &Tensor::f_from_slice(&samples)?)?;
                let _ = bias.f_addmm_out(&outputs[0], rows, kernel)?;
                Ok(())
            }
        }
    }

    /// Compares the logits with the labels: the loss, how many are right, and the error.
    fn compare(&mut self) -> Result<()> {
        let last = self.errors.len() - 1;
        let size = self.errors[last].size();
        let logits = Vec::<f32>::try_from(self.outputs[last].f_reshape([-1])?)?;
        let mut errors = vec![0.0; logits.len()];
        let (classes, batch_size) = (size[1] as usize, self.batch.len() as f32);
        (self.loss, self.correct) = (0.0, 0);
        let samples = logits.chunks(classes).zip(errors.chunks_mut(classes)).zip(&self.batch[self.rows.clone()]);
        for ((logits, errors), &sample) in samples {
            let label = self.labels[sample];
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            // Less the largest logit, so that no power overflows.
            errors.iter_mut().zip(logits).for_each(|(error, logit)| *error = (logit - largest).exp());
            let sum: f32 = errors.iter().sum();
            self.loss += f64::from(sum.ln() - (logits[label] - largest));
            self.correct += i64::from(logits.iter().position(|&logit| logit == largest) == Some(label));
            errors.iter_mut().for_each(|error| *error /= sum * batch_size);
            errors[label] -= 1.0 / batch_size;
        }
        self.errors[last].f_copy_(&Tensor::f_from_slice(&errors)?.f_reshape(size)?)?;
        Ok(())
    }

    fn backward(&mut self) -> Result<()> {
        for layer in (1..self.errors.len()).rev() {
            let [before, after] = [&self.errors[layer - 1], &self.errors[layer]];
            let _ = after.f_mm_out(before, &self.parameters[2 * layer].tr())?;
            // The slope of the ReLU: nothing comes back where it let nothing through.
            let _ = self.outputs[layer - 1].f_threshold_backward_grad_input(before, before, 0.0)?;
        }
        Ok(())
    }
}
