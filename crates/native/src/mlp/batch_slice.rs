//! The middle stage of a step: some of a batch's samples on their way forward and back through the layers.

use std::{
    ops::{Range, RangeInclusive},
    sync::Arc,
};

use tch::Tensor;

use super::{
    Batch, Buffers, Parameters,
    samples::{CheckedSamples, Pixels},
    sparse::{MOST, Nonzero, Shared, read, write},
};
use crate::{
    Result,
    simd::{Columns, check, floats},
    sparse_product::{TILE, masked_product, sum_rows},
};

/// Samples per slice: products with fewer rows are slow, more do not fit into the cache.
pub(super) const SAMPLES: RangeInclusive<usize> = 16..=512;

/// Some of a batch's samples.
#[derive(Debug)]
pub(super) struct BatchSlice {
    labels: Arc<[usize]>,
    kernels: Vec<Tensor>,
    biases: Vec<Tensor>,
    /// The positions of this step's samples, and the slice's rows among them.
    batch: Batch,
    rows: Range<usize>,
    /// All pixels of all samples, and of the rows, where the first layer takes all; else it has its own stage.
    inputs: Option<[Tensor; 2]>,
    /// For each layer `[rows, outputs]`: what comes out, after the ReLU where there is one; and the error before it.
    outputs: Vec<Tensor>,
    errors: Vec<Tensor>,
    /// What of the outputs is not 0, where the next layer has use for it, and it is not too much.
    nonzero: Vec<Option<Shared<Nonzero>>>,
    /// The sum of the cross-entropy over the samples, in nats.
    pub(super) loss: f64,
    pub(super) correct: i64,
}

impl BatchSlice {
    /// Prepares these rows of a batch.
    pub(super) fn new(
        parameters: &Parameters,
        samples: &CheckedSamples,
        buffers: &Buffers,
        rows: Range<usize>,
    ) -> Result<Self> {
        let part = |tensor: &Tensor| tensor.f_narrow(0, rows.start as i64, rows.len() as i64);
        let inputs = match (&samples.pixels, &buffers.inputs) {
            (Pixels::Dense(all), Some(batch)) => Some([all.shallow_clone(), part(batch)?]),
            _ => None,
        };
        let nonzero = |kernel: &Tensor| {
            let [inputs, outputs] = [0, 1].map(|dimension| kernel.size()[dimension] as usize);
            (inputs <= MOST && outputs >= TILE).then(Shared::default)
        };
        Ok(Self {
            labels: samples.labels.clone(),
            kernels: parameters.kernels.iter().map(Tensor::shallow_clone).collect(),
            biases: parameters.biases.iter().map(Tensor::shallow_clone).collect(),
            batch: Batch::default(),
            inputs,
            outputs: buffers.outputs.iter().map(part).collect::<Result<_, _>>()?,
            errors: buffers.errors.iter().map(part).collect::<Result<_, _>>()?,
            nonzero: parameters.kernels.iter().skip(1).map(nonzero).collect(),
            loss: 0.0,
            correct: 0,
            rows,
        })
    }

    pub(super) fn set_batch(&mut self, batch: &Batch) {
        self.batch = batch.clone();
    }

    /// Returns what is not 0 of a layer's inputs, where these are the outputs of another one, and it has use for that.
    pub(super) fn nonzero_inputs(&self, layer: usize) -> Option<&Shared<Nonzero>> {
        self.nonzero[layer.checked_sub(1)?].as_ref()
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
        for layer in 0..self.outputs.len() {
            match (layer, &self.inputs) {
                (0, None) => {}
                (0, Some([all, rows])) => {
                    let samples: Vec<_> = self.batch[self.rows.clone()].iter().map(|&sample| sample as i64).collect();
                    let _ = all.f_index_select_out(rows, 0, &Tensor::f_from_slice(&samples)?)?;
                    self.layer(0, rows)?;
                }
                _ => self.hidden_layer(layer)?,
            }
            if let Some(Some(nonzero)) = self.nonzero.get(layer) {
                let outputs = &self.outputs[layer];
                check(&[], &[outputs])?;
                // SAFETY: checked just now, and nobody writes to these outputs meanwhile.
                write(nonzero).set_if_sparse(unsafe { floats(outputs) }, outputs.size()[1] as usize);
            }
        }
        Ok(())
    }

    /// Takes the outputs of the layer before, or what of them is not 0.
    fn hidden_layer(&mut self, layer: usize) -> Result<()> {
        if let Some(nonzero) = self.nonzero_inputs(layer).cloned() {
            let nonzero = read(&nonzero);
            if nonzero.is_held() {
                // SAFETY: each slice has its own rows of the outputs, and nobody writes to parameters in this stage.
                let mut outputs = unsafe { Columns::all(&mut self.outputs[layer]) }?;
                unsafe { sum_rows(&mut outputs, &self.biases[layer], &nonzero.parts(), &self.kernels[layer], 0) }?;
                return self.rectify(layer);
            }
        }
        self.layer(layer, &self.outputs[layer - 1])
    }

    fn layer(&self, layer: usize, inputs: &Tensor) -> Result<()> {
        let _ = self.biases[layer].f_addmm_out(&self.outputs[layer], inputs, &self.kernels[layer])?;
        self.rectify(layer)
    }

    fn rectify(&self, layer: usize) -> Result<()> {
        if layer + 1 < self.outputs.len() {
            let _ = self.outputs[layer].shallow_clone().f_relu_()?;
        }
        Ok(())
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
            let (before, after) = self.errors.split_at_mut(layer);
            let (before, after, kernel) = (&mut before[layer - 1], &after[0], &self.kernels[layer]);
            // Nothing comes back where the ReLU let nothing through.
            match self.nonzero[layer - 1].as_ref().map(read).filter(|nonzero| nonzero.is_held()) {
                Some(nonzero) => {
                    let rows: Vec<_> = nonzero.rows().collect();
                    // SAFETY: each slice has its own rows of the errors, and nobody writes to parameters in this stage.
                    let mut before = unsafe { Columns::all(before) }?;
                    unsafe { masked_product(&mut before, after, &rows, kernel) }?;
                }
                None => {
                    let _ = after.f_mm_out(before, &kernel.tr())?;
                    let _ = self.outputs[layer - 1].f_threshold_backward_grad_input(before, before, 0.0)?;
                }
            }
        }
        Ok(())
    }
}
