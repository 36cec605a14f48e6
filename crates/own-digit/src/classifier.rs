//! Which digits a picture shows, by a network that was saved.

use std::{fs, path::Path};

use mnist_classification::{Error, Result, data::Classes, model::Network, support::weights};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Answer, Picture, classify, classify_or_reject};

/// So many values a layer may give for a picture: 64 MB.
const LARGEST: usize = 1 << 24;

/// A saved network that reads pictures.
#[derive(Debug)]
pub struct Classifier {
    network: Network,
    /// The logit for none of the classes, where the network has one.
    none: Option<Network>,
    /// Height and width of the pictures that the network takes.
    size: [usize; 2],
    classes: Classes,
}

impl Classifier {
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
        let values = |shape: &Vec<usize>| shape.iter().product::<usize>();
        let plan = network.plan();
        let largest = plan.shapes()?.iter().chain([&plan.input]).map(values).max().unwrap_or_default();
        if largest > LARGEST {
            let found = format!("a layer with {largest} values a picture");
            let expected = format!("at most {LARGEST} (64 MB)");
            return Err(Error::Malformed { file: weights::file(folder), found, expected });
        }
        let none = none_of(&network, folder)?;
        let count = network.plan().shapes()?.last().map_or(0, |shape| shape.iter().product());
        let classes = classes(folder).filter(|classes| classes.len() == count);
        Ok(Self { network, none, size, classes: classes.unwrap_or_else(|| Classes::numbered(count)) })
    }

    /// Finds the digits or letters of a picture, or one thing where the classes are neither.
    ///
    /// # Errors
    /// As [`Picture::of_digits`].
    pub fn open(&self, picture: &Path) -> Result<Picture> {
        self.opener()(picture)
    }

    /// [`Classifier::open`] for several pictures at once: a network stays on its thread, what opens its pictures need not.
    pub fn opener(&self) -> impl Fn(&Path) -> Result<Picture> + Sync + use<> {
        let (size, names) = (self.size, self.classes.names());
        let are_characters = names.iter().all(|name| name.chars().count() < 3);
        move |picture| {
            if are_characters { Picture::of_digits(picture, size) } else { Picture::of_one(picture, size) }
        }
    }

    /// What a picture shows.
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

/// Whether pictures of this height and width are a network's samples.
fn fits([height, width]: &[usize; 2], network: &Network) -> bool {
    network.plan().input == [height * width] || network.plan().input == [1, *height, *width]
}

/// The logit for none of a network's classes, from `none.safetensors` beside its weights; there may be none.
fn none_of(network: &Network, folder: &Path) -> Result<Option<Network>> {
    let file = weights::file(folder).with_file_name("none.safetensors");
    if !file.is_file() {
        return Ok(None);
    }
    let none = Network::load(&file)?;
    let taken = network.plan().shapes()?.into_iter().rev().nth(1);
    if taken != Some(none.plan().input.clone()) || none.plan().shapes()?.pop() != Some(vec![1]) {
        let expected = format!("one output from what the last layer beside it takes, {:?}", taken.unwrap_or_default());
        return Err(Error::Malformed { file, found: none.plan().to_string(), expected });
    }
    Ok(Some(none))
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
