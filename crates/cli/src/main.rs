//! The command line: trains as the notebook does and keeps the results; says which digits pictures show.

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use clap::{Args, Parser, Subcommand};
use cli::{Run, RunFolder};
use mnist_classification::{prelude::*, support, tch};
use own_digit::{Answer, Classifier, Picture, pad_of};
use rayon::prelude::*;
use serde_json::json;

const EXAMPLES: &str = "\
Examples:
  cargo run                                   15 epochs on MNIST, results in runs/1
  cargo run -- --epochs 5 --seed 1            a shorter run from another seed
  cargo run -- --model cnn                    a convolutional network
  cargo run -- --settings runs/1/run.json     the settings of an earlier run
  cargo run -- --data fashion --out runs/f    four IDX files of your own
  cargo run -- predict three.png              which digit a picture shows
  cargo run -- predict --run models/cnn *.png     the same, by another network
  cargo run -- export runs/1 model.onnx       the network for other programs";

/// Trains a network on MNIST and keeps its weights, history, report, predictions and pictures in a folder.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    train: Train,
}

#[derive(Subcommand)]
enum Command {
    Predict(Predict),
    Page(DrawingPage),
    Export(Export),
    Import(Import),
}

#[derive(Args)]
struct Train {
    /// Epochs: passes over all training samples [default: 15]
    #[arg(long)]
    epochs: Option<usize>,
    /// Samples per step [default: 128]
    #[arg(long)]
    batch_size: Option<usize>,
    /// Learning rate of the optimizer [default: 0.001]
    #[arg(long)]
    learning_rate: Option<f64>,
    /// Seed of all random numbers [default: 0]
    #[arg(long, allow_negative_numbers = true, value_parser = seed)]
    seed: Option<u64>,
    /// A file of settings in JSON, or the run.json of a run; the options above override it
    #[arg(long)]
    settings: Option<PathBuf>,
    /// mlp, cnn, or a file or folder with a plan of your own: plan.json, run.json, a saved network
    #[arg(long, default_value = "mlp")]
    model: String,
    /// A folder of four IDX files, or "drawn" for digits drawn by a program [default: MNIST]
    #[arg(long)]
    data: Option<PathBuf>,
    /// The pictures lie on their side, as EMNIST's do, under names that do not tell
    #[arg(long, requires = "data")]
    transposed: bool,
    /// The folder for the results; a run that was interrupted there goes on, a finished one with more epochs
    /// [default: the next number in runs]
    #[arg(long)]
    out: Option<PathBuf>,
    /// The device to compute on; auto takes the GPU where there is one
    #[arg(long, default_value = "auto", value_parser = ["auto", "cpu", "cuda"])]
    device: String,
}

/// Says which digits each picture shows
#[derive(Args)]
struct Predict {
    /// Pictures of any size, with dark or light ink: PNG, JPEG, WebP, BMP, GIF, TIFF; or folders of them
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// The folder of a finished run, or of another network
    /// [default: MNIST_RUN, else the latest in runs on digits, else models/handwriting]
    #[arg(long)]
    run: Option<PathBuf>,
    /// Answers in JSON, a line for each picture
    #[arg(long)]
    json: bool,
    /// A PNG file for the steps of each picture: itself in grey, its ink, and each digit as the network takes it
    #[arg(long)]
    save_steps: Option<PathBuf>,
}

/// Writes a page to draw digits on, which a network of a few weights reads in the browser
#[derive(Args)]
struct DrawingPage {
    /// The folder of a finished run, or of another network
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/page"))]
    run: PathBuf,
    /// The file for the page
    #[arg(long, default_value = "out/page.html")]
    out: PathBuf,
    /// A folder for the network as the page has it, with eight bits a weight
    #[arg(long)]
    network: Option<PathBuf>,
}

/// Exports a network to .onnx, .safetensors (PyTorch) or .npz (Keras) and prints the Python code that loads it
#[derive(Args)]
struct Export {
    /// The folder of a finished run, or of another network; several become one ensemble (.onnx)
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// The file
    file: PathBuf,
    /// Give probabilities in place of logits (.onnx)
    #[arg(long)]
    probabilities: bool,
}

