//! Which class a picture shows, by a network that was saved.

use std::{fs, path::Path};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tch::Kind;

use crate::{
    Error, Result,
    data::{self, Classes},
    model::{Model, Network, weights},
};

/// A saved network that reads pictures.
#[derive(Debug)]
pub struct Reader {
    network: Network,
    /// Height and width of the pictures that the network takes.
    size: [usize; 2],
    classes: Classes,
}

/// What a network takes a picture for.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The name of the class with the highest probability.
    pub answer: String,
    /// The name and the probability of each class.
    pub probabilities: Vec<(String, f64)>,
}

impl Reader {
    /// Loads the network of a finished run, or one that [`Network::save`] wrote.
    ///
    /// # Errors
    /// As [`Network::load`]; [`Error::Malformed`] for a network that takes no grey pictures.
    pub fn load(folder: &Path) -> Result<Self> {
        let network = Network::load(folder)?;
        let Some(size) = shape(folder).filter(|size| fits(size, &network)).or(network.plan().picture()) else {
            let (file, found) =
                (weights::file(folder), format!("a network for samples of shape {:?}", network.plan().input));
            let expected = "one for grey pictures, such as [784] or [1, 28, 28]".into();
            return Err(Error::Malformed { file, found, expected });
        };
        let count = network.plan().shapes()?.last().map_or(0, |shape| shape.iter().product());
        let classes = classes(folder).filter(|classes| classes.len() == count);
        Ok(Self { network, size, classes: classes.unwrap_or_else(|| Classes::numbered(count)) })
    }

    /// Reads a picture.
    ///
    /// # Errors
    /// [`Error::Missing`] or [`Error::Malformed`] for a picture that cannot be read.
    pub fn read(&self, picture: &Path) -> Result<Reading> {
        let _guard = tch::no_grad_guard();
        let logits = self.network.forward(&data::picture(picture, self.size)?)?;
        let probabilities = Vec::<f64>::try_from(logits.f_softmax(1, Kind::Double)?.f_reshape([-1])?)?;
        let names = self.classes.names().iter().cloned();
        let probabilities: Vec<_> = names.zip(probabilities).collect();
        let best = probabilities.iter().max_by(|(_, one), (_, other)| one.total_cmp(other));
        Ok(Reading { answer: best.map(|(name, _)| name.clone()).unwrap_or_default(), probabilities })
    }
}

/// Whether pictures of this height and width are a network's samples.
fn fits([height, width]: &[usize; 2], network: &Network) -> bool {
    network.plan().input == [height * width] || network.plan().input == [1, *height, *width]
}

/// The height and width of the pictures that the run in this folder was trained on.
fn shape(folder: &Path) -> Option<[usize; 2]> {
    settings(folder, "/settings/data/shape")
}

/// The names of the classes that the run in this folder was trained on.
fn classes(folder: &Path) -> Option<Classes> {
    settings(folder, "/settings/data/classes")
}

fn settings<T: DeserializeOwned>(folder: &Path, name: &str) -> Option<T> {
    let record: Value = serde_json::from_str(&fs::read_to_string(folder.join("run.json")).ok()?).ok()?;
    serde_json::from_value(record.pointer(name)?.clone()).ok()
}
