//! What is odd about a data set, though it can be learnt from: for a person to read before a training.

use tch::{Kind, Tensor};

use super::{
    classes::Classes,
    digits::{Dataset, Images},
};
use crate::{Result, notebook::Warning};

impl Dataset {
    /// What is odd about the data, a line each: training samples that are sorted by class, dark ink on a white ground, faint
    /// pixels, classes that are missing or nearly so, labels from 1. Nothing where the data are as MNIST is.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when tensors do not have the shapes of [`Images`].
    pub fn warnings(&self) -> Result<Vec<Warning>> {
        let Self { train, test } = self;
        let missing = [missing(train, "training")?, missing(test, "test")?];
        let hints = [from_one(train), sorted(train)?, ground(train)?].into_iter().chain(missing);
        Ok(hints.flatten().map(Warning).collect())
    }
}

/// Classes that are common in the whole and missing in the last fifth, from which validation samples are usually taken.
fn sorted(train: &Images) -> Result<Option<String>> {
    let count = train.len() as i64;
    let last = count / 5;
    let all = counts(&train.labels, &train.classes)?;
    let tail = counts(&train.labels.f_narrow(0, count - last, last)?, &train.classes)?;
    let expected: f64 = all.iter().zip(&tail).filter(|(_, tail)| **tail == 0).map(|(all, _)| *all as f64 / 5.0).sum();
    // In a random order, so many samples are all elsewhere with a probability of at most e to the −10.
    if expected < 10.0 {
        return Ok(None);
    }
    let held: Vec<_> =
        (0..tail.len()).filter(|class| tail[*class] > 0).map(|class| train.classes.name(class)).collect();
    Ok(Some(format!(
        "The training samples of {} are sorted by class: the last fifth, which usually validates, holds only {}. Shuffle \
         them, or validation says little.",
        train.name,
        held.join(", ")
    )))
}

/// A ground that is not black, or ink that is not white.
fn ground(train: &Images) -> Result<Option<String>> {
    let images = &train.images;
    let size = images.size();
    let most = images.f_max()?.int64_value(&[]);
    let edges = [(1, 0), (1, size[1] - 1), (2, 0), (2, size[2] - 1)];
    let mut border = 0.0;
    for (across, place) in edges {
        border += images.f_select(across, place)?.f_mean(Kind::Float)?.double_value(&[]) / edges.len() as f64;
    }
    let name = &train.name;
    if border > most as f64 / 2.0 && most > 0 {
        return Ok(Some(format!(
            "The ground of {name} is white: its border has a mean of {border:.0}, where paper is 0 and ink is 255. A network \
             learns from it, but networks that were trained on MNIST take it for something else."
        )));
    }
    if most < 128 {
        return Ok(Some(format!(
            "The pixels of {name} go up to {most}, where ink is 255: multiply them by {}, or training is slow.",
            255 / most.max(1)
        )));
    }
    Ok(None)
}

/// Classes with few samples or none, in either part.
fn missing(digits: &Images, part: &str) -> Result<Option<String>> {
    let counts = counts(&digits.labels, &digits.classes)?;
    let present = counts.iter().filter(|count| **count > 0).count().max(1);
    let mean = (digits.len() / present) as i64;
    let named = |is: &dyn Fn(i64) -> bool| {
        let classes = counts.iter().enumerate().filter(|(_, count)| is(**count));
        classes.map(|(class, _)| digits.classes.name(class)).collect::<Vec<_>>().join(", ")
    };
    let (none, few) = (named(&|count| count == 0), named(&|count| count > 0 && count < 20 && count * 5 < mean));
    let held = [("none", none), ("few", few)].into_iter().filter(|(_, classes)| !classes.is_empty());
    let held: Vec<_> = held.map(|(how_many, classes)| format!("{how_many} of {classes}")).collect();
    let text = format!("The {part} samples of {} hold {}.", digits.name, held.join("; and "));
    Ok((!held.is_empty()).then_some(text))
}

/// Labels that count from 1.
fn from_one(Images { name, classes, .. }: &Images) -> Option<String> {
    let is_counted = classes.names().iter().enumerate().all(|(class, name)| *name == (class + 1).to_string());
    let letters = match classes.len() {
        26 => {
            " EMNIST's letters are labelled so. If these are EMNIST's, the pictures lie on their side: Dataset::transposed, or \
             --transposed, turns them."
        }
        _ => "",
    };
    (is_counted && !classes.is_empty()).then(|| {
        format!(
            "The labels of {name} go from 1 to {}: the classes keep these names, but are counted from 0. A file classes.txt \
             beside the data, with a name per line, gives them other names.{letters}",
            classes.len()
        )
    })
}

/// How many samples each class has.
fn counts(labels: &Tensor, classes: &Classes) -> Result<Vec<i64>> {
    Ok(Vec::try_from(labels.f_bincount::<Tensor>(None, classes.len() as i64)?)?)
}