/// Imports a network from .onnx, or weights from .safetensors or .pt (PyTorch) or .npz (Keras)
#[derive(Args)]
struct Import {
    /// The file
    file: PathBuf,
    /// A new folder for the network
    folder: PathBuf,
    /// The layers that the weights belong to: a plan in JSON, a run.json, or a saved network
    #[arg(long)]
    plan: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        None => train(&arguments.train).map(|()| ExitCode::SUCCESS),
        Some(Command::Predict(arguments)) => predict(arguments),
        Some(Command::Page(arguments)) => page(arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Export(arguments)) => export(arguments).map(|()| ExitCode::SUCCESS),
        Some(Command::Import(arguments)) => import(arguments).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        // Whoever reads the answers has seen enough.
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn train(arguments: &Train) -> Result<()> {
    let device = choose_device(&arguments.device)?;
    let mut training = arguments.training()?;
    let mnist = match &arguments.data {
        None => Dataset::mnist()?,
        Some(name) if name.as_os_str() == "drawn" => Dataset::drawn(training.seed)?,
        Some(folder) => Dataset::from_dir(folder)?,
    };
    let mnist = if arguments.transposed { mnist.transposed()? } else { mnist };
    cli::data_warnings(&mnist)?.iter().for_each(|warning| support::print(format_args!("{warning}\n")));
    support::print(format_args!("Device: {}\n", format!("{device:?}").to_lowercase()));
    let plan = cli::plan(&arguments.model, &mnist.train)?;
    let folder = RunFolder::create(arguments.out.as_deref(), &training)?;
    training.checkpoint = Some(folder.checkpoint());
    Run::train(&mnist, &plan, &training, device)?.save(&mnist, &folder)?;
    support::print(format_args!("Results in {}\n", folder.finish()?.display()));
    Ok(())
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number, 0 or more, up to {}", u64::MAX))
}

impl Train {
    /// Returns the settings of the file, where there is one, with the options in their place.
    fn training(&self) -> Result<Training> {
        let mut training = self.settings.as_deref().map_or_else(|| Ok(Training::default()), cli::settings)?;
        training.verbose = true;
        training.epochs = self.epochs.unwrap_or(training.epochs);
        training.batch_size = self.batch_size.unwrap_or(training.batch_size);
        training.optimizer.learning_rate = self.learning_rate.unwrap_or(training.optimizer.learning_rate);
        training.seed = self.seed.unwrap_or(training.seed);
        Ok(training)
    }
}

/// Classifies every picture that can be read, and says why each other one cannot.
fn predict(arguments: &Predict) -> Result<ExitCode> {
    // Each core has pictures of its own; more threads for the few digits of one would mostly wait for each other.
    tch::set_num_threads(1);
    let folder = cli::network(arguments.run.as_deref());
    let classifier = Classifier::load(&folder)?;
    // Answers go to standard output; whoever closed this has no use for it.
    let network = shown(&folder);
    let data = classifier.learnt_from().map(|name| format!(", learnt from {name}")).unwrap_or_default();
    let _ = writeln!(io::stderr(), "Network: {network}{data}");
    let open = classifier.opener();
    // The network takes one picture at a time, while other cores open theirs.
    let classifier = Mutex::new(classifier);
    let read = |path: &Path| {
        let picture = open(path)?;
        let answer = classifier.lock().unwrap_or_else(PoisonError::into_inner).classify(&picture)?;
        Ok((answer, arguments.save_steps.is_some().then_some(picture)))
    };
    let mut pictures: Vec<_> = (arguments.pictures.iter())
        .flat_map(|path| match cli::pictures(path) {
            Ok(found) => found.into_iter().map(|picture| (picture, Ok(()))).collect(),
            Err(error) => vec![(path.clone(), Err(error))],
        })
        .collect();
    let (mut code, mut opened) = (ExitCode::SUCCESS, Vec::new());
    while !pictures.is_empty() {
        // Only some for each core at a time, so that the first answers come soon.
        let some = pictures.len().min(16 * rayon::current_num_threads());
        let answers = pictures.par_drain(..some).map(|(path, found)| (found.and_then(|()| read(&path)), path));
        for (read, path) in answers.collect::<Vec<_>>() {
            show(&path, read.as_ref().map(|(answer, _)| answer), arguments.json.then_some(&network))?;
            match read {
                Ok((_, picture)) => opened.extend(picture),
                Err(_) => code = ExitCode::FAILURE,
            }
        }
    }
    if let Some(file) = &arguments.save_steps {
        Picture::save_steps(&opened, file)?;
    }
    Ok(code)
}

/// Shortens the path of a network of this repository.
fn shown(folder: &Path) -> String {
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    folder.strip_prefix(repository).unwrap_or(folder).display().to_string()
}

/// Prints what a picture was read as, or why it was not; in JSON where it is given the network's name.
fn show(picture: &Path, read: Result<&Answer, &Error>, json_of: Option<&String>) -> Result<()> {
    if let Err(error) = read {
        eprintln!("error: {error}");
    }
    if let Some(network) = json_of {
        let mut line = read.map_or_else(|error| json!({ "error": error.to_string() }), Answer::json);
        line["file"] = json!(picture.display().to_string());
        line["network"] = json!(network);
        return print(format_args!("{line}\n"));
    }
    read.map_or(Ok(()), |answer| print(format_args!("{}: {answer}", picture.display())))
}

fn page(arguments: &DrawingPage) -> Result<()> {
    let page = pad_of(&Classifier::load(&arguments.run)?, arguments.network.as_deref())?;
    page.save(&arguments.out)?;
    print(format_args!("Page: {}, {} bytes\n", arguments.out.display(), page.html().len()))
}

fn export(arguments: &Export) -> Result<()> {
    let code = cli::export(&arguments.folders, &arguments.file, arguments.probabilities)?;
    let bytes = fs::metadata(&arguments.file).map_err(Error::io(&arguments.file))?.len();
    print(format_args!("{}, {bytes} bytes. In Python:\n\n{code}\n", arguments.file.display()))
}

fn import(arguments: &Import) -> Result<()> {
    let (network, modules) = cli::import(&arguments.file, arguments.plan.as_deref(), &arguments.folder)?;
    print(format_args!("{}\n", network.summary()))?;
    for (layer, module) in modules {
        print(format_args!("{layer:?} has the weights of {module}\n"))?;
    }
    print(format_args!("The network is in {}\n", arguments.folder.display()))
}

/// Writes to standard output, where `println!` panics when nobody reads on.
fn print(text: fmt::Arguments) -> Result<()> {
    io::stdout().write_fmt(text).map_err(Error::io("standard output"))
}
