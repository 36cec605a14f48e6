//! What a cell shows, in the form that evcxr passes on to Jupyter.

/// Shows one thing in several forms, each with its MIME type; who displays it takes the form that it can show best.
pub(crate) fn show(forms: &[(&str, &str)]) {
    for (kind, content) in forms {
        println!("EVCXR_BEGIN_CONTENT {kind}\n{content}\nEVCXR_END_CONTENT");
    }
}

/// Escapes text for HTML, including attribute values.
pub(crate) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
