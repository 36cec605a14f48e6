//! What cells show: tables, pages, warnings, each in the form that evcxr passes on to Jupyter; and what changes while a
//! cell runs.

mod bar;
mod live;
pub(crate) mod page;
mod tables;

use std::{
    fmt,
    io::{self, Write},
};

pub(crate) use bar::Bar;
pub use live::{Content, Live};
pub use page::Page;
pub use tables::Table;

use crate::{Result, data::Dataset};

/// Shows one thing in several forms, each with its MIME type; who displays it takes the form that it can show best.
pub fn show(forms: &[(&str, impl fmt::Display)]) {
    for (kind, content) in forms {
        print(format_args!("EVCXR_BEGIN_CONTENT {kind}\n{content}\nEVCXR_END_CONTENT\n"));
    }
}

/// Writes to standard output, where `println!` would panic when nobody reads on or the disk is full: that is no reason
/// to lose a training.
pub fn print(text: fmt::Arguments) {
    let mut output = io::stdout();
    let _ = output.write_fmt(text).and_then(|()| output.flush());
}

/// Escapes text for HTML, including attribute values.
pub fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// Loads MNIST or, where it cannot be had, draws digits by a program in its place and shows a warning that says why.
///
/// # Errors
/// As [`Dataset::drawn`].
pub fn mnist_or_drawn(seed: u64) -> Result<Dataset> {
    Dataset::mnist().or_else(|error| {
        let instead = "This run uses digits drawn by a program instead. Its results say nothing about MNIST.";
        Warning(format!("{error}. {instead}")).evcxr_display();
        Dataset::drawn(seed)
    })
}

/// One line of text, shown in a colored box.
///
/// ```
/// use mnist_classification::prelude::*;
/// Warning("These digits are not MNIST's.".into()).evcxr_display();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub String);

impl Warning {
    /// Shows the box in a notebook: evcxr calls this for the last value of a cell.
    pub fn evcxr_display(&self) {
        let style = "border-left: 6px solid #d55e00; background: #fdebd3; color: #3d1c00; padding: 10px 14px";
        let html = format!("<div style=\"{style}\"><b>Warning.</b> {}</div>", escaped(&self.0));
        show(&[("text/html", &html), ("text/plain", &self.to_string())]);
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "Warning. {}", self.0)
    }
}
