//! The page to draw a digit on: a pad, its scripts, and networks in eight bits a weight.

use std::path::Path;

use mnist_classification::{
    Error, Result,
    model::{Model, Network},
    notebook::Page,
    support::Parts,
};
use serde::Serialize;

use crate::{
    Classifier, SURE,
    choice::{LIKELY, SETTLED},
    classifier::NONE,
    folded::folded,
    quantised::{Quantised, quantise},
};

const PARTS: Parts = Parts {
    title: "Draw a digit",
    height: 670,
    html: include_str!("../../../page/pad.html"),
    style: include_str!("../../../page/pad.css"),
    scripts: &[
        include_str!("../../../page/network.js"),
        include_str!("../../../page/parts.js"),
        include_str!("../../../page/writing.js"),
        include_str!("../../../page/choice.js"),
        include_str!("../../../page/picture.js"),
        include_str!("../../../page/ground.js"),
        include_str!("../../../page/paper.js"),
        include_str!("../../../page/reader.js"),
        include_str!("../../../page/hand.js"),
        include_str!("../../../page/pad.js"),
        include_str!("../../../page/photograph.js"),
    ],
};

/// In pixels, the room for a further network's bars.
const BARS: u32 = 300;

/// Makes the page to draw digits on, which these networks read, each with its name; the names show where there are
/// several.
///
/// # Errors
/// [`Error::Mismatch`] for a network that does not tell ten digits from 28 × 28 pixels, or has a batch normalisation
/// that cannot be folded.
pub fn pad(networks: &[(&str, &Network)]) -> Result<Page> {
    let readers = networks.iter().map(|(name, network)| Ok(Reader::new(name, network, None)?.0));
    page(readers.collect::<Result<_>>()?)
}

/// Makes the page for a saved network, with its logit for "no digit" where it has one; and saves it as the page has it,
/// folded and with eight bits a weight, in a folder where one is named.
///
/// # Errors
/// As [`pad`]; [`Error::Io`] where the network cannot be saved.
pub fn pad_of(classifier: &Classifier, folder: Option<&Path>) -> Result<Page> {
    let (reader, network, none) = Reader::new("network", classifier.network(), classifier.none())?;
    if let Some(folder) = folder {
        network.save(folder)?;
        none.map_or(Ok(()), |none| none.save(folder.join(NONE)))?;
    }
    page(vec![reader])
}

fn page(networks: Vec<Reader>) -> Result<Page> {
    let height = PARTS.height + BARS * networks.len().saturating_sub(1) as u32;
    let readers = Readers { networks, sure: SURE, settled: SETTLED, likely: LIKELY };
    Page::assemble(Parts { height, ..PARTS }, "READER", &readers)
}

/// A network as the page's script reads it.
#[derive(Serialize)]
struct Reader {
    name: String,
    layers: Vec<Quantised>,
    /// The layer for "no digit", of what the last layer takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<Quantised>,
}

impl Reader {
    /// Returns a reader, and its networks as it has them: folded, and with eight bits a weight.
    fn new(name: &str, network: &Network, none: Option<&Network>) -> Result<(Self, Network, Option<Network>)> {
        let network = folded(network)?;
        let plan = network.plan();
        if plan.picture() != Some([28, 28]) || plan.shapes()?.pop() != Some(vec![10]) {
            return Err(Error::mismatch("a network for the page", plan, "from 28 × 28 pixels to ten logits"));
        }
        let layers = quantise(&network)?;
        let none = none.map(folded).transpose()?;
        let of_none = none.as_ref().map(quantise).transpose()?.and_then(|layers| layers.into_iter().next());
        Ok((Self { name: name.into(), layers, none: of_none }, network, none))
    }
}

/// What the page's script finds.
#[derive(Serialize)]
struct Readers {
    networks: Vec<Reader>,
    /// An answer with a lower probability is doubtful.
    sure: f64,
    /// Digits with a lower probability may be others that touch or are in pieces, when those have at least the other
    /// one.
    settled: f64,
    likely: f64,
}

#[cfg(test)]
mod tests {
    use mnist_classification::model::Layer::*;

    use super::*;

    #[test]
    fn only_networks_for_digits_get_a_page() {
        for (input, layers) in [(&[1, 28, 28][..], &[Flatten, Dense(26)][..]), (&[1, 20, 20], &[Flatten, Dense(10)])] {
            let error = pad(&[("", &Network::new(input, layers, 0).unwrap())]).unwrap_err().to_string();
            assert!(error.starts_with("a network for the page: found ["), "{error}");
        }
        let network = Network::new([784], [Dense(20), Relu, Dense(10)], 0).unwrap();
        let values = || network.parameters().iter().map(|(_, tensor)| tensor.detach().copy()).collect::<Vec<_>>();
        let before = values();
        let page = pad(&[("one", &network), ("the <other>", &network)]).unwrap();
        assert!(values().iter().zip(&before).all(|(now, before)| now == before));
        let (_, of_page, _) = Reader::new("", &network, None).unwrap();
        assert!(of_page.parameters().iter().zip(&before).any(|((_, rounded), before)| rounded != before));
        assert!(page.html().contains("\"name\":\"one\"") && page.html().contains("the \\u003cother>"));
    }
}
