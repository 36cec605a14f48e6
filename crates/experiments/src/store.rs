//! Where results are kept: a CSV file with a line per training.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    str::FromStr,
};

use mnist_classification::{
    Error, Result,
    data::Samples,
    metrics::ConfusionMatrix,
    model::Model,
    notebook::Table,
    training::{History, Scores, Training, evaluate_and_predict},
};
use polars::prelude::{DataFrame, df};

/// The pairs of digits that the original notebook names as the most confused.
pub const PAIRS: [(usize, usize); 3] = [(4, 9), (3, 5), (7, 9)];

/// The results of one training.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The experiment's name, without a comma.
    pub experiment: String,
    /// A short hash of the network's plan and the training's settings, the seed aside, where one was made. Where it
    /// differs, something else was trained under the same name.
    pub fingerprint: Option<String>,
    /// The seed of its random numbers.
    pub seed: u64,
    /// How many epochs it took.
    pub epochs: usize,
    /// The scores on the validation digits of the weights that were tested; none where training took all digits.
    pub validation: Option<Scores>,
    /// The lowest validation loss of all epochs, in nats.
    pub lowest_validation_loss: Option<f64>,
    /// The scores on the test digits.
    pub test: Scores,
    /// How many test digits of each of the [`PAIRS`] were taken for the other.
    pub confused: [u64; 3],
    /// How long the training took, in seconds; other programs on the machine slow it down.
    pub seconds: f64,
}

impl Outcome {
    /// Tests the model that a training left, in one pass over the test digits. There is no fingerprint yet.
    ///
    /// # Errors
    /// As [`evaluate_and_predict`] and [`ConfusionMatrix::of`].
    pub fn of(
        experiment: &str,
        training: &Training,
        model: &dyn Model,
        history: &History,
        test: &Samples,
    ) -> Result<Self> {
        let (scores, predictions) = evaluate_and_predict(model, test)?;
        let confusion = ConfusionMatrix::of(&predictions)?;
        Ok(Self {
            experiment: experiment.into(),
            fingerprint: None,
            seed: training.seed,
            epochs: history.epochs.len(),
            validation: training.kept_epoch(history).and_then(|epoch| epoch.validation),
            lowest_validation_loss: history.best().and_then(|epoch| Some(epoch.validation?.loss)),
            test: scores,
            confused: PAIRS.map(|(one, other)| confusion.count(one, other) + confusion.count(other, one)),
            seconds: history.epochs.iter().map(|epoch| epoch.seconds).sum(),
        })
    }

    /// Reads a line of the file.
    fn parse(line: &str) -> Option<Self> {
        /// Reads a field; nothing within where it is empty.
        fn field<T: FromStr>(text: Option<&str>) -> Option<Option<T>> {
            if text?.is_empty() { Some(None) } else { text?.parse().ok().map(Some) }
        }
        let mut fields = line.split(',');
        let outcome = Self {
            experiment: field(fields.next())??,
            fingerprint: field(fields.next())?,
            seed: field(fields.next())??,
            epochs: field(fields.next())??,
            validation: match (field(fields.next())?, field(fields.next())?) {
                (Some(loss), Some(accuracy)) => Some(Scores { loss, accuracy }),
                (None, None) => None,
                _ => return None,
            },
            lowest_validation_loss: field(fields.next())?,
            test: Scores { loss: field(fields.next())??, accuracy: field(fields.next())?? },
            confused: [field(fields.next())??, field(fields.next())??, field(fields.next())??],
            seconds: field(fields.next())??,
        };
        (fields.next().is_none() && outcome.check().is_ok()).then_some(outcome)
    }

    /// Checks that the file can hold it.
    fn check(&self) -> Result<()> {
        let fingerprint = self.fingerprint.iter().map(|text| ("fingerprint", text));
        for (setting, text) in [("experiment", &self.experiment)].into_iter().chain(fingerprint) {
            if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
                let expected = "text without commas, quotes and line breaks";
                return Err(Error::invalid_setting(setting, format!("{text:?}"), expected));
            }
        }
        // What is not there passes.
        let validation = self.validation.unwrap_or(self.test);
        for (setting, number, highest) in [
            ("test loss", self.test.loss, f64::MAX),
            ("test accuracy", self.test.accuracy, 1.0),
            ("validation loss", validation.loss, f64::MAX),
            ("validation accuracy", validation.accuracy, 1.0),
            ("lowest validation loss", self.lowest_validation_loss.unwrap_or(self.test.loss), f64::MAX),
            ("seconds", self.seconds, f64::MAX),
        ] {
            if !(0.0..=highest).contains(&number) {
                let expected = if highest == 1.0 { "a share from 0 to 1" } else { "a finite number from 0 on" };
                return Err(Error::invalid_setting(setting, number, expected));
            }
        }
        Ok(())
    }
}

