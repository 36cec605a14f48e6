//! Experiments compared with a baseline: what each gains, how sure that is, and what it does to the loss and to the
//! confused pairs.

use std::fmt;

use mnist_classification::{
    Error, Result,
    metrics::significance::{LEVEL, Welch, deviation, holm, mean},
};
use polars::prelude::{DataFrame, df};

use super::{Outcome, Results};

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

/// What a [`Difference`] says, at a level of 5 % after Holm's correction.
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
    /// The outcomes of each experiment, in the order of the file.
    pub fn experiments(&self) -> Vec<ExperimentRuns<'_>> {
        let mut experiments: Vec<ExperimentRuns> = Vec::new();
        for outcome in &self.outcomes {
            match experiments.iter_mut().find(|trainings| trainings.name == outcome.experiment) {
                Some(trainings) => trainings.outcomes.push(outcome),
                None => experiments.push(ExperimentRuns { name: &outcome.experiment, outcomes: vec![outcome] }),
            }
        }
        experiments
    }

    /// The outcomes of an experiment that others are compared with.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] when it is not among the results.
    pub fn baseline(&self, name: &str) -> Result<ExperimentRuns<'_>> {
        let found = self.experiments().into_iter().find(|trainings| trainings.name == name);
        found.ok_or_else(|| Error::invalid_setting("baseline", name, "an experiment that is among the results"))
    }

    /// How each experiment differs from the baseline; one that has fewer than two seeds is left out.
    ///
    /// # Errors
    /// As [`Results::baseline`].
    pub fn differences(&self, baseline: &str) -> Result<Vec<Difference<'_>>> {
        let before = self.baseline(baseline)?.test_accuracies();
        let others = self.experiments().into_iter().filter(|trainings| trainings.name != baseline);
        let (names, tests): (Vec<_>, Vec<_>) = others
            .filter_map(|trainings| Some((trainings.name, Welch::new(&trainings.test_accuracies(), &before)?)))
            .unzip();
        let p_values = holm(&tests.iter().map(|test| test.p_value).collect::<Vec<_>>());
        let each = names.into_iter().zip(tests).zip(p_values);
        Ok(each.map(|((name, welch), p_value)| Difference { name, welch, p_value }).collect())
    }

    /// A row per experiment: whether it was trained on all digits or on those that validation left; its `seeds` and
    /// `epochs` (the mean, rounded); validation and test accuracy (means) and the test accuracy's standard deviation over
    /// the seeds; the difference from the baseline with its 95 % interval, the p value of Welch's test after Holm's
    /// correction, and the verdict.
    ///
    /// # Errors
    /// As [`Results::baseline`]; [`Error::Polars`] as polars reports it.
    pub fn comparison(&self, baseline: &str) -> Result<DataFrame> {
        let (experiments, differences) = (self.experiments(), self.differences(baseline)?);
        let difference = |name| differences.iter().find(|difference| difference.name == name);
        let all: Vec<_> = experiments.iter().map(|trainings| (trainings, difference(trainings.name))).collect();
        fn column<A, T>(all: &[A], value: impl Fn(&A) -> T) -> Vec<T> {
            all.iter().map(value).collect()
        }
        Ok(df![
            "experiment" => column(&all, |(trainings, _)| trainings.name),
            "trained on" => column(&all, |(trainings, _)| trainings.trained_on()),
            "seeds" => column(&all, |(trainings, _)| trainings.outcomes.len() as u64),
            "epochs" => column(&all, |(trainings, _)| trainings.epochs()),
            "validation, %" => column(&all, |(trainings, _)| mean(&trainings.validation_accuracies())),
            "test, %" => column(&all, |(trainings, _)| mean(&trainings.test_accuracies())),
            "deviation, points" => column(&all, |(trainings, _)| deviation(&trainings.test_accuracies())),
            "difference, points" => column(&all, |(_, difference)| difference.map(|found| found.welch.difference)),
            "95 % from" => column(&all, |(_, difference)| difference.map(|found| found.welch.interval[0])),
            "95 % to" => column(&all, |(_, difference)| difference.map(|found| found.welch.interval[1])),
            "p (Holm)" => column(&all, |(_, difference)| difference.map(|found| found.p_value)),
            "verdict" => column(&all, |(_, difference)| difference.map(|found| found.verdict().to_string())),
        ]?)
    }

    /// A row per [`Verdict`] with the experiments that have it, the largest difference first.
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

    /// A row per experiment: how many test digits of each of the [`PAIRS`](super::PAIRS) were taken for the other, and how
    /// many digits were misread in all; means over the seeds.
    ///
    /// # Errors
    /// [`Error::Polars`] as polars reports it.
    pub fn confused(&self, test_digits: usize) -> Result<DataFrame> {
        let experiments = self.experiments();
        let means = |value: &dyn Fn(&Outcome) -> f64| {
            experiments.iter().map(|trainings| mean(&trainings.each(value))).collect::<Vec<_>>()
        };
        Ok(df![
            "experiment" => experiments.iter().map(|trainings| trainings.name).collect::<Vec<_>>(),
            "4-9" => means(&|outcome| outcome.confused[0] as f64),
            "3-5" => means(&|outcome| outcome.confused[1] as f64),
            "7-9" => means(&|outcome| outcome.confused[2] as f64),
            "all mistakes" => means(&|outcome| (1.0 - outcome.test.accuracy) * test_digits as f64),
        ]?)
    }

    /// A row per experiment with validation digits: the lowest validation loss of its epochs, that of the weights in the
    /// end, and the rise between them, in nats; means over the seeds.
    ///
    /// # Errors
    /// [`Error::Polars`] as polars reports it.
    pub fn late_rise(&self) -> Result<DataFrame> {
        let losses = |outcome: &Outcome| Some((outcome.lowest_validation_loss?, outcome.validation?.loss));
        let experiments = self.experiments();
        let row = |trainings: &ExperimentRuns| {
            let found = trainings.outcomes.iter().filter_map(|&outcome| losses(outcome));
            let (lowest, last): (Vec<_>, Vec<_>) = found.unzip();
            Some((trainings.name.to_string(), mean(&lowest)?, mean(&last)?))
        };
        let rows: Vec<_> = experiments.iter().filter_map(row).collect();
        Ok(df![
            "experiment" => rows.iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>(),
            "lowest loss" => rows.iter().map(|(_, lowest, _)| *lowest).collect::<Vec<_>>(),
            "loss in the end" => rows.iter().map(|(.., last)| *last).collect::<Vec<_>>(),
            "rise" => rows.iter().map(|(_, lowest, last)| last - lowest).collect::<Vec<_>>(),
        ]?)
    }
}

