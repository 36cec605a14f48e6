//! What the command line does: the notebook's run from end to end, and the folder that keeps its results.

mod cuda;

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use serde::Serialize;
use tch::{Cuda, Device, Kind};

use crate::{
    Error, Result, data, figures, files,
    metrics::{ClassificationReport, ConfusionMatrix},
    model::{Mlp, Model, Network},
    prelude::Mnist,
    tables::Table,
    training::{self, History, Predictions, Scores, Training},
};

/// Where runs go that were given no folder.
const RUNS: &str = "runs";

/// The device of this name: `cpu`, `cuda`, or `auto` for the GPU where there is one that libtorch can use.
///
/// # Errors
/// [`Error::Setting`] for another name, or where `cuda` is not to be had, with the reason.
pub fn device(name: &str) -> Result<Device> {
    let usable = || cuda::load().and_then(|()| Cuda::is_available().then_some(()).ok_or("it finds no GPU".into()));
    let expected = match name {
        "cpu" => return Ok(Device::Cpu),
        "auto" => return Ok(if usable().is_ok() { Device::Cuda(0) } else { Device::Cpu }),
        "cuda" => match usable() {
            Ok(()) => return Ok(Device::Cuda(0)),
            Err(reason) => format!("auto or cpu, because libtorch can use no GPU here ({reason})"),
        },
        _ => "auto, cpu or cuda".into(),
    };
    Err(Error::Setting { setting: "device", found: name.into(), expected })
}

/// A finished training with all that is worth keeping.
#[derive(Debug)]
pub struct Run {
    settings: Settings,
    model: Mlp,
    history: History,
    scores: Scores,
    predictions: Predictions,
    seconds: f64,
}

#[derive(Clone, Debug, Serialize)]
struct Settings {
    data: String,
    layers: Vec<usize>,
    device: String,
    training: Training,
}

/// `run.json`: what was asked for, and what came out.
#[derive(Serialize)]
struct Record<'a> {
    version: &'static str,
    settings: &'a Settings,
    results: Results,
}

#[derive(Serialize)]
struct Results {
    test_loss: f64,
    test_accuracy: f64,
    validation: Option<Scores>,
    seconds: f64,
}

impl Run {
    /// Trains the original's network on a device and looks at the test digits once.
    ///
    /// # Errors
    /// As [`training::fit`].
    pub fn train(mnist: &Mnist, training: &Training, device: Device) -> Result<Self> {
        let start = Instant::now();
        let (train, test) = (mnist.train.preprocess().to_device(device), mnist.test.preprocess().to_device(device));
        let layers = vec![train.inputs.size()[1] as usize, 512, 256, 128, train.classes.len()];
        let mut model = Mlp::new(&layers, training.seed)?.to_device(device);
        println!("{}\n", model.summary());
        let history = training::fit(&mut model, &train, training)?;
        let scores = training::evaluate(&model, &test)?;
        let predictions = training::predict(&model, &test)?;
        let settings = Settings {
            data: train.name,
            layers,
            device: format!("{device:?}").to_lowercase(),
            training: training.clone(),
        };
        Ok(Self { settings, model, history, scores, predictions, seconds: start.elapsed().as_secs_f64() })
    }

    /// Loss and accuracy on the test digits.
    pub fn scores(&self) -> Scores {
        self.scores
    }

    /// The classification report on the test digits.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where a label is over 9.
    pub fn report(&self) -> Result<ClassificationReport> {
        Ok(ClassificationReport::new(&self.confusion()?))
    }

    fn confusion(&self) -> Result<ConfusionMatrix> {
        ConfusionMatrix::of(&self.predictions)
    }

    /// Writes everything into a folder.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Figure`] when something cannot be written.
    pub fn save(&self, mnist: &Mnist, folder: &RunFolder) -> Result<()> {
        let path = |name: &str| folder.partial.join(name);
        let (confusion, report) = (self.confusion()?, self.report()?);
        self.model.save_weights(path("weights.safetensors"))?;
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
        files::write_json(path("run.json"), &self.record())
    }

