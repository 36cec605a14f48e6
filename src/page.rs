//! The page to draw a digit on: one HTML file with its look, its script and a network in eight bits a weight, which needs
//! nothing else, not even a network connection. Its parts lie in `page/`.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    Error, Result, files,
    model::{Layer, Network, quantised::Quantised},
};

const HTML: &str = include_str!("../page/page.html");
const STYLE: &str = include_str!("../page/style.css");
const SCRIPTS: [&str; 4] = [
    include_str!("../page/network.js"),
    include_str!("../page/parts.js"),
    include_str!("../page/picture.js"),
    include_str!("../page/pad.js"),
];

/// A page with a pad to draw digits on, and a network that reads them. In a notebook it shows itself.
///
/// ```
/// use mnist_classification::{model::{Layer::*, Network}, page::Page};
/// let network = Network::new(&[1, 28, 28], &[Convolution { channels: 4, size: 3 }, Relu, Flatten, Dense(10)], 0)?;
/// assert!(Page::new(&network)?.html().starts_with("<!doctype html>"));
/// # Ok::<(), mnist_classification::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Page {
    html: String,
}

impl Page {
    /// The page with this network.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for a network that does not tell ten digits from 28 × 28 pixels, or has a batch normalisation
    /// that cannot be folded.
    pub fn new(network: &Network) -> Result<Self> {
        Self::quantising(network).map(|(page, _)| page)
    }

    /// The page with this network, and the network as the page has it: folded, and its weights in eight bits.
    ///
    /// # Errors
    /// As [`Page::new`].
    pub fn quantising(network: &Network) -> Result<(Self, Network)> {
        let network = network.folded()?;
        let plan = network.plan();
        let narrow = plan.layers.iter().find(|layer| matches!(layer, Layer::NarrowConvolution { .. }));
        let is_of_digits = plan.picture() == Some([28, 28]) && plan.shapes()?.pop() == Some(vec![10]);
        if !is_of_digits || narrow.is_some() {
            let expected = "from 28 × 28 pixels to ten logits, without NarrowConvolution".into();
            return Err(Error::Mismatch { what: "a network for the page", found: plan.to_string(), expected });
        }
        let layers: Vec<_> = network.quantise()?.into_iter().map(Stored::from).collect();
        let layers = serde_json::to_string(&layers).map_err(|error| Error::io("the page")(error.into()))?;
        let script = format!("\"use strict\";\nconst NETWORK = {layers};\n{}", SCRIPTS.join("\n"));
        let html = HTML
            .replace("{script-hash}", &hash(&script))
            .replace("{style-hash}", &hash(STYLE))
            .replace("{style}", STYLE)
            .replace("{script}", &script);
        Ok((Self { html }, network))
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
        let escaped = self.html.replace('&', "&amp;").replace('"', "&quot;");
        let frame = "sandbox=\"allow-scripts\" style=\"width: 100%; height: 600px; border: 0\" title=\"Draw a digit\"";
        println!("EVCXR_BEGIN_CONTENT text/html\n<iframe {frame} srcdoc=\"{escaped}\"></iframe>\nEVCXR_END_CONTENT");
    }
}

/// A layer as the page's script unpacks it.
#[derive(Serialize)]
struct Stored {
    layer: Layer,
    #[serde(skip_serializing_if = "String::is_empty")]
    kernel: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scales: Vec<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bias: Vec<f32>,
}

impl From<Quantised> for Stored {
    fn from(Quantised { layer, kernel, scales, bias }: Quantised) -> Self {
        let bytes: Vec<_> = kernel.into_iter().map(i8::cast_unsigned).collect();
        Self { layer, kernel: STANDARD.encode(bytes), scales, bias }
    }
}

/// By which a browser knows the one script and the one style that it may use.
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Layer::*;

    #[test]
    fn only_networks_for_digits_get_a_page() {
        for (input, layers) in [
            (&[1, 28, 28][..], &[Flatten, Dense(26)][..]),
            (&[1, 20, 20], &[Flatten, Dense(10)]),
            (&[1, 28, 28], &[NarrowConvolution { channels: 2, size: 3, stride: 2 }, Flatten, Dense(10)]),
        ] {
            let error = Page::new(&Network::new(input, layers, 0).unwrap()).unwrap_err().to_string();
            assert!(error.starts_with("a network for the page: found ["), "{error}");
        }
        assert!(Page::new(&Network::new(&[784], &[Dense(20), Relu, Dense(10)], 0).unwrap()).is_ok());
    }
}
