//! Progress as Keras prints it: in a terminal a bar that moves, elsewhere whole lines.

#[cfg(feature = "command-line")]
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use tch::Device;

use super::{Epoch, Measured, Scores, Training};
use crate::{Error, Result};

/// An epoch under way: its running means, and the bar that shows them.
pub(super) struct Progress {
    epoch: usize,
    learning_rate: f64,
    total_steps: usize,
    /// Steps whose results were not read yet.
    unread: Vec<Measured>,
    /// How many steps were read, with how many samples, and sums over them.
    steps: usize,
    samples: usize,
    loss: f64,
    correct: f64,
    verbose: bool,
    #[cfg(feature = "command-line")]
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn start(training: &Training, epoch: usize, samples: usize) -> Self {
        let total_steps = samples.div_ceil(training.batch_size);
        if training.verbose {
            println!("Epoch {epoch}/{}", training.epochs);
        }
        Self {
            epoch,
            learning_rate: training.optimizer.learning_rate,
            total_steps,
            unread: Vec::new(),
            steps: 0,
            samples: 0,
            loss: 0.0,
            correct: 0.0,
            verbose: training.verbose,
            #[cfg(feature = "command-line")]
            bar: bar(total_steps, training.verbose),
        }
    }

    /// Takes a step's results. On a GPU they are read with those of all steps when the epoch is over: nothing waits.
    pub(super) fn step(&mut self, measured: Measured) -> Result<()> {
        let device = measured.loss.device();
        self.unread.push(measured);
        if device == Device::Cpu {
            self.read()?;
        }
        #[cfg(feature = "command-line")]
        {
            if device == Device::Cpu {
                let Scores { loss, accuracy } = self.running_means();
                self.bar.set_message(format!("accuracy: {accuracy:.4} - loss: {loss:.4}"));
            }
            self.bar.inc(1);
        }
        Ok(())
    }

    /// Reads what was not read yet.
    fn read(&mut self) -> Result<()> {
        for Measured { samples, loss, correct } in std::mem::take(&mut self.unread) {
            let (loss, correct) = (f64::try_from(&loss)?, f64::try_from(&correct)?);
            self.steps += 1;
            if !loss.is_finite() {
                let Self { epoch, steps: step, learning_rate, .. } = *self;
                return Err(Error::Diverged { loss, epoch, step, learning_rate });
            }
            self.samples += samples;
            self.loss += loss * samples as f64;
            self.correct += correct;
        }
        Ok(())
    }

    /// The means over all samples of the epoch.
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
        #[cfg(feature = "command-line")]
        self.bar.finish_and_clear();
        if !self.verbose {
            return;
        }
        let milliseconds = 1_000.0 * epoch.seconds / self.total_steps as f64;
        let mut line = format!(
            "{steps}/{steps} {bar} {seconds:.1}s {milliseconds:.1}ms/step - accuracy: {accuracy:.4} - loss: {loss:.4}",
            steps = self.total_steps,
            bar = "━".repeat(20),
            seconds = epoch.seconds,
            accuracy = epoch.accuracy,
            loss = epoch.loss,
        );
        if let Some(Scores { loss, accuracy }) = epoch.validation {
            line += &format!(" - val_accuracy: {accuracy:.4} - val_loss: {loss:.4}");
        }
        println!("{line}");
    }
}

/// A bar on the terminal; where standard output is none, or nothing is to be shown, it draws nothing.
#[cfg(feature = "command-line")]
fn bar(steps: usize, verbose: bool) -> ProgressBar {
    let target = if verbose { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target);
    // The template is checked by every run in a terminal; a wrong one leaves indicatif's own.
    match ProgressStyle::with_template("{pos}/{len} {bar:20} {elapsed} - {msg}") {
        Ok(style) => bar.with_style(style.progress_chars("━╸ ")),
        Err(_) => bar,
    }
}