/// All outcomes of a file, in order.
#[derive(Debug)]
pub struct Results {
    file: PathBuf,
    pub(super) outcomes: Vec<Outcome>,
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
            let expected = "a line as Results::add writes it; without that line the others can be read";
            Outcome::parse(line).ok_or_else(|| Error::malformed(&file, format!("{line:?}"), expected))
        };
        let header = Self { file: file.clone(), outcomes: Vec::new() }.frame()?.csv();
        let (found, expected) = (text.lines().next().unwrap_or_default(), header.trim_end());
        if found != expected {
            return Err(Error::malformed(file, format!("{found:?}"), expected));
        }
        let outcomes = text.lines().skip(1).map(outcome).collect::<Result<_>>()?;
        Ok(Self { file, outcomes })
    }

    /// Returns the outcome of an experiment from a seed, where it is there.
    pub fn find(&self, experiment: &str, seed: u64) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.experiment == experiment && outcome.seed == seed)
    }

    /// Adds an outcome and writes the file anew; an outcome of the same experiment and seed is replaced. What other
    /// programs have added meanwhile stays, and no two write at once: a lock file beside the file sees to it.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for what the file cannot hold: a name with a comma, a quote or a line break, a number
    /// that is NaN or infinite; [`Error::Io`] when the file cannot be written; the file that was there stays as it was.
    pub fn add(&mut self, outcome: Outcome) -> Result<()> {
        outcome.check()?;
        let _lock = lock(&self.file.with_added_extension("lock"))?;
        *self = Self::open(&self.file)?;
        let is_same = |kept: &&mut Outcome| kept.experiment == outcome.experiment && kept.seed == outcome.seed;
        match self.outcomes.iter_mut().find(is_same) {
            Some(kept) => *kept = outcome,
            None => self.outcomes.push(outcome),
        }
        self.frame()?.save_csv(&self.file)
    }

    /// Makes a row per outcome, as in the file.
    ///
    /// # Errors
    /// [`Error::Polars`] as polars reports it.
    pub fn frame(&self) -> Result<DataFrame> {
        Ok(df![
            "experiment" => column(&self.outcomes, |outcome| outcome.experiment.clone()),
            "fingerprint" => column(&self.outcomes, |outcome| outcome.fingerprint.clone()),
            "seed" => column(&self.outcomes, |outcome| outcome.seed),
            "epochs" => column(&self.outcomes, |outcome| outcome.epochs as u64),
            "validation_loss" => column(&self.outcomes, |outcome| outcome.validation.map(|scores| scores.loss)),
            "validation_accuracy" => column(&self.outcomes, |outcome| outcome.validation.map(|scores| scores.accuracy)),
            "lowest_validation_loss" => column(&self.outcomes, |outcome| outcome.lowest_validation_loss),
            "test_loss" => column(&self.outcomes, |outcome| outcome.test.loss),
            "test_accuracy" => column(&self.outcomes, |outcome| outcome.test.accuracy),
            "confused_4_9" => column(&self.outcomes, |outcome| outcome.confused[0]),
            "confused_3_5" => column(&self.outcomes, |outcome| outcome.confused[1]),
            "confused_7_9" => column(&self.outcomes, |outcome| outcome.confused[2]),
            "seconds" => column(&self.outcomes, |outcome| outcome.seconds),
        ]?)
    }
}

/// Collects a value of each row for a column of a frame.
pub(super) fn column<Row, T>(rows: &[Row], value: impl Fn(&Row) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Waits until no other program holds this lock; it is held until the value is dropped, or the program ends.
fn lock(path: &Path) -> Result<File> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let file = File::create(path).map_err(Error::io(path))?;
    file.lock().map_err(Error::io(path))?;
    Ok(file)
}
