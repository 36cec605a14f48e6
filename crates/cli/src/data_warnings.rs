//! Tells what is odd about a data set, though it can be learnt from: for a person to read before a training.

use mnist_classification::{
    Result,
    data::{Classes, Dataset, Images},
    notebook::Warning,
};
use tch::{Kind, Tensor};

/// Tells what is odd about the data, a line each: training samples that are sorted by class, dark ink on a white
/// ground, faint pixels, classes that are missing or nearly so, labels from 1. Nothing where the data are as MNIST is.
///
/// # Errors
/// [`Error::Torch`](mnist_classification::Error::Torch) when tensors do not have the shapes of [`Images`].
pub fn data_warnings(Dataset { train, test }: &Dataset) -> Result<Vec<Warning>> {
    let background = background(train)?;
    let missing = [missing(train, "training")?, missing(test, "test")?];
    let hints = [from_one(train), sorted(train)?, background].into_iter().chain(missing);
    Ok(hints.flatten().map(Warning).collect())
}

/// Finds classes that are common in the whole and missing in the last fifth, where validation samples usually come
/// from.
fn sorted(Images { name, labels, classes, .. }: &Images) -> Result<Option<String>> {
    let fifth = labels.size()[0] / 5;
    let all = counts(labels, classes)?;
    let tail = counts(&labels.f_narrow(0, -fifth, fifth)?, classes)?;
    let expected: f64 = all.iter().zip(&tail).filter(|(_, tail)| **tail == 0).map(|(all, _)| *all as f64 / 5.0).sum();
    // In a random order, so many samples are all elsewhere with a probability of at most e to the −10.
    Ok((expected >= 10.0).then(|| {
        let held = names(classes, &tail, |count| count > 0);
        format!(
            "The training samples of {name} are sorted by class: the last fifth, which usually validates, holds only \
             {held}. Shuffle them, or validation says little."
        )
    }))
}

/// Finds a background that is not black, or ink that is not white.
fn background(Images { name, images, .. }: &Images) -> Result<Option<String>> {
    let brightest = images.f_max()?.int64_value(&[]);
    let mut border = 0.0;
    for (axis, place) in [(1, 0), (1, -1), (2, 0), (2, -1)] {
        border += images.f_select(axis, place)?.f_mean(Kind::Float)?.double_value(&[]) / 4.0;
    }
    Ok(if border > brightest as f64 / 2.0 && brightest > 0 {
        Some(format!(
            "The ground of {name} is white: its border has a mean of {border:.0}, where paper is 0 and ink is 255. A \
             network learns from it, but networks that were trained on MNIST take it for something else."
        ))
    } else if brightest < 128 {
        Some(format!(
            "The pixels of {name} go up to {brightest}, where ink is 255: multiply them by {}, or training is slow.",
            255 / brightest.max(1)
        ))
    } else {
        None
    })
}

/// Finds classes with few samples or none, in either part.
fn missing(Images { name, labels, classes, .. }: &Images, part: &str) -> Result<Option<String>> {
    let counts = counts(labels, classes)?;
    let present = counts.iter().filter(|count| **count > 0).count().max(1) as i64;
    let mean = labels.size()[0] / present;
    let none = names(classes, &counts, |count| count == 0);
    let few = names(classes, &counts, |count| count > 0 && count < 20 && count * 5 < mean);
    let held = [("none", none), ("few", few)].into_iter().filter(|(_, classes)| !classes.is_empty());
    let held: Vec<_> = held.map(|(how_many, classes)| format!("{how_many} of {classes}")).collect();
    Ok((!held.is_empty()).then(|| format!("The {part} samples of {name} hold {}.", held.join("; and "))))
}

/// Finds labels that count from 1.
fn from_one(Images { name, classes, .. }: &Images) -> Option<String> {
    let is_counted = classes.names().iter().enumerate().all(|(class, name)| *name == (class + 1).to_string());
    let letters = if classes.len() == 26 {
        " EMNIST's letters are labelled so. If these are EMNIST's, the pictures lie on their side: \
         Dataset::transposed, or --transposed, turns them."
    } else {
        ""
    };
    (is_counted && !classes.is_empty()).then(|| {
        format!(
            "The labels of {name} go from 1 to {}: the classes keep these names, but are counted from 0. A file \
             classes.txt beside the data, with a name per line, gives them other names.{letters}",
            classes.len()
        )
    })
}

/// Counts the samples of each class.
fn counts(labels: &Tensor, classes: &Classes) -> Result<Vec<i64>> {
    Ok(Vec::try_from(labels.f_bincount::<Tensor>(None, classes.len() as i64)?)?)
}

/// Joins the names of the classes with such a count.
fn names(classes: &Classes, counts: &[i64], is_such: impl Fn(i64) -> bool) -> String {
    let such = counts.iter().enumerate().filter(|(_, count)| is_such(**count));
    such.map(|(class, _)| classes.name(class)).collect::<Vec<_>>().join(", ")
}
