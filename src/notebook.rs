//! What cells show: tables, pages, warnings, each in the form that evcxr passes on to Jupyter.

pub(crate) mod page;
mod tables;
mod warning;

pub use page::Page;
pub use tables::Table;
pub use warning::Warning;

/// Shows one thing in several forms, each with its MIME type; who displays it takes the form that it can show best.
pub fn show(forms: &[(&str, &str)]) {
    for (kind, content) in forms {
        println!("EVCXR_BEGIN_CONTENT {kind}\n{content}\nEVCXR_END_CONTENT");
    }
}

/// Escapes text for HTML, including attribute values.
pub fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
