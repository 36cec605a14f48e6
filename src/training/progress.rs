//! Progress as Keras prints it: in a terminal a bar that moves, elsewhere whole lines.

#[cfg(feature = "command-line")]
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Epoch, Scores, Training};

/// An epoch under way: its running means, and the bar that shows them.
pub(super) struct Progress {
    total_steps: usize,
    steps: usize,
    /// How many digits were seen, and sums over them.
    digits: usize,
    loss: f64,
    correct: usize,
    verbose: bool,
    #[cfg(feature = "command-line")]
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn start(training: &Training, epoch: usize, digits: usize) -> Self {
        let total_steps = digits.div_ceil(training.batch_size);
        if training.verbose {
            println!("Epoch {epoch}/{}", training.epochs);
        }
        Self {
            total_steps,
            steps: 0,
            digits: 0,
            loss: 0.0,
            correct: 0,
            verbose: training.verbose,
            #[cfg(feature = "command-line")]
            bar: bar(total_steps, training.verbose),
        }
    }

    /// Counts a step over some digits with its mean loss and its right predictions.
    pub(super) fn step(&mut self, digits: usize, loss: f64, correct: usize) {
        self.steps += 1;
        self.digits += digits;
        self.loss += loss * digits as f64;
        self.correct += correct;
        #[cfg(feature = "command-line")]
        {
            let Scores { loss, accuracy } = self.means();
            self.bar.set_message(format!("accuracy: {accuracy:.4} - loss: {loss:.4}"));
            self.bar.inc(1);
        }
    }

    /// How many steps are done.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// The running means over the digits so far.
    pub(super) fn means(&self) -> Scores {
        let digits = self.digits as f64;
        Scores { loss: self.loss / digits, accuracy: self.correct as f64 / digits }
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
