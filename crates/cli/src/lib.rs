//! What the command line does: the notebook's run from end to end, the folder that keeps its results, and predictions.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod folder;
mod options;
mod predict;

use std::time::Instant;

use error_analysis::mistakes_page;
use mnist_classification::{
    Result,
    data::Dataset,
    figures,
    metrics::{ClassificationReport, ConfusionMatrix},
    model::{Model, Network, Plan},
    notebook::Table,
    support::files,
    training::{self, Description, History, Predictions, Scores, Training},
};
use serde::Serialize;
use tch::Device;

pub use folder::RunFolder;
pub use options::{plan, settings};
pub use predict::{network, pictures};

/// A finished training with all that is worth keeping.
#[derive(Debug)]
pub struct Run {
    settings: Description,
    model: Network,
    history: History,
    scores: Scores,
    predictions: Predictions,
    seconds: f64,
}

/// `run.json`: what was asked for, and what came out.
#[derive(Serialize)]
struct Record<'a> {
    version: &'static str,
    settings: &'a Description,
    results: TestResults,
}

#[derive(Serialize)]
struct TestResults {
    test_loss: f64,
    test_accuracy: f64,
    validation: Option<Scores>,
    seconds: f64,
}

impl Run {
    /// Trains the network of a plan on a device and looks at the test samples once.
    ///
    /// # Errors
    /// As [`training::fit`].
    pub fn train(mnist: &Dataset, plan: &Plan, training: &Training, device: Device) -> Result<Self> {
        let start = Instant::now();
        let [train, test] = [&mnist.train, &mnist.test].map(|digits| digits.preprocess().to_device(device));
        let mut model = Network::from_plan(plan, training.seed)?;
        model.to_device(device)?;
        println!("{}\n", model.summary());
        let history = training::fit(&mut model, &train, training)?;
        let (scores, predictions) = training::evaluate_and_predict(&model, &test)?;
        let settings = Description::of(&model, &train, training)?;
        Ok(Self { settings, model, history, scores, predictions, seconds: start.elapsed().as_secs_f64() })
    }

    /// Loss and accuracy on the test samples.
    pub fn scores(&self) -> Scores {
        self.scores
    }

    /// The classification report on the test samples.
    ///
    /// # Errors
    /// As [`ConfusionMatrix::of`].
    pub fn report(&self) -> Result<ClassificationReport> {
        Ok(ClassificationReport::new(&self.confusion()?))
    }

    fn confusion(&self) -> Result<ConfusionMatrix> {
        ConfusionMatrix::of(&self.predictions)
    }

    /// Writes everything into a folder.
    ///
    /// # Errors
    /// [`Error::Io`](mnist_classification::Error::Io) or [`Error::Figure`](mnist_classification::Error::Figure) when something cannot be written.
    pub fn save(&self, mnist: &Dataset, folder: &RunFolder) -> Result<()> {
        let path = |name: &str| folder.file(name);
        let (confusion, report) = (self.confusion()?, self.report()?);
        self.model.save(path("weights.safetensors"))?;
        self.history.save_json(path("history.json"))?;
        self.history.frame()?.save_csv(path("history.csv"))?;
        self.predictions.frame()?.save_csv(path("predictions.csv"))?;
        confusion.frame()?.save_csv(path("confusion_matrix.csv"))?;
        report.frame()?.save_csv(path("report.csv"))?;
        report.save(path("report.txt"))?;
        figures::digits(&mnist.train, 25)?.save(path("digits.png"))?;
        figures::training_curves(&self.history)?.save(path("training_curves.png"))?;
        figures::predictions(&mnist.test, &self.predictions, 25)?.save(path("predictions.png"))?;
        figures::heatmap(&confusion).save(path("confusion_matrix.png"))?;
        figures::misclassified(&mnist.test, &self.predictions, 25)?.save(path("misclassified.png"))?;
        mistakes_page(&mnist.test, &self.predictions)?.save(path("mistakes.html"))?;
        // It comes last: a folder with it is complete.
        files::write_json(path("run.json"), &self.record())
    }

    fn record(&self) -> Record<'_> {
        let results = TestResults {
            test_loss: self.scores.loss,
            test_accuracy: self.scores.accuracy,
            validation: self.settings.training.kept_epoch(&self.history).and_then(|epoch| epoch.validation),
            seconds: self.seconds,
        };
        Record { version: env!("CARGO_PKG_VERSION"), settings: &self.settings, results }
    }
}
