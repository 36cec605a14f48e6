//! Which samples an epoch takes, and in which order.

use rand::{
    distributions::{Distribution, WeightedIndex},
    seq::SliceRandom,
};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::predict;
use crate::{Error, Result, data::Samples, model::Model, random::Random};

/// How often an epoch takes which samples. Where some are favoured, an epoch draws as many as there are, each anew from
/// all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Sampling {
    /// Each sample once.
    #[default]
    Even,
    /// Samples that the model gets wrong when the epoch begins are drawn `times` as often as the others.
    Mistakes {
        /// From 1 to a million.
        times: f64,
    },
    /// Samples of these classes are drawn `times` as often as the others.
    Classes {
        /// Such as 4 and 9, which are often confused.
        classes: Vec<usize>,
        /// From 1 to a million.
        times: f64,
    },
}

impl Sampling {
    /// # Errors
    /// [`Error::InvalidSetting`] for a sampling that cannot work on samples of so many classes.
    pub(super) fn check(&self, count: usize) -> Result<()> {
        match self {
            Self::Classes { classes, .. } if classes.iter().any(|&class| class >= count) => {
                let expected = format!("classes from 0 to {}", count.saturating_sub(1));
                Err(Error::invalid_setting("sampling classes", format!("{classes:?}"), expected))
            }
            Self::Mistakes { times } | Self::Classes { times, .. } if !(1.0..=1e6).contains(times) => {
                Err(Error::invalid_setting("sampling times", times, "how often a sample is drawn, from 1 to a million"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the positions of the samples in the order in which an epoch takes them; where each is taken once,
    /// `shuffle` says whether in a new order.
    ///
    /// # Errors
    /// As [`predict`], where the model's mistakes are favoured.
    pub(super) fn order(
        &self,
        model: &dyn Model,
        samples: &Samples,
        shuffle: bool,
        mut random: Random,
    ) -> Result<Tensor> {
        let mut order: Vec<i64> = (0..samples.len() as i64).collect();
        if let Some(weights) = self.weights(model, samples)? {
            let weighted = WeightedIndex::new(weights)
                .map_err(|error| Error::invalid_setting("sampling", error, "samples to draw from"))?;
            order.iter_mut().for_each(|position| *position = weighted.sample(&mut random) as i64);
        } else if shuffle {
            order.shuffle(&mut random);
        }
        Ok(Tensor::from_slice(&order))
    }

    /// Returns how often each sample is drawn in relation to the others; nothing where all are taken once.
    fn weights(&self, model: &dyn Model, samples: &Samples) -> Result<Option<Vec<f64>>> {
        let weigh = |favoured: bool, times: &f64| if favoured { *times } else { 1.0 };
        Ok(match self {
            Self::Even => None,
            Self::Mistakes { times } => {
                let predictions = predict(model, samples)?;
                let answers = predictions.predicted.iter().zip(&predictions.truth);
                Some(answers.map(|(class, truth)| weigh(class != truth, times)).collect())
            }
            Self::Classes { classes, times } => {
                let labels = Vec::<i64>::try_from(&samples.labels)?;
                Some(labels.iter().map(|&label| weigh(classes.contains(&(label as usize)), times)).collect())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::Dataset, model::Network};

    #[test]
    fn mistakes_weigh_more() {
        let (digits, _) = Dataset::drawn(0).unwrap().train.preprocess().split(0.99).unwrap();
        let model = Network::mlp([784, 10], 0).unwrap();
        let predictions = predict(&model, &digits).unwrap();
        let weights = Sampling::Mistakes { times: 5.0 }.weights(&model, &digits).unwrap().unwrap();
        let answers = predictions.predicted.iter().zip(&predictions.truth);
        let expected: Vec<_> = answers.map(|(class, truth)| if class == truth { 1.0 } else { 5.0 }).collect();
        assert_eq!(weights, expected);
        assert!(weights.contains(&1.0) && weights.contains(&5.0));
    }
}
