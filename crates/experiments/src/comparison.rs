//! Experiments compared with a baseline: what each gains, how sure that is, and what it does to the loss and to the
//! confused pairs.

use std::fmt;

use mnist_classification::{
    Error, Result,
    metrics::significance::{LEVEL, Welch, deviation, holm, mean},
};
use polars::prelude::{DataFrame, df};

use super::{Outcome, Results, store::column};

/// The outcomes of one experiment, from all its seeds.
#[derive(Debug)]
pub struct ExperimentRuns<'a> {
    /// The experiment's name.
    pub name: &'a str,
    outcomes: Vec<&'a Outcome>,
}

/// How an experiment's test accuracy differs from the baseline's.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'a> {
    /// The experiment's name.
    pub name: &'a str,
    /// Welch's t test of the test accuracies in per cent: its difference and interval are in points.
    pub welch: Welch,
    /// The test's p value after Holm's correction for all experiments that are compared.
    pub p_value: f64,
}

/// The conclusion from a [`Difference`], at a level of 5 % after Holm's correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The mean is higher than the baseline's.
    Helps,
    /// The mean is lower.
    Harms,
    /// These seeds do not tell; more might.
    Unclear,
}

impl Results {
    /// Groups the outcomes by experiment, in the order of the file.
    pub fn experiments(&self) -> Vec<ExperimentRuns<'_>> {
        let mut experiments: Vec<ExperimentRuns> = Vec::new();
        for outcome in &self.outcomes {
            match experiments.iter_mut().find(|runs| runs.name == outcome.experiment) {
                Some(runs) => runs.outcomes.push(outcome),
                None => experiments.push(ExperimentRuns { name: &outcome.experiment, outcomes: vec![outcome] }),
            }
        }
        experiments
    }

    /// Returns the outcomes of an experiment that others are compared with.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] when it is not among the results.
    pub fn baseline(&self, name: &str) -> Result<ExperimentRuns<'_>> {
        let found = self.experiments().into_iter().find(|runs| runs.name == name);
        found.ok_or_else(|| Error::invalid_setting("baseline", name, "an experiment that is among the results"))
    }

    /// Compares each experiment with the baseline; one that has fewer than two seeds is left out.
    ///
    /// # Errors
    /// As [`Results::baseline`].
    pub fn differences(&self, baseline: &str) -> Result<Vec<Difference<'_>>> {
        let before = self.baseline(baseline)?.test_accuracies();
        let others = self.experiments().into_iter().filter(|runs| runs.name != baseline);
        let test = |runs: &ExperimentRuns| Welch::new(&runs.test_accuracies(), &before);
        let tests: Vec<_> = others.filter_map(|runs| Some((runs.name, test(&runs)?))).collect();
        let p_values = holm(&column(&tests, |(_, welch)| welch.p_value));
        let tests = tests.into_iter().zip(p_values);
        Ok(tests.map(|((name, welch), p_value)| Difference { name, welch, p_value }).collect())
    }

    /// Makes a row per experiment: whether it was trained on all digits or on those that validation left; its `seeds`
    /// and `epochs` (the mean, rounded); validation and test accuracy (means) and the test accuracy's standard
    /// deviation over the seeds; the difference from the baseline with its 95 % interval, the p value of Welch's test
    /// after Holm's correction, and the verdict.
    ///
    /// # Errors
    /// As [`Results::baseline`]; [`Error::Polars`] as polars reports it.
    pub fn comparison(&self, baseline: &str) -> Result<DataFrame> {
        let (all, differences) = (self.experiments(), self.differences(baseline)?);
        let difference = |runs: &ExperimentRuns| differences.iter().find(|found| found.name == runs.name);
        Ok(df![
            "experiment" => column(&all, |runs| runs.name),
            "trained on" =>
                column(&all, |runs| if runs.took_all_digits() { "all digits" } else { "all but validation" }),
            "seeds" => column(&all, |runs| runs.outcomes.len() as u64),
            "epochs" => column(&all, |runs| runs.mean(|run| Some(run.epochs as f64)).map(|mean| mean.round() as u64)),
            "validation, %" => column(&all, |runs| runs.mean(|run| Some(100.0 * run.validation?.accuracy))),
            "test, %" => column(&all, |runs| mean(&runs.test_accuracies())),
            "deviation, points" => column(&all, |runs| deviation(&runs.test_accuracies())),
            "difference, points" => column(&all, |runs| difference(runs).map(|found| found.welch.difference)),
            "95 % from" => column(&all, |runs| difference(runs).map(|found| found.welch.interval[0])),
            "95 % to" => column(&all, |runs| difference(runs).map(|found| found.welch.interval[1])),
            "p (Holm)" => column(&all, |runs| difference(runs).map(|found| found.p_value)),
            "verdict" => column(&all, |runs| difference(runs).map(|found| found.verdict().to_string())),
        ]?)
    }

    /// Makes a row per [`Verdict`] with the experiments that have it, the largest difference first.
    ///
    /// # Errors
    /// As [`Results::comparison`].
    pub fn verdicts(&self, baseline: &str) -> Result<DataFrame> {
        let mut differences = self.differences(baseline)?;
        differences.sort_by(|one, other| other.welch.difference.abs().total_cmp(&one.welch.difference.abs()));
        let verdicts = [Verdict::Helps, Verdict::Harms, Verdict::Unclear];
        let names = |verdict: Verdict| {
            let these = differences.iter().filter(|difference| difference.verdict() == verdict);
            these.map(|difference| difference.name).collect::<Vec<_>>().join(", ")
        };
        Ok(df!["verdict" => verdicts.map(|each| each.to_string()), "experiments" => verdicts.map(names)]?)
    }

    /// Makes a row per experiment: how many test digits of each of the [`PAIRS`](super::PAIRS) were taken for the
    /// other, and how many digits were misread in all; means over the seeds.
    ///
    /// # Errors
    /// [`Error::Polars`] as polars reports it.
    pub fn confused(&self, test_digits: usize) -> Result<DataFrame> {
        let experiments = self.experiments();
        let means =
            |value: &dyn Fn(&Outcome) -> f64| column(&experiments, |runs| runs.mean(|outcome| Some(value(outcome))));
        Ok(df![
            "experiment" => column(&experiments, |runs| runs.name),
            "4-9" => means(&|outcome| outcome.confused[0] as f64),
            "3-5" => means(&|outcome| outcome.confused[1] as f64),
            "7-9" => means(&|outcome| outcome.confused[2] as f64),
            "all mistakes" => means(&|outcome| (1.0 - outcome.test.accuracy) * test_digits as f64),
        ]?)
    }

    /// Makes a row per experiment with validation digits: the lowest validation loss of its epochs, that of the weights
    /// in the end, and the rise between them, in nats; means over the seeds.
    ///
    /// # Errors
    /// [`Error::Polars`] as polars reports it.
    pub fn late_rise(&self) -> Result<DataFrame> {
        let losses = |outcome: &&Outcome| Some((outcome.lowest_validation_loss?, outcome.validation?.loss));
        let row = |runs: &ExperimentRuns| {
            let (lowest, last): (Vec<_>, Vec<_>) = runs.outcomes.iter().filter_map(losses).unzip();
            Some((runs.name.to_string(), mean(&lowest)?, mean(&last)?))
        };
        let rows: Vec<_> = self.experiments().iter().filter_map(row).collect();
        Ok(df![
            "experiment" => column(&rows, |(name, ..)| name.clone()),
            "lowest loss" => column(&rows, |(_, lowest, _)| *lowest),
            "loss in the end" => column(&rows, |(.., last)| *last),
            "rise" => column(&rows, |(_, lowest, last)| last - lowest),
        ]?)
    }
}

impl ExperimentRuns<'_> {
    /// Lists the test accuracy from each seed, in per cent.
    pub fn test_accuracies(&self) -> Vec<f64> {
        self.outcomes.iter().map(|outcome| 100.0 * outcome.test.accuracy).collect()
    }

    /// Tells whether the validation digits were learnt, too, so that there are no validation scores.
    pub fn took_all_digits(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.validation.is_none())
    }

    /// Computes the mean over the seeds that have the value.
    fn mean(&self, value: impl Fn(&Outcome) -> Option<f64>) -> Option<f64> {
        mean(&self.outcomes.iter().filter_map(|&outcome| value(outcome)).collect::<Vec<_>>())
    }
}

impl Difference<'_> {
    /// Tells whether the experiment helps or harms, as far as its seeds tell.
    pub fn verdict(&self) -> Verdict {
        match self.welch.difference {
            _ if self.p_value >= LEVEL => Verdict::Unclear,
            difference if difference > 0.0 => Verdict::Helps,
            _ => Verdict::Harms,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.pad(match self {
            Self::Helps => "helps",
            Self::Harms => "harms",
            Self::Unclear => "no clear difference",
        })
    }
}
