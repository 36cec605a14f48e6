//! A warning that stands out in a notebook.

use std::fmt;

use super::{escaped, show};

/// One line of text, shown in a coloured box.
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
