//! The same samples, read by networks that differ in their seed: which mistakes stay.

use mnist_classification::{
    Error, Result,
    data::Classes,
    metrics::{
        ConfusionMatrix,
        significance::{mean, mean_interval},
    },
    training::Predictions,
};
use polars::prelude::{DataFrame, df};

/// The mistakes that several networks have in common, and those in which they differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Stability {
    /// How many networks there are.
    pub networks: usize,
    /// Of each sample, how many networks are wrong.
    pub wrong: Vec<usize>,
    /// The share of samples that two networks take for different classes: the mean over all pairs of networks.
    pub changes: f64,
    /// Of each class that has samples, the accuracy over the networks.
    pub classes: Vec<ClassAccuracy>,
    names: Classes,
}

/// How accurate networks are on the samples of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassAccuracy {
    /// The class.
    pub class: usize,
    /// The mean over the networks, from 0 to 1.
    pub mean: f64,
    /// The 95 % confidence interval of the mean, by Student's t.
    pub interval: [f64; 2],
}

impl Stability {
    /// Compares the predictions of at least two networks.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for fewer than two; [`Error::Mismatch`] when they are not of the same samples;
    /// [`Error::Empty`] when there is no sample.
    pub fn of(predictions: &[Predictions]) -> Result<Self> {
        let [first, _, ..] = predictions else {
            return Err(Error::invalid_setting("number of networks", predictions.len(), "at least 2"));
        };
        for each in predictions {
            each.check()?;
            if (&each.truth, &each.classes) != (&first.truth, &first.classes) {
                return Err(Error::mismatch("predictions", &each.name, format!("the same samples of {}", first.name)));
            }
        }
        let wrong_on = |sample| predictions.iter().filter(|each| each.predicted[sample] != first.truth[sample]).count();
        let confusions = predictions.iter().map(ConfusionMatrix::of).collect::<Result<Vec<_>>>()?;
        let classes = (0..first.classes.len()).filter(|class| first.truth.contains(class));
        Ok(Self {
            networks: predictions.len(),
            wrong: (0..first.truth.len()).map(wrong_on).collect(),
            changes: changes(predictions),
            classes: classes.filter_map(|class| accuracy(&confusions, class)).collect(),
            names: first.classes.clone(),
        })
    }

    /// Lists the samples that every network gets wrong.
    pub fn always_wrong(&self) -> Vec<usize> {
        self.samples(|wrong| wrong == self.networks)
    }

    /// Lists the samples that some networks get wrong, and others right.
    pub fn sometimes_wrong(&self) -> Vec<usize> {
        self.samples(|wrong| wrong > 0 && wrong < self.networks)
    }

    /// Lists the samples that no network gets wrong.
    pub fn never_wrong(&self) -> Vec<usize> {
        self.samples(|wrong| wrong == 0)
    }

    /// Makes a row per class that has samples: `class`, then `accuracy`, the mean, and `low` and `high`, the ends of
    /// its interval.
    ///
    /// # Errors
    /// [`Error::Polars`] as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        let column = |number: fn(&ClassAccuracy) -> f64| self.classes.iter().map(number).collect::<Vec<_>>();
        Ok(df![
            "class" => self.classes.iter().map(|each| self.names.name(each.class)).collect::<Vec<_>>(),
            "accuracy" => column(|each| each.mean),
            "low" => column(|each| each.interval[0]),
            "high" => column(|each| each.interval[1]),
        ]?)
    }

    fn samples(&self, is_chosen: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.wrong.len()).filter(|&sample| is_chosen(self.wrong[sample])).collect()
    }
}

/// Computes [`Stability::changes`].
fn changes(predictions: &[Predictions]) -> f64 {
    let mut changes = Vec::new();
    for (index, one) in predictions.iter().enumerate() {
        for other in &predictions[index + 1..] {
            let changed = one.predicted.iter().zip(&other.predicted).filter(|(one, other)| one != other).count();
            changes.push(changed as f64 / one.predicted.len() as f64);
        }
    }
    mean(&changes).unwrap_or_default()
}

/// Computes the accuracy on a class that has samples.
fn accuracy(confusions: &[ConfusionMatrix], class: usize) -> Option<ClassAccuracy> {
    let of_class = |each: &ConfusionMatrix| each.count(class, class) as f64 / each.support(class) as f64;
    let accuracies: Vec<_> = confusions.iter().map(of_class).collect();
    Some(ClassAccuracy { class, mean: mean(&accuracies)?, interval: mean_interval(&accuracies)? })
}

#[cfg(test)]
mod tests;
