//! The page to draw a digit on: a pad, its scripts, and a network in eight bits a weight.

use mnist_classification::{Error, Result, model::Network, notebook::Page, support::Parts};
use serde::Serialize;

use crate::{
    SURE,
    folded::folded,
    quantised::{Quantised, quantise},
};

const PARTS: Parts = Parts {
    title: "Draw a digit",
    height: 600,
    html: include_str!("../../../page/pad.html"),
    style: include_str!("../../../page/pad.css"),
    scripts: &[
        include_str!("../../../page/network.js"),
        include_str!("../../../page/parts.js"),
        include_str!("../../../page/picture.js"),
        include_str!("../../../page/pad.js"),
    ],
};

/// Makes the page to draw digits on, which this network reads.
///
/// # Errors
/// [`Error::Mismatch`] for a network that does not tell ten digits from 28 × 28 pixels, or has a batch normalisation
/// that cannot be folded.
pub fn pad(network: &Network) -> Result<Page> {
    pad_and_network(network).map(|(page, _)| page)
}

/// Makes the page, and the network as the page has it: folded, and its weights in eight bits.
///
/// # Errors
/// As [`pad`].
pub fn pad_and_network(network: &Network) -> Result<(Page, Network)> {
    let network = folded(network)?;
    let plan = network.plan();
    if plan.picture() != Some([28, 28]) || plan.shapes()?.pop() != Some(vec![10]) {
        return Err(Error::mismatch("a network for the page", plan, "from 28 × 28 pixels to ten logits"));
    }
    let reader = Reader { layers: quantise(&network)?, sure: SURE };
    Ok((Page::assemble(PARTS, "READER", &reader)?, network))
}

/// The network as the page's script reads it.
#[derive(Serialize)]
struct Reader {
    layers: Vec<Quantised>,
    /// An answer with a lower probability is doubtful.
    sure: f64,
}

#[cfg(test)]
mod tests {
    use mnist_classification::model::{Layer::*, Model};

    use super::*;

    #[test]
    fn only_networks_for_digits_get_a_page() {
        for (input, layers) in [(&[1, 28, 28][..], &[Flatten, Dense(26)][..]), (&[1, 20, 20], &[Flatten, Dense(10)])] {
            let error = pad(&Network::new(input, layers, 0).unwrap()).unwrap_err().to_string();
            assert!(error.starts_with("a network for the page: found ["), "{error}");
        }
        let network = Network::new([784], [Dense(20), Relu, Dense(10)], 0).unwrap();
        let values = || network.parameters().iter().map(|(_, tensor)| tensor.detach().copy()).collect::<Vec<_>>();
        let before = values();
        let (_, of_page) = pad_and_network(&network).unwrap();
        assert!(values().iter().zip(&before).all(|(now, before)| now == before));
        assert!(of_page.parameters().iter().zip(&before).any(|((_, rounded), before)| rounded != before));
        assert!(pad(&Network::new([784], [Dense(20), Relu, Dense(10)], 0).unwrap()).is_ok());
    }
}
