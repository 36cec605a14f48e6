//! The results of many trainings, kept in a CSV file and compared: what an idea gains over a baseline from the same
//! seeds.

use std::{
    fs,
    path::{Path, PathBuf},
};

use polars::prelude::{DataFrame, df};

use crate::{
    Error, Result,
    data::Samples,
    metrics::ConfusionMatrix,
    model::Model,
    tables::Table,
    training::{History, Scores, evaluate, predict},
};

/// The pairs of digits that the original notebook names as the most confused.
pub const PAIRS: [(usize, usize); 3] = [(4, 9), (3, 5), (7, 9)];

/// What one training came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The name of what was tried, without a comma.
    pub experiment: String,
    /// What its random numbers were drawn from.
    pub seed: u64,
    /// How many epochs it took.
    pub epochs: usize,
    /// The scores on the validation digits after the last epoch, where there are any; after early stopping the model has
    /// the weights of the best.
    pub validation: Option<Scores>,
    /// The lowest validation loss of all epochs, in nats.
    pub lowest_validation_loss: Option<f64>,
    /// The scores on the test digits.
    pub test: Scores,
    /// How many test digits of each of the [`PAIRS`] were taken for the other.
    pub confused: [u64; 3],
    /// How long the training took, in seconds; what else the machine did then counts, too.
    pub seconds: f64,
}

impl Outcome {
    /// Looks at the test digits once, with the model that a training left.
    ///
    /// # Errors
    /// As [`predict`] and [`ConfusionMatrix::of`].
    pub fn of(experiment: &str, seed: u64, model: &dyn Model, history: &History, test: &Samples) -> Result<Self> {
        let confusion = ConfusionMatrix::of(&predict(model, test)?)?;
        Ok(Self {
            experiment: experiment.into(),
            seed,
            epochs: history.epochs.len(),
            validation: history.epochs.last().and_then(|epoch| epoch.validation),
            lowest_validation_loss: history.best().and_then(|epoch| Some(epoch.validation?.loss)),
            test: evaluate(model, test)?,
            confused: PAIRS.map(|(one, other)| confusion.count(one, other) + confusion.count(other, one)),
            seconds: history.epochs.iter().map(|epoch| epoch.seconds).sum(),
        })
    }

    /// From a line of the file.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.split(',').collect();
        let [
            experiment,
            seed,
            epochs,
            validation_loss,
            validation_accuracy,
            lowest,
            loss,
            accuracy,
            confused @ ..,
            seconds,
        ] = &fields[..]
        else {
            return None;
        };
        let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
        let share = |text: &str| number(text).filter(|share| (0.0..=1.0).contains(share));
        let optional = |text: &str| if text.is_empty() { Some(None) } else { number(text).map(Some) };
        let confused: Vec<_> = confused.iter().map(|count| count.parse().ok()).collect::<Option<_>>()?;
        let validation = match optional(validation_loss)? {
            Some(loss) => Some(Scores { loss, accuracy: share(validation_accuracy)? }),
            None => None,
        };
        Some(Self {
            experiment: (*experiment).into(),
            seed: seed.parse().ok()?,
            epochs: epochs.parse().ok()?,
            validation,
            lowest_validation_loss: optional(lowest)?,
            test: Scores { loss: number(loss)?, accuracy: share(accuracy)? },
            confused: confused.try_into().ok()?,
            seconds: number(seconds)?,
        })
    }
}

/// All outcomes of a file, in order.
#[derive(Debug)]
pub struct Results {
    file: PathBuf,
    outcomes: Vec<Outcome>,
}

impl Results {
    /// Reads the outcomes of a file; where there is no file, there are none yet.
    ///
    /// # Errors
    /// [`Error::Malformed`] with the first line that is no outcome.
    pub fn open(file: impl AsRef<Path>) -> Result<Self> {
        let file = file.as_ref().to_path_buf();
        if !file.exists() {
            return Ok(Self { file, outcomes: Vec::new() });
        }
        let text = fs::read_to_string(&file).map_err(Error::io(&file))?;
        let outcome = |line: &str| {
            let expected = "a line as Results::add writes it; without that line the others can be read".into();
            Outcome::parse(line).ok_or_else(|| Error::Malformed {
                file: file.clone(),
                found: format!("{line:?}"),
                expected,
            })
        };
        let header = Self { file: file.clone(), outcomes: Vec::new() }.frame()?.csv();
        let (found, expected) = (text.lines().next().unwrap_or_default(), header.trim_end());
        if found != expected {
            return Err(Error::Malformed { file, found: format!("{found:?}"), expected: expected.into() });
        }
        let outcomes = text.lines().skip(1).map(outcome).collect::<Result<_>>()?;
        Ok(Self { file, outcomes })
    }

