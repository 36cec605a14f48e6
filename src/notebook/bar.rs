//! A line that moves, as Keras' does: how much of something long is done, and how long the rest may take.

use std::{
    fmt,
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use super::{live::is_live, print};

/// How long a bar stays as it is at least, and how often it moves at most.
const PAUSE: Duration = Duration::from_millis(100);
const MOST_MOVES: u32 = 50;

/// evcxr needs whole lines; of those that end so, `scripts/kernel.py` takes the end away.
const OPEN_END: &str = "\u{1f}\n";

/// A line that is written over, in a terminal and in this project's kernel; elsewhere there is none.
pub struct Bar {
    /// When the work began, and when the line was last drawn.
    began: Instant,
    drawn: Instant,
    /// Work that takes no longer gets no bar.
    patience: Duration,
    /// What ends the line, where one can be shown.
    end: Option<&'static str>,
    /// How many characters it had.
    width: usize,
}

impl Bar {
    /// Characters of a full bar.
    pub const LENGTH: usize = 20;

    /// Begins a bar for work that takes longer than `patience`.
    pub fn begin(patience: Duration) -> Self {
        let end = if is_live() { Some(OPEN_END) } else { io::stdout().is_terminal().then_some("") };
        let now = Instant::now();
        Self { began: now, drawn: now, patience, end, width: 0 }
    }

    /// Draws the bar when so much is done, unless it was drawn a moment before.
    pub fn draw(&mut self, done: usize, total: usize, details: fmt::Arguments) {
        let passed = self.began.elapsed();
        let whole = passed.mul_f64(total as f64 / done.max(1) as f64);
        let Some(end) = self.end else { return };
        if done == 0 || passed < self.patience || self.drawn.elapsed() < PAUSE.max(whole / MOST_MOVES) {
            return;
        }
        self.drawn = Instant::now();
        let (width, length) = (self.width, Self::LENGTH);
        let (bar, left) = ("━".repeat(length * done.min(total) / total), whole.saturating_sub(passed).as_secs_f64());
        let line = format!("{done}/{total} {bar:length$} {left:.0}s left - {details}");
        print(format_args!("\r{line:width$}{end}"));
        self.width = line.chars().count();
    }

    /// Puts a line in its place.
    pub fn finish(mut self, line: &str) {
        match std::mem::take(&mut self.width) {
            0 => print(format_args!("{line}\n")),
            width => print(format_args!("\r{line:width$}\n")),
        }
    }
}

/// Wipes the line, where nothing takes its place.
impl Drop for Bar {
    fn drop(&mut self) {
        if self.width > 0 {
            print(format_args!("\r{:width$}\r{}", "", self.end.unwrap_or_default(), width = self.width));
        }
    }
}
