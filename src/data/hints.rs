//! What is odd about a data set, though it can be learnt from: for a person to read before a training.

use tch::{Kind, Tensor};

use super::{Classes, Digits, Mnist};
use crate::{Result, Warning};

impl Mnist {
    /// What is odd about the data, a line each: training samples that are sorted by class, dark ink on a white ground, faint
    /// pixels, classes that are missing or nearly so, labels from 1. Nothing where the data are as MNIST is.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when tensors do not have the shapes of [`Digits`].
    pub fn hints(&self) -> Result<Vec<Warning>> {
        let hints = [sorted(&self.train)?, ground(&self.train)?, missing(self)?, from_one(&self.train.classes)];
        Ok(hints.into_iter().flatten().map(Warning).collect())
    }
}

/// Classes that are common in the whole and missing in the last fifth, of which validation digits are usually taken.
fn sorted(train: &Digits) -> Result<Option<String>> {
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
fn ground(train: &Digits) -> Result<Option<String>> {
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
            "The pixels of {name} go up to {most}, where ink is 255: multiply them, or training is slow."
        )));
    }
    Ok(None)
}

/// Classes with few samples or none, in either part.
fn missing(mnist: &Mnist) -> Result<Option<String>> {
    let mut rare = Vec::new();
    for (part, digits) in [("training", &mnist.train), ("test", &mnist.test)] {
        let counts = counts(&digits.labels, &digits.classes)?;
        let present = counts.iter().filter(|count| **count > 0).count().max(1);
        let mean = digits.len() / present;
        let is_rare = |count: i64| count == 0 || (count < 20 && count * 5 < mean as i64);
        let named = counts.iter().enumerate().filter(|(_, count)| is_rare(**count));
        let named: Vec<_> = named.map(|(class, count)| format!("{count} of {}", digits.classes.name(class))).collect();
        if !named.is_empty() {
            rare.push(format!("{part} samples: {}", named.join(", ")));
        }
    }
    let text = format!("Classes of {} are missing or nearly so ({}).", mnist.train.name, rare.join("; "));
    Ok((!rare.is_empty()).then_some(text))
}

/// Labels that count from 1.
fn from_one(classes: &Classes) -> Option<String> {
    let is_counted = classes.names().iter().enumerate().all(|(class, name)| *name == (class + 1).to_string());
    let letters = if classes.len() == 26 { ", as EMNIST's letters do, which lie on their side, too" } else { "" };
    (is_counted && !classes.is_empty()).then(|| {
        format!(
            "The labels go from 1 to {count}{letters}: the classes keep these names, but are counted from 0. A file \
             classes.txt beside the data, with a name per line, names them.",
            count = classes.len()
        )
    })
}

/// How many samples each class has.
fn counts(labels: &Tensor, classes: &Classes) -> Result<Vec<i64>> {
    Ok(Vec::try_from(labels.f_bincount::<Tensor>(None, classes.len() as i64)?)?)
}