    /// The outcome of an experiment from a seed, where it is there.
    pub fn find(&self, experiment: &str, seed: u64) -> Option<&Outcome> {
        self.of(experiment).find(|outcome| outcome.seed == seed)
    }

    /// Adds an outcome, and writes the file anew with all of them; what another program has added meanwhile stays.
    ///
    /// # Errors
    /// [`Error::Setting`] for a name with a comma, a quote or a line break, which the file keeps for itself;
    /// [`Error::Io`] when it cannot be written; the file that was there stays as it was.
    pub fn add(&mut self, outcome: Outcome) -> Result<()> {
        if outcome.experiment.is_empty() || outcome.experiment.contains([',', '"', '\n', '\r']) {
            let found = format!("{:?}", outcome.experiment);
            let expected = "a name without commas, quotes and line breaks".into();
            return Err(Error::Setting { setting: "experiment", found, expected });
        }
        *self = Self::open(&self.file)?;
        self.outcomes.push(outcome);
        self.frame()?.save_csv(&self.file)
    }

    /// A row per outcome, as in the file.
    ///
    /// # Errors
    /// [`Error::Frame`] as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        fn column<T>(results: &Results, value: impl Fn(&Outcome) -> T) -> Vec<T> {
            results.outcomes.iter().map(value).collect()
        }
        Ok(df![
            "experiment" => column(self, |outcome| outcome.experiment.clone()),
            "seed" => column(self, |outcome| outcome.seed),
            "epochs" => column(self, |outcome| outcome.epochs as u64),
            "validation_loss" => column(self, |outcome| outcome.validation.map(|scores| scores.loss)),
            "validation_accuracy" => column(self, |outcome| outcome.validation.map(|scores| scores.accuracy)),
            "lowest_validation_loss" => column(self, |outcome| outcome.lowest_validation_loss),
            "test_loss" => column(self, |outcome| outcome.test.loss),
            "test_accuracy" => column(self, |outcome| outcome.test.accuracy),
            "confused_4_9" => column(self, |outcome| outcome.confused[0]),
            "confused_3_5" => column(self, |outcome| outcome.confused[1]),
            "confused_7_9" => column(self, |outcome| outcome.confused[2]),
            "seconds" => column(self, |outcome| outcome.seconds),
        ]?)
    }

    /// A line per experiment, in the order of the file.
    pub fn summaries(&self) -> Vec<Summary<'_>> {
        let mut names: Vec<&str> = Vec::new();
        for Outcome { experiment, .. } in &self.outcomes {
            if !names.contains(&experiment.as_str()) {
                names.push(experiment);
            }
        }
        names.into_iter().map(|name| Summary { name, outcomes: self.of(name).collect() }).collect()
    }

    /// A row per experiment: `seeds`, `epochs` (the mean, rounded), validation and test accuracy in per cent (means over the
    /// seeds), the test accuracy's standard deviation, and the mean gain over the baseline from the same seeds with its
    /// standard deviation, in points.
    ///
    /// # Errors
    /// [`Error::Frame`] as polars reports it.
    pub fn comparison(&self, baseline: &str) -> Result<DataFrame> {
        let summaries = self.summaries();
        let differences: Vec<_> = summaries.iter().map(|summary| self.differences(summary, baseline)).collect();
        let each = |value: &dyn Fn(&Summary) -> Option<f64>| summaries.iter().map(value).collect::<Vec<_>>();
        Ok(df![
            "experiment" => summaries.iter().map(|summary| summary.name).collect::<Vec<_>>(),
            "seeds" => summaries.iter().map(|summary| summary.outcomes.len() as u64).collect::<Vec<_>>(),
            "epochs" => summaries.iter().map(Summary::epochs).collect::<Vec<_>>(),
            "validation, %" => each(&|summary| mean(summary.validation()).map(|share| 100.0 * share)),
            "test, %" => each(&|summary| mean(summary.test()).map(|share| 100.0 * share)),
            "deviation, points" => each(&|summary| deviation(summary.test()).map(|share| 100.0 * share)),
            "gain, points" => differences.iter().map(|points| mean(points.clone())).collect::<Vec<_>>(),
            "deviation of gain, points" => differences.iter().map(|points| deviation(points.clone())).collect::<Vec<_>>(),
        ]?)
    }

    /// A row per experiment: how many test digits of each of the [`PAIRS`] were taken for the other, and how many digits
    /// were misread in all; means over the seeds.
    ///
    /// # Errors
    /// [`Error::Frame`] as polars reports it.
    pub fn confused(&self, test_digits: usize) -> Result<DataFrame> {
        let summaries = self.summaries();
        let each = |value: &dyn Fn(&Outcome) -> f64| {
            summaries.iter().map(|summary| mean(summary.each(value))).collect::<Vec<_>>()
        };
        Ok(df![
            "experiment" => summaries.iter().map(|summary| summary.name).collect::<Vec<_>>(),
            "4-9" => each(&|outcome| outcome.confused[0] as f64),
            "3-5" => each(&|outcome| outcome.confused[1] as f64),
            "7-9" => each(&|outcome| outcome.confused[2] as f64),
            "all mistakes" => each(&|outcome| (1.0 - outcome.test.accuracy) * test_digits as f64),
        ]?)
    }

    /// What each experiment gains over the baseline; those that share fewer than two seeds with it are left out.
    pub fn gains<'a>(&'a self, baseline: &str) -> Vec<Gain<'a>> {
        let gain = |summary: Summary<'a>| {
            let differences = self.differences(&summary, baseline);
            let seeds = differences.len();
            let error = deviation(differences.clone())? / (seeds as f64).sqrt();
            Some(Gain { name: summary.name, points: mean(differences)?, error, seeds })
        };
        self.summaries().into_iter().filter_map(gain).collect()
    }

    /// A row per experiment with validation digits: the lowest validation loss of its epochs and that of the last, in nats,
    /// and by how much it rose in between; means over the seeds.
    ///
    /// # Errors
    /// [`Error::Frame`] as polars reports it.
    pub fn late_rise(&self) -> Result<DataFrame> {
        let losses = |outcome: &Outcome| Some((outcome.lowest_validation_loss?, outcome.validation?.loss));
        let rows: Vec<_> = self
            .summaries()
            .into_iter()
            .filter_map(|summary| {
                let (lowest, last): (Vec<_>, Vec<_>) = summary.outcomes.iter().filter_map(|each| losses(each)).unzip();
                Some((summary.name.to_string(), mean(lowest)?, mean(last)?))
            })
            .collect();
        Ok(df![
            "experiment" => rows.iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>(),
            "lowest loss" => rows.iter().map(|(_, lowest, _)| *lowest).collect::<Vec<_>>(),
            "last loss" => rows.iter().map(|(.., last)| *last).collect::<Vec<_>>(),
            "rise" => rows.iter().map(|(_, lowest, last)| last - lowest).collect::<Vec<_>>(),
        ]?)
    }

    fn of(&self, experiment: &str) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(move |outcome| outcome.experiment == experiment)
    }

    /// What an experiment gains in points of test accuracy over the baseline, for each seed that both have; nothing where
    /// they share only one, which would say little.
    fn differences(&self, summary: &Summary, baseline: &str) -> Vec<f64> {
        let gain = |outcome: &&Outcome| {
            let before = self.find(baseline, outcome.seed)?;
            Some(100.0 * (outcome.test.accuracy - before.test.accuracy))
        };
        let differences: Vec<_> = summary.outcomes.iter().filter_map(gain).collect();
        if summary.name == baseline || differences.len() < 2 { Vec::new() } else { differences }
    }
}