impl ExperimentRuns<'_> {
    /// The test accuracy from each seed, in per cent.
    pub fn test_accuracies(&self) -> Vec<f64> {
        self.each(|outcome| 100.0 * outcome.test.accuracy)
    }

    /// Whether the validation digits were learnt, too, so that there are no validation scores.
    pub fn took_all_digits(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.validation.is_none())
    }

    fn trained_on(&self) -> &'static str {
        if self.took_all_digits() { "all digits" } else { "all but validation" }
    }

    fn validation_accuracies(&self) -> Vec<f64> {
        self.outcomes.iter().filter_map(|outcome| Some(100.0 * outcome.validation?.accuracy)).collect()
    }

    fn epochs(&self) -> Option<u64> {
        mean(&self.each(|outcome| outcome.epochs as f64)).map(|epochs| epochs.round() as u64)
    }

    fn each(&self, value: impl Fn(&Outcome) -> f64) -> Vec<f64> {
        self.outcomes.iter().map(|&outcome| value(outcome)).collect()
    }
}

impl Difference<'_> {
    /// Whether the experiment helps or harms, as far as its seeds tell.
    pub fn verdict(&self) -> Verdict {
        if self.p_value >= LEVEL {
            Verdict::Unclear
        } else if self.welch.difference > 0.0 {
            Verdict::Helps
        } else {
            Verdict::Harms
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
