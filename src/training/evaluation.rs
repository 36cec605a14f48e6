//! A trained model's loss, accuracy and predictions on samples it has not seen.

use polars::prelude::{DataFrame, df};
use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use super::interrupt;
use crate::{
    Error, Result,
    data::{Classes, Samples},
    model::Model,
};

/// How many samples go through the network at once: enough to keep all processor cores busy, and few enough that what a
/// convolution gives stays in their caches.
const BATCH: usize = 250;

/// Loss and accuracy over a number of samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The mean cross-entropy, in nats.
    pub loss: f64,
    /// The share of right predictions, from 0 to 1.
    pub accuracy: f64,
}

/// The classes and probabilities that a model predicts for samples.
#[derive(Debug)]
pub struct Predictions {
    /// Where the samples come from.
    pub name: String,
    /// The true class of each sample.
    pub truth: Vec<usize>,
    /// The class with the highest probability, for each sample.
    pub predicted: Vec<usize>,
    /// The probability of each class for each sample, `[samples, classes]`; a row sums to 1.
    pub probabilities: Tensor,
    /// The classes of the samples.
    pub classes: Classes,
}

/// Measures a model on samples; changes nothing.
///
/// # Errors
/// [`Error::Empty`] when there is no sample; [`Error::Torch`] when model and samples do not fit; [`Error::Stopped`]
/// when the notebook's user stopped it.
pub fn evaluate(model: &dyn Model, samples: &Samples) -> Result<Scores> {
    scores(&for_each_batch(model, samples, measure)?, samples.len())
}

/// Predicts the class of each sample.
///
/// # Errors
/// As [`evaluate`].
pub fn predict(model: &dyn Model, samples: &Samples) -> Result<Predictions> {
    predictions(samples, &for_each_batch(model, samples, |logits, _| probabilities(logits))?)
}

/// Runs [`evaluate`] and [`predict`] in one pass over the samples.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_and_predict(model: &dyn Model, samples: &Samples) -> Result<(Scores, Predictions)> {
    let both = |logits: &Tensor, labels: &Tensor| Ok((measure(logits, labels)?, probabilities(logits)?));
    let (measured, batches): (Vec<_>, Vec<_>) = for_each_batch(model, samples, both)?.into_iter().unzip();
    Ok((scores(&measured, samples.len())?, predictions(samples, &batches)?))
}

/// Applies `look` to each batch's logits and labels.
fn for_each_batch<T>(
    model: &dyn Model,
    samples: &Samples,
    look: impl Fn(&Tensor, &Tensor) -> Result<T>,
) -> Result<Vec<T>> {
    samples.check()?;
    let _no_gradients = tch::no_grad_guard();
    let batch = |batch: Samples| {
        interrupt::check()?;
        look(&model.forward(&batch.inputs)?, &batch.labels)
    };
    samples.batches(BATCH).map(batch).collect()
}

/// Returns a batch's summed loss and number of right predictions.
fn measure(logits: &Tensor, labels: &Tensor) -> Result<(Tensor, Tensor)> {
    let loss = logits.f_cross_entropy_loss::<Tensor>(labels, None, Reduction::Sum, -100, 0.0)?;
    Ok((loss, correct(logits, labels)?))
}

/// Counts the samples that have their highest logit at their label.
pub(super) fn correct(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    Ok(logits.f_argmax(1, false)?.f_eq_tensor(labels)?.f_sum(Kind::Int64)?)
}

fn probabilities(logits: &Tensor) -> Result<Tensor> {
    Ok(logits.f_softmax(1, Kind::Float)?)
}

fn scores(measured: &[(Tensor, Tensor)], count: usize) -> Result<Scores> {
    let (mut loss, mut right) = (0.0, 0);
    // Reading waits for a GPU, so it comes after all batches.
    for (batch_loss, batch_right) in measured {
        loss += f64::try_from(batch_loss)?;
        right += i64::try_from(batch_right)?;
    }
    Ok(Scores { loss: loss / count as f64, accuracy: right as f64 / count as f64 })
}

fn predictions(samples: &Samples, batches: &[Tensor]) -> Result<Predictions> {
    let probabilities = Tensor::f_cat(batches, 0)?.to_device(tch::Device::Cpu);
    Ok(Predictions {
        name: samples.name.clone(),
        truth: positions(&samples.labels)?,
        predicted: positions(&probabilities.f_argmax(1, false)?)?,
        probabilities,
        classes: samples.classes.clone(),
    })
}

impl Predictions {
    /// Returns an error where there is no sample, or the lists and the probabilities are not of the same samples and
    /// classes.
    #[doc(hidden)]
    pub fn check(&self) -> Result<()> {
        let (samples, classes) = (self.truth.len(), self.classes.len());
        if samples == 0 {
            return Err(Error::Empty { name: self.name.clone() });
        }
        let mismatch = |what, found, expected| Err(Error::mismatch(what, found, expected));
        if self.predicted.len() != samples {
            return mismatch("predictions", self.predicted.len().to_string(), format!("{samples}, one per sample"));
        }
        if let Some(class) = self.truth.iter().chain(&self.predicted).find(|class| **class >= classes) {
            return mismatch("class", class.to_string(), format!("one of the {classes} classes of the data"));
        }
        if self.probabilities.size() != [samples as i64, classes as i64] {
            let found = format!("the shape {:?}", self.probabilities.size());
            return mismatch("probabilities", found, format!("[{samples}, {classes}], a row per sample"));
        }
        let within = self.probabilities.f_ge(0.0)?.f_logical_and(&self.probabilities.f_le(1.0 + 1e-5)?)?;
        if within.f_all()?.int64_value(&[]) == 0 {
            return mismatch("probabilities", "a value that is none".into(), "numbers from 0 to 1".into());
        }
        Ok(())
    }

    /// Lists the samples that were taken for another class, the most confident mistakes first:
    /// each with its index and the probability that the model gave to its answer.
    ///
    /// # Errors
    /// [`Error::Torch`] when the probabilities are not a row per sample.
    pub fn mistakes(&self) -> Result<Vec<(usize, f64)>> {
        let confidence = Vec::<f64>::try_from(self.probabilities.f_amax(1, false)?.to_kind(Kind::Double))?;
        let wrong = self.predicted.iter().zip(&self.truth).map(|(class, truth)| class != truth);
        let mut mistakes: Vec<_> =
            confidence.into_iter().zip(wrong).enumerate().filter(|(_, (_, wrong))| *wrong).collect();
        mistakes.sort_by(|(_, (first, _)), (_, (second, _))| second.total_cmp(first));
        Ok(mistakes.into_iter().map(|(index, (confidence, _))| (index, confidence)).collect())
    }

    /// Makes a frame with a row per sample: `truth`, `prediction`, `probability` of the prediction.
    ///
    /// # Errors
    /// [`Error::Torch`] or [`Error::Polars`] when the lists do not have one length.
    pub fn frame(&self) -> Result<DataFrame> {
        let probability = Vec::<f64>::try_from(self.probabilities.f_amax(1, false)?.to_kind(Kind::Double))?;
        let numbers = |classes: &[usize]| classes.iter().map(|&class| class as u32).collect::<Vec<_>>();
        Ok(
            df!["truth" => numbers(&self.truth), "prediction" => numbers(&self.predicted), "probability" => probability]?,
        )
    }
}

fn positions(labels: &Tensor) -> Result<Vec<usize>> {
    let labels = Vec::<i64>::try_from(labels.to_kind(Kind::Int64)).map_err(Error::from)?;
    Ok(labels.into_iter().map(|label| label as usize).collect())
}
