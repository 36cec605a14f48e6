//! Reads pictures with a network that was saved.

use std::{fs, path::Path};

use mnist_classification::{
    Error, Result,
    data::Classes,
    model::{Layer, Network},
    support::weights_file,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Answer, Picture, classify, classify_or_reject};

/// The most values that a layer may give for a picture: 64 MB.
const LARGEST: usize = 1 << 24;

/// The file of the logit for none of the classes, beside a network's weights.
pub(crate) const NONE: &str = "none.safetensors";

/// A saved network that reads pictures.
#[derive(Debug)]
pub struct Classifier {
    network: Network,
    /// The logit for none of the classes, where the network has one.
    none: Option<Network>,
    /// Height and width of the pictures that the network takes.
    size: [usize; 2],
    classes: Classes,
    /// The name of the data, where it is known.
    data: Option<String>,
}

impl Classifier {
    /// Loads the network of a finished run, or one that [`save`](mnist_classification::model::Model::save) wrote.
    ///
    /// # Errors
    /// As [`Network::load`]; [`Error::Malformed`] for a network that takes no grey pictures.
    pub fn load(folder: &Path) -> Result<Self> {
        let network = Network::load(folder)?;
        let (plan, shapes) = (network.plan(), network.plan().shapes()?);
        let malformed = |found: String, expected: &str| Error::malformed(weights_file(folder), found, expected);
        let fits = |[height, width]: &[usize; 2]| plan.input == [height * width] || plan.input == [1, *height, *width];
        let size = setting(folder, "shape").filter(fits).or(plan.picture()).ok_or_else(|| {
            let found = format!("a network for samples of shape {:?}", plan.input);
            malformed(found, "one for grey pictures, such as [784] or [1, 28, 28]")
        })?;
        let values = |shape: &Vec<usize>| shape.iter().product::<usize>();
        let largest = shapes.iter().chain([&plan.input]).map(values).max().unwrap_or_default();
        if largest > LARGEST {
            let found = format!("a layer with {largest} values a picture");
            return Err(malformed(found, &format!("at most {LARGEST} (64 MB)")));
        }
        let none = none_of(&shapes, folder)?;
        let count = shapes.last().map_or(0, values);
        let classes = setting(folder, "classes").filter(|classes: &Classes| classes.len() == count);
        let classes = classes.unwrap_or_else(|| Classes::numbered(count));
        Ok(Self { network, none, size, classes, data: setting(folder, "name") })
    }

    /// Returns the name of the data that the network was trained on, where its run has noted it.
    pub fn learnt_from(&self) -> Option<&str> {
        self.data.as_deref()
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    pub(crate) fn none(&self) -> Option<&Network> {
        self.none.as_ref()
    }

    /// Finds the digits or letters of a picture, or one thing where the classes are neither.
    ///
    /// # Errors
    /// As [`Picture::of_digits`].
    pub fn open(&self, picture: &Path) -> Result<Picture> {
        self.opener()(picture)
    }

    /// Returns [`Classifier::open`] for several threads: unlike the network, it may be called from each.
    pub fn opener(&self) -> impl Fn(&Path) -> Result<Picture> + Sync + use<> {
        let (size, names) = (self.size, self.classes.names());
        let are_characters = names.iter().filter(|name| name.chars().count() < 3).count() * 2 > names.len();
        move |picture| Picture::read(picture, size, are_characters)
    }

    /// Says what a picture shows.
    ///
    /// # Errors
    /// As [`classify`].
    pub fn classify(&self, picture: &Picture) -> Result<Answer> {
        match &self.none {
            Some(none) => classify_or_reject(&self.network, none, picture, &self.classes),
            None => classify(&self.network, picture, &self.classes),
        }
    }
}

/// Loads the logit for none of a network's classes, from [`NONE`] beside its weights; there may be none. It
/// takes what the last of the network's layers takes, whose output shapes these are.
fn none_of(shapes: &[Vec<usize>], folder: &Path) -> Result<Option<Network>> {
    let file = weights_file(folder).with_file_name(NONE);
    if !file.is_file() {
        return Ok(None);
    }
    let none = Network::load(&file)?;
    let taken = shapes.iter().rev().nth(1).cloned().unwrap_or_default();
    if none.plan().input != taken || none.plan().layers != [Layer::Dense(1)] {
        let expected = format!("Dense(1) from what the last layer beside it takes, {taken:?}");
        return Err(Error::malformed(file, none.plan(), expected));
    }
    Ok(Some(none))
}

/// Reads what the run in this folder was trained on: its pictures' `shape` or its `classes`.
fn setting<T: DeserializeOwned>(folder: &Path, name: &str) -> Option<T> {
    let record: Value = serde_json::from_str(&fs::read_to_string(folder.join("run.json")).ok()?).ok()?;
    serde_json::from_value(record["settings"]["data"][name].clone()).ok()
}
