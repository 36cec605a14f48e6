//! Pages that work by themselves: one HTML file each with its look, its script and its data, which needs nothing else,
//! not even a network connection. Their parts lie in `page/`.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{escaped, show};
use crate::{Error, Result, files};

/// The frame and the look of all pages.
const FRAME: &str = include_str!("../../page/page.html");
const STYLE: &str = include_str!("../../page/page.css");

/// A page of one file, such as a pad to draw digits on or a model's mistakes. In a notebook it shows itself.
#[derive(Clone, Debug)]
pub struct Page {
    html: String,
    title: &'static str,
    height: u32,
}

/// What a page is put together from.
pub struct Parts {
    /// The page's title.
    pub title: &'static str,
    /// In a notebook, in pixels.
    pub height: u32,
    /// The document's body.
    pub html: &'static str,
    /// The style sheet, behind that of all pages.
    pub style: &'static str,
    /// The scripts, in order.
    pub scripts: &'static [&'static str],
}

impl Page {
    /// Puts a page together; its scripts find its data in the constant `name`.
    ///
    /// # Errors
    /// [`Error::Io`] when the data cannot be written as JSON.
    #[doc(hidden)]
    pub fn assemble(parts: Parts, name: &str, data: &impl Serialize) -> Result<Self> {
        let Parts { title, height, html, style, scripts } = parts;
        let data = serde_json::to_string(data).map_err(|error| Error::io("the page")(error.into()))?;
        // A name in the data may not end the script.
        let data = data.replace('<', "\\u003c");
        let script = format!("\"use strict\";\nconst {name} = {data};\n{}", scripts.join("\n"));
        let style = format!("{STYLE}{style}");
        let html = FRAME
            .replace("{title}", title)
            .replace("{body}", html)
            .replace("{script-hash}", &hash(&script))
            .replace("{style-hash}", &hash(&style))
            .replace("{style}", &style)
            .replace("{script}", &script);
        Ok(Self { html, title, height })
    }

    /// The file.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; then nothing is left of it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        files::write(path, &self.html)
    }

    /// Shows the page in a notebook, walled off from it: evcxr calls this for the last value of a cell.
    pub fn evcxr_display(&self) {
        let Self { title, height, html } = self;
        let style = format!("style=\"width: 100%; height: {height}px; border: 0\"");
        let frame = format!("sandbox=\"allow-scripts\" {style} title=\"{}\"", escaped(title));
        let html = format!("<iframe {frame} srcdoc=\"{}\"></iframe>", escaped(html));
        show(&[("text/html", &html), ("text/plain", &format!("A page: {title}"))]);
    }
}

/// The CSP hash that permits this script or style.
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}