    fn record(&self) -> Record<'_> {
        let results = Results {
            test_loss: self.scores.loss,
            test_accuracy: self.scores.accuracy,
            validation: self.history.epochs.last().and_then(|epoch| epoch.validation),
            seconds: self.seconds,
        };
        Record { version: env!("CARGO_PKG_VERSION"), settings: &self.settings, results }
    }
}

/// The folder of a run. Until all is written it is called `….partial`, so that an interrupted run never passes
/// for a finished one; a run that is given the same path goes on where that one was.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    partial: PathBuf,
}

impl RunFolder {
    /// Makes the folder of a run that begins: `path`, or the next free number in `runs`.
    ///
    /// # Errors
    /// [`Error::Setting`] when `path` is there already; [`Error::Io`] when it cannot be made.
    pub fn create(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) if path.exists() => {
                let expected = "a folder that is not there yet".into();
                Err(Error::Setting { setting: "out", found: path.display().to_string(), expected })
            }
            Some(path) => {
                let partial = partial(path);
                fs::create_dir_all(&partial).map_err(Error::io(&partial))?;
                Ok(Self { path: path.into(), partial })
            }
            None => Self::next(Path::new(RUNS)),
        }
    }

    /// Two runs that begin at once get two numbers: making a folder succeeds for one of them.
    fn next(runs: &Path) -> Result<Self> {
        fs::create_dir_all(runs).map_err(Error::io(runs))?;
        let mut number = 1;
        loop {
            let path = runs.join(number.to_string());
            let partial = partial(&path);
            if !path.exists() {
                match fs::create_dir(&partial) {
                    Ok(()) => return Ok(Self { path, partial }),
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(Error::io(partial)(error)),
                }
            }
            number += 1;
        }
    }

    /// Where training keeps its epochs until the run is finished.
    pub fn checkpoint(&self) -> PathBuf {
        self.partial.join("training")
    }

    /// Gives the folder its name, now that all is in it.
    ///
    /// # Errors
    /// [`Error::Io`] when another run took the name meanwhile; the results stay under the partial name.
    pub fn finish(self) -> Result<PathBuf> {
        fs::remove_dir_all(self.checkpoint()).map_err(Error::io(self.checkpoint()))?;
        fs::rename(&self.partial, &self.path).map_err(Error::io(&self.path))?;
        Ok(self.path.clone())
    }

    /// The finished run in `runs` with the highest number.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is none.
    pub fn latest() -> Result<PathBuf> {
        let entries = fs::read_dir(RUNS).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok());
        let latest = numbers.max().map(|number| Path::new(RUNS).join(number.to_string()));
        latest.ok_or_else(|| Error::Missing {
            file: RUNS.into(),
            expected: "a finished run; train one first: cargo run".into(),
        })
    }
}

impl Drop for RunFolder {
    /// A run that failed before it wrote anything leaves no folder.
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.partial);
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// The network of a folder: of a finished run, or one that [`Network::save`] wrote.
///
/// # Errors
/// As [`Network::load`] and [`Mlp::from_weights`].
pub fn model(folder: &Path) -> Result<Box<dyn Model>> {
    if folder.join("network.json").exists() {
        return Ok(Box::new(Network::load(folder)?));
    }
    Ok(Box::new(Mlp::from_weights(folder.join("weights.safetensors"))?))
}

/// The probability of each digit for a picture.
///
/// # Errors
/// [`Error::Missing`] or [`Error::Malformed`] for a picture that cannot be read; [`Error::Torch`] where the network
/// takes pictures of another size.
pub fn probabilities(model: &dyn Model, picture: &Path) -> Result<Vec<f64>> {
    let logits = tch::no_grad(|| model.forward(&data::picture(picture, [28, 28])?))?;
    Ok(Vec::try_from(logits.f_softmax(1, Kind::Double)?.f_reshape([-1])?)?)
}
