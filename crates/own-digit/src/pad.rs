//! The page to draw a digit on: a pad, its scripts, and networks in eight bits a weight.

use mnist_classification::{Error, Result, model::Network, notebook::Page, support::Parts};
use serde::Serialize;

use crate::{
    SURE,
    classify::{BOTH, ONE},
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
        include_str!("../../../page/writing.js"),
        include_str!("../../../page/picture.js"),
        include_str!("../../../page/pad.js"),
    ],
};

/// In pixels, the room for a further network's bars.
const BARS: u32 = 280;

/// Makes the page to draw digits on, which these networks read, each with its name; the names show where there are
/// several.
///
/// # Errors
/// [`Error::Mismatch`] for a network that does not tell ten digits from 28 × 28 pixels, or has a batch normalisation
/// that cannot be folded.
pub fn pad(networks: &[(&str, &Network)]) -> Result<Page> {
    pad_and_networks(networks).map(|(page, _)| page)
}

/// Makes the page, and the networks as the page has them: folded, and their weights in eight bits.
///
/// # Errors
/// As [`pad`].
pub fn pad_and_networks(networks: &[(&str, &Network)]) -> Result<(Page, Vec<Network>)> {
    let reader = |&(name, network): &(&str, &Network)| {
        let network = folded(network)?;
        let plan = network.plan();
        if plan.picture() != Some([28, 28]) || plan.shapes()?.pop() != Some(vec![10]) {
            return Err(Error::mismatch("a network for the page", plan, "from 28 × 28 pixels to ten logits"));
        }
        Ok((Reader { name: name.into(), layers: quantise(&network)? }, network))
    };
    let both = networks.iter().map(reader).collect::<Result<Vec<_>>>()?;
    let (readers, networks): (Vec<_>, Vec<_>) = both.into_iter().unzip();
    let height = PARTS.height + BARS * networks.len().saturating_sub(1) as u32;
    Ok((
        Page::assemble(
            Parts { height, ..PARTS },
            "READER",
            &Readers { networks: readers, sure: SURE, one: ONE, both: BOTH },
        )?,
        networks,
    ))
}

/// A network as the page's script reads it.
#[derive(Serialize)]
struct Reader {
    name: String,
    layers: Vec<Quantised>,
}

/// What the page's script finds.
#[derive(Serialize)]
struct Readers {
    networks: Vec<Reader>,
    /// An answer with a lower probability is doubtful.
    sure: f64,
    /// A digit with a lower probability may be two that touch, when both have at least the other one.
    one: f64,
    both: f64,
}

#[cfg(test)]
mod tests {
    use mnist_classification::model::{Layer::*, Model};

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
        let (page, of_page) = pad_and_networks(&[("one", &network), ("the <other>", &network)]).unwrap();
        assert!(values().iter().zip(&before).all(|(now, before)| now == before));
        assert!(of_page[1].parameters().iter().zip(&before).any(|((_, rounded), before)| rounded != before));
        assert!(page.html().contains("\"name\":\"one\"") && page.html().contains("the \\u003cother>"));
    }
}
