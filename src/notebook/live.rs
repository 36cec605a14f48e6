//! What a cell shows while it works: a picture, a table or a text that the next one replaces.

use std::{
    env,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, json};

use super::{Table, print};
use crate::Result;

/// Set where `scripts/kernel.py` passes on what is printed, and the start of what this script makes a message to
/// Jupyter of.
const LIVE: &str = "MNIST_LIVE";
const MESSAGE: char = '\u{1e}';

/// Whether a cell's output can be replaced while the cell runs.
pub(super) fn is_live() -> bool {
    static IS_LIVE: OnceLock<bool> = OnceLock::new();
    *IS_LIVE.get_or_init(|| env::var_os(LIVE).is_some())
}

/// What [`Live`] shows: a [`Figure`](crate::figures::Figure), a polars frame, a text.
pub trait Content {
    /// Returns it in words.
    fn words(&self) -> String;

    /// Returns its forms, each with its MIME type; who displays it takes the one that it can show best.
    ///
    /// # Errors
    /// As its drawing.
    fn forms(&self) -> Result<Vec<(&'static str, String)>> {
        Ok(vec![("text/plain", self.words())])
    }
}

impl Content for str {
    fn words(&self) -> String {
        self.into()
    }
}

impl Content for String {
    fn words(&self) -> String {
        self.clone()
    }
}

impl Content for polars::prelude::DataFrame {
    fn words(&self) -> String {
        Table::text(self)
    }

    fn forms(&self) -> Result<Vec<(&'static str, String)>> {
        Ok(vec![("text/html", self.html()), ("text/plain", self.words())])
    }
}

/// A place in a cell's output whose content is replaced while the cell runs. Jupyter gets at most ten states a second,
/// and always the last one. A kernel other than this project's prints a state in words, in growing intervals, and the
/// last one when this is dropped.
///
/// ```
/// use mnist_classification::prelude::*;
/// let mut live = Live::new();
/// for step in 1..=3 {
///     live.show(&format!("step {step}"))?;
/// }
/// # Ok::<(), Error>(())
/// ```
pub struct Live {
    id: String,
    /// Where states are printed: when the last was, how long the next waits at least, and the one that waits.
    printed: Option<Instant>,
    pause: Duration,
    waiting: Option<String>,
}

impl Live {
    /// Makes a place, which appears when something is shown in it.
    #[expect(clippy::new_without_default, reason = "each is another place")]
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self { id: format!("live-{now}-{count}"), printed: None, pause: Duration::from_secs(1), waiting: None }
    }

    /// Shows something in place of what was there.
    ///
    /// # Errors
    /// As a figure's drawing.
    pub fn show(&mut self, content: &(impl Content + ?Sized)) -> Result<()> {
        if is_live() {
            let data: Map<_, _> = content.forms()?.into_iter().map(|(kind, form)| (kind.into(), form.into())).collect();
            let message = json!({ "data": data, "metadata": {}, "transient": { "display_id": self.id } });
            print(format_args!("{MESSAGE}{message}\n"));
        } else if self.printed.is_none_or(|printed| printed.elapsed() >= self.pause) {
            if self.printed.replace(Instant::now()).is_some() {
                self.pause *= 2;
            }
            self.waiting = None;
            print(format_args!("{}\n", content.words()));
        } else {
            self.waiting = Some(content.words());
        }
        Ok(())
    }
}

/// Prints the last state, where it waits.
impl Drop for Live {
    fn drop(&mut self) {
        if let Some(words) = self.waiting.take() {
            print(format_args!("{words}\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elsewhere_a_thousand_states_are_the_first_and_the_last() {
        let mut live = Live::new();
        for state in 0..1_000 {
            live.show(&format!("state {state}")).unwrap();
        }
        assert_eq!((live.waiting.as_deref(), live.pause), (Some("state 999"), Duration::from_secs(1)));
        // A second later one is printed, and the next waits longer.
        live.printed = Instant::now().checked_sub(Duration::from_secs(1));
        live.show("a second later").unwrap();
        assert_eq!((live.waiting.as_deref(), live.pause), (None, Duration::from_secs(2)));
    }

    #[test]
    fn a_frame_has_two_forms_and_a_text_one() {
        let frame = polars::prelude::df!["digit" => [3]].unwrap();
        let kinds = frame.forms().unwrap().into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds, ["text/html", "text/plain"]);
        assert_eq!("text".forms().unwrap(), [("text/plain", "text".to_string())]);
    }
}
