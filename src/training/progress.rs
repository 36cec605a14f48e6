//! Progress as Keras prints it: a bar that moves in a terminal and in this project's kernel, elsewhere whole lines.

use std::time::Duration;

use tch::Device;

use super::{Epoch, Scores, StepScores, Training};
use crate::{
    Error, Result,
    notebook::{Bar, print},
};

/// An epoch under way: its running means, and the bar that shows them.
#[derive(Default)]
pub(super) struct Progress {
    epoch: usize,
    total_steps: usize,
    /// Steps whose results were not read yet, with their learning rates.
    unread: Vec<(StepScores, f64)>,
    /// How many steps were read, with how many samples, and sums over them.
    steps: usize,
    samples: usize,
    loss: f64,
    correct: f64,
    bar: Option<Bar>,
}

impl Progress {
    pub(super) fn start(training: &Training, epoch: usize, samples: usize) -> Self {
        let total_steps = samples.div_ceil(training.batch_size);
        if training.verbose {
            print(format_args!("Epoch {epoch}/{}\n", training.epochs));
        }
        Self { epoch, total_steps, bar: training.verbose.then(|| Bar::begin(Duration::ZERO)), ..Self::default() }
    }

    /// Takes a step's results. On a GPU they are read with those of all steps when the epoch is over: nothing waits.
    pub(super) fn step(&mut self, measured: StepScores, learning_rate: f64) -> Result<()> {
        let device = measured.loss.device();
        self.unread.push((measured, learning_rate));
        if device == Device::Cpu {
            self.read()?;
        }
        let Scores { loss, accuracy } = self.running_means();
        if let Some(bar) = &mut self.bar {
            bar.draw(self.steps, self.total_steps, format_args!("accuracy: {accuracy:.4} - loss: {loss:.4}"));
        }
        Ok(())
    }

    /// Reads what was not read yet.
    fn read(&mut self) -> Result<()> {
        for (StepScores { samples, loss, correct }, learning_rate) in std::mem::take(&mut self.unread) {
            let (loss, correct) = (f64::try_from(&loss)?, f64::try_from(&correct)?);
            self.steps += 1;
            if !loss.is_finite() {
                let Self { epoch, steps: step, .. } = *self;
                return Err(Error::Diverged { loss, epoch, step, learning_rate });
            }
            self.samples += samples;
            self.loss += loss * samples as f64;
            self.correct += correct;
        }
        Ok(())
    }

    /// Returns the means over all samples of the epoch.
    pub(super) fn means(&mut self) -> Result<Scores> {
        self.read()?;
        Ok(self.running_means())
    }

    fn running_means(&self) -> Scores {
        let samples = self.samples as f64;
        Scores { loss: self.loss / samples, accuracy: self.correct / samples }
    }

    /// Prints the epoch's line.
    pub(super) fn finish(self, epoch: &Epoch) {
        let Some(bar) = self.bar else { return };
        let milliseconds = 1_000.0 * epoch.seconds / self.total_steps as f64;
        let mut line = format!(
            "{steps}/{steps} {bar} {seconds:.1}s {milliseconds:.1}ms/step - accuracy: {accuracy:.4} - loss: {loss:.4}",
            steps = self.total_steps,
            bar = "━".repeat(Bar::LENGTH),
            seconds = epoch.seconds,
            accuracy = epoch.accuracy,
            loss = epoch.loss,
        );
        if let Some(Scores { loss, accuracy }) = epoch.validation {
            line += &format!(" - val_accuracy: {accuracy:.4} - val_loss: {loss:.4}");
        }
        bar.finish(&line);
    }
}