/// The outcomes of one experiment.
#[derive(Debug)]
pub struct Summary<'a> {
    /// Its name.
    pub name: &'a str,
    outcomes: Vec<&'a Outcome>,
}

impl Summary<'_> {
    /// The test accuracy from each seed, from 0 to 1.
    pub fn test(&self) -> Vec<f64> {
        self.each(|outcome| outcome.test.accuracy)
    }

    fn epochs(&self) -> Option<u64> {
        mean(self.each(|outcome| outcome.epochs as f64)).map(|epochs| epochs.round() as u64)
    }

    fn validation(&self) -> Vec<f64> {
        self.outcomes.iter().filter_map(|outcome| Some(outcome.validation?.accuracy)).collect()
    }

    fn each(&self, value: impl Fn(&Outcome) -> f64) -> Vec<f64> {
        self.outcomes.iter().map(|outcome| value(outcome)).collect()
    }
}

/// What an experiment gains over a baseline from the same seeds.
#[derive(Clone, Copy, Debug)]
pub struct Gain<'a> {
    /// The experiment.
    pub name: &'a str,
    /// The mean difference in test accuracy, in points.
    pub points: f64,
    /// The standard error of that mean: with few seeds an uncertain number itself.
    pub error: f64,
    /// How many seeds both have, at least two.
    pub seeds: usize,
}

/// The 97.5 % quantiles of Student's t distribution for 1, 2, … degrees of freedom; beyond them it is near 2.
const STUDENT: [f64; 9] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

impl Gain<'_> {
    /// In words, by Student's t test of the differences at 5 %: among twenty ideas without effect, one seems to have some.
    pub fn verdict(&self) -> &'static str {
        let limit = STUDENT.get(self.seeds.saturating_sub(2)).copied().unwrap_or(2.0);
        match self.points / self.error {
            ratio if ratio >= limit => "helps",
            ratio if ratio <= -limit => "harms",
            _ => "no clear difference",
        }
    }
}

