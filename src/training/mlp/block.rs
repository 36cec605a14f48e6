//! The second stage of a step: some rows of a kernel, or a bias. Their gradient is computed and applied at once, while
//! it lies in the cache.

use std::{ops::Range, sync::Arc};

use tch::{Kind, Tensor};

use super::{
    MlpSteps,
    ink::{Ink, WORD},
};
use crate::{
    Result,
    lanes::{Weighted, add_rows, floats, floats_mut},
    optimizer::RmsProp,
};

/// Weights per block: with its gradient and averages, a block fits into a core's cache.
const WEIGHTS: i64 = 1 << 16;

/// Rows of weights that are updated together.
#[derive(Debug)]
pub(super) struct Block {
    met: Met,
    /// The error of the layer's outputs, `[batch, outputs]`.
    error: Tensor,
    weights: Tensor,
    averages: Tensor,
    rule: RmsProp,
    learning_rate: f64,
}

/// What the rows are multiplied with.
#[derive(Debug)]
enum Met {
    /// Of the first layer: these pixels of the batch's digits.
    Pixels(Pixels),
    /// Of the other layers: these outputs of the layer before, `[batch, rows]`.
    Outputs(Tensor),
    /// A bias always meets a 1.
    One,
}

/// The rows of some pixels in the first layer's kernel.
#[derive(Debug)]
struct Pixels {
    ink: Arc<Ink>,
    /// The digits of this step's batch.
    positions: Arc<[usize]>,
    /// Which pixels these are.
    words: Range<usize>,
    /// For each of them, the rows of the batch in which it has ink, and how much.
    inked: Vec<Vec<Weighted>>,
    /// Room for their gradient, `[pixels, outputs]`.
    gradient: Vec<f32>,
    /// The error of the layer's outputs with all of its columns.
    error: Tensor,
}

impl Block {
    /// Cuts a layer's kernel into blocks of whole rows, and adds its bias. `outputs` are those of the layer before.
    pub(super) fn of_layer(
        steps: &MlpSteps,
        layer: usize,
        outputs: Option<&Tensor>,
        whole_error: &Tensor,
    ) -> Result<Vec<Self>> {
        let error = &whole_error.f_narrow(1, 0, steps.weights[2 * layer + 1].numel() as i64)?;
        let block = |index: usize, start: i64, rows: i64, met: Met| -> Result<Self> {
            let part = |tensor: &Tensor| tensor.f_narrow(0, start, rows);
            let (weights, averages) = (part(&steps.weights[index])?, part(&steps.averages[index])?);
            Ok(Self { met, error: error.shallow_clone(), weights, averages, rule: steps.rule, learning_rate: 0.0 })
        };
        let rows = steps.weights[2 * layer].size()[0];
        let at_once = match outputs {
            None => WORD as i64,
            Some(_) => rows / (steps.weights[2 * layer].numel() as i64 / WEIGHTS).clamp(1, rows),
        };
        let mut blocks = Vec::new();
        for start in (0..rows).step_by(at_once as usize) {
            let count = at_once.min(rows - start);
            let met = match outputs {
                Some(outputs) => Met::Outputs(outputs.f_narrow(1, start, count)?),
                None => Met::Pixels(Pixels {
                    ink: steps.ink.clone(),
                    positions: Arc::default(),
                    words: start as usize / WORD..((start + count) as usize).div_ceil(WORD),
                    inked: vec![Vec::new(); count as usize],
                    gradient: vec![0.0; (count * error.size()[1]) as usize],
                    error: whole_error.shallow_clone(),
                }),
            };
            blocks.push(block(2 * layer, start, count, met)?);
        }
        blocks.push(block(2 * layer + 1, 0, error.size()[1], Met::One)?);
        Ok(blocks)
    }

    /// Gets the digits and the learning rate of a step.
    pub(super) fn take(&mut self, digits: &Arc<[usize]>, learning_rate: f64) {
        self.learning_rate = learning_rate;
        if let Met::Pixels(pixels) = &mut self.met {
            pixels.positions = digits.clone();
        }
    }

    pub(super) fn run(&mut self) -> Result<()> {
        let (weights, averages) = (floats_mut(&mut self.weights)?, floats_mut(&mut self.averages)?);
        let gradient = match &mut self.met {
            Met::Pixels(pixels) => {
                pixels.look_up();
                return pixels.update(weights, averages, &self.rule, self.learning_rate);
            }
            Met::Outputs(outputs) => outputs.tr().f_mm(&self.error)?,
            Met::One => self.error.f_sum_dim_intlist(0, false, Kind::Float)?,
        };
        self.rule.pass(weights, averages, floats(&gradient)?, self.learning_rate);
        Ok(())
    }
}

impl Pixels {
    /// Notes for each pixel the digits of the batch in which it has ink.
    fn look_up(&mut self) {
        self.inked.iter_mut().for_each(Vec::clear);
        let first = self.words.start * WORD;
        for (row, &digit) in self.positions.iter().enumerate() {
            let note = |pixel: usize, value| self.inked[pixel - first].push((row as u32, value));
            self.ink.each_pixel(digit, self.words.clone(), note);
        }
    }

    /// Updates each pixel's weights by the errors of the digits in which it has ink.
    fn update(&mut self, weights: &mut [f32], averages: &mut [f32], rule: &RmsProp, learning_rate: f64) -> Result<()> {
        let outputs = weights.len() / self.inked.len();
        self.gradient.fill(0.0);
        add_rows(&mut self.gradient, &self.inked, floats(&self.error)?, self.error.size()[1] as usize);
        let rows = weights.chunks_mut(outputs).zip(averages.chunks_mut(outputs)).zip(self.gradient.chunks(outputs));
        for (((weights, averages), gradient), digits) in rows.zip(&self.inked) {
            if digits.is_empty() {
                rule.rest(averages);
            } else {
                rule.pass(weights, averages, gradient, learning_rate);
            }
        }
        Ok(())
    }
}
