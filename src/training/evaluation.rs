//! A trained model's loss, accuracy and predictions on samples it has not seen.

use std::time::Duration;

use polars::prelude::{DataFrame, df};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Reduction, Tensor};

use super::{
    interrupt,
    loss::{correct, cross_entropy},
};
use crate::{
    Error, Result,
    data::{Classes, Samples},
    model::Model,
    notebook::Bar,
};

/// How many samples go through the network at once: enough to keep all processor cores busy, and few enough that what a
/// convolution gives stays in their caches.
const BATCH: usize = 250;

/// An evaluation that takes longer shows a bar.
const PATIENCE: Duration = Duration::from_secs(2);

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
/// [`Error::Empty`] when there is no sample; [`Error::Mismatch`] when samples or labels do not fit the model's plan,
/// and [`Error::Torch`] when they do not fit another model; [`Error::Stopped`] when the notebook's user stopped it.
pub fn evaluate(model: &dyn Model, samples: &Samples) -> Result<Scores> {
    check_plan(model, samples)?;
    scores(samples, &logits(model, samples, PATIENCE)?)
}

/// Measures as [`evaluate`] does, without a bar: where a training has its own.
pub(super) fn evaluate_quietly(model: &dyn Model, samples: &Samples) -> Result<Scores> {
    check_plan(model, samples)?;
    scores(samples, &logits(model, samples, Duration::MAX)?)
}

/// Predicts the class of each sample.
///
/// # Errors
/// [`Error::Empty`] when there is no sample; [`Error::Torch`] when they do not fit the model; [`Error::Stopped`] when
/// the notebook's user stopped it.
pub fn predict(model: &dyn Model, samples: &Samples) -> Result<Predictions> {
    predictions(samples, &logits(model, samples, PATIENCE)?)
}

/// Runs [`evaluate`] and [`predict`] in one pass over the samples.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_and_predict(model: &dyn Model, samples: &Samples) -> Result<(Scores, Predictions)> {
    check_plan(model, samples)?;
    let logits = logits(model, samples, PATIENCE)?;
    Ok((scores(samples, &logits)?, predictions(samples, &logits)?))
}

/// Computes the logits of each batch; a bar shows how far it is when that takes longer than `patience`.
fn logits(model: &dyn Model, samples: &Samples, patience: Duration) -> Result<Vec<Tensor>> {
    samples.check()?;
    let _no_gradients = tch::no_grad_guard();
    let mut bar = Bar::begin(patience);
    let batches = samples.batches(BATCH).enumerate().map(|(number, batch)| {
        interrupt::check()?;
        bar.draw(number * BATCH, samples.len(), format_args!("evaluating"));
        model.forward(&batch.inputs)
    });
    batches.collect()
}

fn scores(samples: &Samples, logits: &[Tensor]) -> Result<Scores> {
    let batches = || samples.batches(BATCH).zip(logits);
    let loss = batches().map(|(batch, logits)| cross_entropy(logits, &batch.labels, Reduction::Sum, 0.0));
    let right = batches().map(|(batch, logits)| correct(logits, &batch.labels));
    // Reading waits for a GPU, so it comes after all batches.
    let mean = |sums: Result<Vec<Tensor>>| -> Result<f64> {
        let sums = sums?.iter().map(f64::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(sums.iter().sum::<f64>() / samples.len() as f64)
    };
    Ok(Scores { loss: mean(loss.collect())?, accuracy: mean(right.collect())? })
}

fn predictions(samples: &Samples, logits: &[Tensor]) -> Result<Predictions> {
    let probabilities: Vec<_> =
        logits.iter().map(|logits| logits.f_softmax(1, Kind::Float)).collect::<Result<_, _>>()?;
    let probabilities = Tensor::f_cat(&probabilities, 0)?.to_device(Device::Cpu);
    Ok(Predictions {
        name: samples.name.clone(),
        truth: positions(&samples.labels)?,
        predicted: positions(&probabilities.f_argmax(1, false)?)?,
        probabilities,
        classes: samples.classes.clone(),
    })
}

/// Compares samples and labels with what the model's plan takes and gives, where it has one.
pub(super) fn check_plan(model: &dyn Model, samples: &Samples) -> Result<()> {
    let Some(plan) = model.plan() else { return Ok(()) };
    let (inputs, features) = (samples.inputs.size(), plan.input.iter().product::<usize>() as i64);
    let found = inputs.iter().skip(1).product::<i64>();
    if inputs.len() < 2 {
        return Err(Error::mismatch("the size of the inputs", format!("{inputs:?}"), "a row of pixels per sample"));
    }
    if found != features {
        let expected = format!("{features}, the network's inputs");
        return Err(Error::mismatch("pixels", format!("{found} per sample"), expected));
    }
    let classes = plan.shapes()?.pop().map_or(0, |shape| shape.iter().product::<usize>() as i64);
    for label in [samples.labels.f_min()?, samples.labels.f_max()?].map(|label| label.int64_value(&[])) {
        if !(0..classes).contains(&label) {
            return Err(Error::mismatch("labels", label, format!("0 to {}, the network's classes", classes - 1)));
        }
    }
    Ok(())
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
        let is_wrong = |(index, _): &(usize, f64)| self.predicted.get(*index) != self.truth.get(*index);
        let mut mistakes: Vec<_> = confidence.into_iter().enumerate().filter(is_wrong).collect();
        mistakes.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        Ok(mistakes)
    }

    /// Makes a frame with a row per sample: `truth`, `prediction`, `probability` of the prediction.
    ///
    /// # Errors
    /// [`Error::Torch`] or [`Error::Polars`] when the lists do not have one length.
    pub fn frame(&self) -> Result<DataFrame> {
        let probability = Vec::<f64>::try_from(self.probabilities.f_amax(1, false)?.to_kind(Kind::Double))?;
        let [truth, prediction] =
            [&self.truth, &self.predicted].map(|classes| classes.iter().map(|&class| class as u32).collect::<Vec<_>>());
        Ok(df!["truth" => truth, "prediction" => prediction, "probability" => probability]?)
    }
}

fn positions(labels: &Tensor) -> Result<Vec<usize>> {
    let labels = Vec::<i64>::try_from(labels.to_kind(Kind::Int64)).map_err(Error::from)?;
    Ok(labels.into_iter().map(|label| label as usize).collect())
}
