//! The command line's work: the notebook's run from end to end, the folder that keeps its results, predictions, and
//! networks for other programs.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod data_warnings;
mod exchange;
mod folder;
mod options;

use std::time::Instant;

use error_analysis::mistakes_page;
use mnist_classification::{
    Result,
    data::Dataset,
    figures,
    metrics::{ClassificationReport, ConfusionMatrix},
    model::{Model, Network, Plan},
    notebook::Table,
    support::{files, print},
    training::{self, Description, History, Predictions, Scores, Training},
};
use serde::Serialize;
use tch::Device;

pub use data_warnings::data_warnings;
pub use exchange::{export, import};
pub use folder::RunFolder;
pub use options::{network, pictures, plan, settings};

/// A finished training with all that is worth keeping.
#[derive(Debug)]
pub struct Run {
    model: Network,
    history: History,
    predictions: Predictions,
    confusion: ConfusionMatrix,
    report: ClassificationReport,
    record: Record,
}

/// `run.json`: what was asked for, and what came out.
#[derive(Debug, Serialize)]
struct Record {
    version: &'static str,
    settings: Description,
    results: TestResults,
}

#[derive(Debug, Serialize)]
struct TestResults {
    test_loss: f64,
    test_accuracy: f64,
    validation: Option<Scores>,
    seconds: f64,
}

impl Run {
    /// Trains the network of a plan on a device, looks at the test samples once, and prints the report.
    ///
    /// # Errors
    /// As [`training::fit`].
    pub fn train(mnist: &Dataset, plan: &Plan, training: &Training, device: Device) -> Result<Self> {
        let start = Instant::now();
        let [train, test] = [&mnist.train, &mnist.test].map(|digits| digits.preprocess().to_device(device));
        let mut model = Network::from_plan(plan, training.seed)?;
        model.to_device(device)?;
        print(format_args!("{}\n\n", model.summary()));
        let history = training::fit(&mut model, &train, training)?;
        let (Scores { loss, accuracy }, predictions) = training::evaluate_and_predict(&model, &test)?;
        let settings = Description::of(&model, &train, training)?;
        let results = TestResults {
            test_loss: loss,
            test_accuracy: accuracy,
            validation: training.kept_epoch(&history).and_then(|epoch| epoch.validation),
            seconds: start.elapsed().as_secs_f64(),
        };
        let confusion = ConfusionMatrix::of(&predictions)?;
        let report = ClassificationReport::new(&confusion);
        let data = &mnist.test.name;
        print(format_args!("\nTest loss {loss:.4}, test accuracy {accuracy:.4} on {data}\n\n{report}\n"));
        let record = Record { version: env!("CARGO_PKG_VERSION"), settings, results };
        Ok(Self { model, history, predictions, confusion, report, record })
    }

    /// Writes everything into a folder.
    ///
    /// # Errors
    /// [`Error::Io`](mnist_classification::Error::Io) or [`Error::Figure`](mnist_classification::Error::Figure) when
    /// something cannot be written.
    pub fn save(&self, mnist: &Dataset, folder: &RunFolder) -> Result<()> {
        let path = |name: &str| folder.file(name);
        let Self { model, history, predictions, confusion, report, record } = self;
        model.save(path("weights.safetensors"))?;
        history.save_json(path("history.json"))?;
        history.frame()?.save_csv(path("history.csv"))?;
        predictions.frame()?.save_csv(path("predictions.csv"))?;
        confusion.frame()?.save_csv(path("confusion_matrix.csv"))?;
        report.frame()?.save_csv(path("report.csv"))?;
        report.save(path("report.txt"))?;
        figures::digits(&mnist.train, 25)?.save(path("digits.png"))?;
        figures::training_curves(history)?.save(path("training_curves.png"))?;
        figures::predictions(&mnist.test, predictions, 25)?.save(path("predictions.png"))?;
        figures::heatmap(confusion).save(path("confusion_matrix.png"))?;
        figures::misclassified(&mnist.test, predictions, 25)?.save(path("misclassified.png"))?;
        mistakes_page(&mnist.test, predictions)?.save(path("mistakes.html"))?;
        // It comes last: a folder with it is complete.
        files::write_json(path("run.json"), record)
    }
}
