//! Progress as Keras prints it: a bar that moves in a terminal and in this project's kernel, elsewhere whole lines.

use std::{
    env,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use tch::Device;

use super::{Epoch, Scores, StepScores, Training};
use crate::{Error, Result, notebook::print};

/// Characters of a full bar.
const BAR: usize = 20;

/// How long a bar stays as it is at least, and how often it moves in an epoch at most.
const PAUSE: Duration = Duration::from_millis(100);
const MOST_MOVES: u32 = 50;

/// Set where `scripts/kernel.py` passes on what is printed. evcxr needs whole lines; of those that end so, that script
/// takes the end away.
const LIVE_LINES: &str = "MNIST_LIVE_LINES";
const OPEN_END: &str = "\u{1f}\n";

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
    verbose: bool,
    bar: Option<Bar>,
}

/// A line that is written over.
struct Bar {
    /// When the epoch began, and when the line was last drawn.
    began: Instant,
    drawn: Instant,
    /// What ends it.
    end: &'static str,
    /// How many characters it had.
    width: usize,
}

impl Bar {
    /// Begins one, where it can be shown.
    fn begin() -> Option<Self> {
        let end = match () {
            () if env::var_os(LIVE_LINES).is_some() => OPEN_END,
            () if io::stdout().is_terminal() => "",
            () => return None,
        };
        let now = Instant::now();
        Some(Self { began: now, drawn: now, end, width: 0 })
    }

    /// Draws it after so many steps, unless it was drawn a moment before.
    fn draw(&mut self, steps: usize, total: usize, Scores { loss, accuracy }: Scores) {
        let passed = self.began.elapsed();
        let epoch = passed.mul_f64(total as f64 / steps as f64);
        if self.drawn.elapsed() < PAUSE.max(epoch / MOST_MOVES) {
            return;
        }
        self.drawn = Instant::now();
        let (bar, left) = ("━".repeat(BAR * steps / total), epoch.saturating_sub(passed).as_secs_f64());
        let line = format!("{steps}/{total} {bar:BAR$} {left:.0}s left - accuracy: {accuracy:.4} - loss: {loss:.4}");
        print(format_args!("\r{line}{}", self.end));
        self.width = line.chars().count();
    }
}

impl Progress {
    pub(super) fn start(training: &Training, epoch: usize, samples: usize) -> Self {
        let total_steps = samples.div_ceil(training.batch_size);
        if training.verbose {
            print(format_args!("Epoch {epoch}/{}\n", training.epochs));
        }
        Self {
            epoch,
            total_steps,
            verbose: training.verbose,
            bar: if training.verbose { Bar::begin() } else { None },
            ..Self::default()
        }
    }

    /// Takes a step's results. On a GPU they are read with those of all steps when the epoch is over: nothing waits.
    pub(super) fn step(&mut self, measured: StepScores, learning_rate: f64) -> Result<()> {
        let device = measured.loss.device();
        self.unread.push((measured, learning_rate));
        if device == Device::Cpu {
            self.read()?;
        }
        let means = self.running_means();
        if let Some(bar) = self.bar.as_mut().filter(|_| self.steps > 0) {
            bar.draw(self.steps, self.total_steps, means);
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
        if !self.verbose {
            return;
        }
        let milliseconds = 1_000.0 * epoch.seconds / self.total_steps as f64;
        let mut line = format!(
            "{steps}/{steps} {bar} {seconds:.1}s {milliseconds:.1}ms/step - accuracy: {accuracy:.4} - loss: {loss:.4}",
            steps = self.total_steps,
            bar = "━".repeat(BAR),
            seconds = epoch.seconds,
            accuracy = epoch.accuracy,
            loss = epoch.loss,
        );
        if let Some(Scores { loss, accuracy }) = epoch.validation {
            line += &format!(" - val_accuracy: {accuracy:.4} - val_loss: {loss:.4}");
        }
        match self.bar {
            Some(Bar { width, .. }) if width > 0 => print(format_args!("\r{line:width$}\n")),
            _ => print(format_args!("{line}\n")),
        }
    }
}