/// The mean, where there is any number.
pub fn mean(numbers: Vec<f64>) -> Option<f64> {
    let count = numbers.len() as f64;
    (count > 0.0).then(|| numbers.iter().sum::<f64>() / count)
}

/// The standard deviation of a sample (divided by n − 1), where there are two numbers.
pub fn deviation(numbers: Vec<f64>) -> Option<f64> {
    let middle = mean(numbers.clone())?;
    let squares = numbers.iter().map(|number| (number - middle).powi(2)).sum::<f64>();
    (numbers.len() > 1).then(|| (squares / (numbers.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(experiment: &str, seed: u64, accuracy: f64) -> Outcome {
        Outcome {
            experiment: experiment.into(),
            seed,
            epochs: 15,
            validation: (experiment == "baseline").then_some(Scores { loss: 0.1, accuracy: 0.98 }),
            lowest_validation_loss: None,
            test: Scores { loss: 0.25, accuracy },
            confused: [seed, 2, 3],
            seconds: 10.0,
        }
    }

    fn results(file: &Path) -> Results {
        let mut results = Results::open(file).unwrap();
        for (experiment, seed, accuracy) in
            [("baseline", 0, 0.98), ("baseline", 1, 0.97), ("idea", 0, 0.985), ("idea", 1, 0.985), ("idea", 2, 0.1)]
        {
            results.add(outcome(experiment, seed, accuracy)).unwrap();
        }
        results
    }

    #[test]
    fn outcomes_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results.csv");
        let written = results(&file);
        let read = Results::open(&file).unwrap();
        assert_eq!(read.outcomes, written.outcomes);
        assert_eq!(read.find("idea", 2).unwrap().confused, [2, 2, 3]);
        assert!(read.find("idea", 3).is_none());
        let text = fs::read_to_string(&file).unwrap();
        let error = |text: String| {
            fs::write(&file, text).unwrap();
            Results::open(&file).unwrap_err().to_string()
        };
        let cut = error(text.clone() + "idea,0,15\n");
        assert!(cut.contains("results.csv: found \"idea,0,15\", expected a line as Results::add writes it"), "{cut}");
        assert!(error(text.replace("0.985", "985")).contains("found \"idea,0,15"));
        assert!(error(text.lines().skip(1).collect()).contains("expected experiment,seed,epochs"));
    }

    #[test]
    fn what_another_program_added_stays_and_names_that_break_the_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results.csv");
        let (mut one, mut other) = (results(&file), Results::open(&file).unwrap());
        other.add(outcome("other", 0, 0.5)).unwrap();
        one.add(outcome("idea", 3, 0.5)).unwrap();
        assert_eq!(Results::open(&file).unwrap().outcomes.len(), 7);
        let error = one.add(outcome("a,b", 0, 0.5)).unwrap_err().to_string();
        assert_eq!(error, "experiment is \"a,b\"; expected a name without commas, quotes and line breaks");
    }

    #[test]
    fn differences_are_those_of_the_same_seeds() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = results(&folder.path().join("results.csv"));
        results.add(outcome("one seed", 0, 0.99)).unwrap();
        let frame = results.comparison("baseline").unwrap();
        let cell = |column: &str, row: usize| {
            let value = frame.column(column).unwrap().f64().unwrap().get(row);
            value.map(|value| (value * 1e6).round() / 1e6)
        };
        // 0.5 and 1.5 points: seed 2 has no baseline.
        assert_eq!(
            (cell("gain, points", 1), cell("deviation of gain, points", 1)),
            (Some(1.0), Some((1e6 * 0.5_f64.sqrt()).round() / 1e6))
        );
        // One seed shared with the baseline is too few.
        assert_eq!((cell("gain, points", 2), cell("test, %", 2)), (None, Some(99.0)));
        assert_eq!((cell("gain, points", 0), cell("test, %", 0)), (None, Some(97.5)));
        // The standard error of 0.5 and 1.5 is 0.5.
        let gains = results.gains("baseline");
        assert_eq!((gains.len(), gains[0].name, gains[0].verdict()), (1, "idea", "no clear difference"));
        assert_eq!(Gain { error: 0.05, ..gains[0] }.verdict(), "helps");
        assert_eq!(Gain { points: -1.0, error: 0.05, ..gains[0] }.verdict(), "harms");
        assert!((gains[0].points - 1.0).abs() < 1e-9 && (gains[0].error - 0.5).abs() < 1e-9, "{gains:?}");
        assert_eq!((cell("validation, %", 0), cell("validation, %", 1)), (Some(98.0), None));
        let confused = results.confused(10_000).unwrap();
        assert_eq!(confused.column("4-9").unwrap().f64().unwrap().get(1), Some(1.0));
        assert_eq!(confused.column("all mistakes").unwrap().f64().unwrap().get(0).map(f64::round), Some(250.0));
    }
}
