//! The command line: trains as the notebook does and keeps the results; says which digits pictures show.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use mnist_classification::{
    prelude::*,
    run::{self, Run, RunFolder},
};

const EXAMPLES: &str = "\
Examples:
  cargo run                                   15 epochs on MNIST, results in runs/1
  cargo run -- --epochs 5 --seed 1            a shorter run from another seed
  cargo run -- --data fashion --out runs/f    four IDX files of your own
  cargo run -- predict three.png              which digit a picture shows
  cargo run -- predict --run models/cnn *.png     the same, by the best CNN";

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
}

#[derive(Args)]
struct Train {
    /// How often training goes through all digits
    #[arg(long, default_value_t = 15)]
    epochs: usize,
    /// How many digits make a step
    #[arg(long, default_value_t = 128)]
    batch_size: usize,
    /// The size of a step
    #[arg(long, default_value_t = 0.001)]
    learning_rate: f64,
    /// What all random numbers are drawn from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A folder of four IDX files, or "drawn" for digits drawn by a program [default: MNIST]
    #[arg(long)]
    data: Option<PathBuf>,
    /// The folder for the results; a run that was interrupted there goes on [default: the next number in runs]
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where to compute; auto takes the GPU where there is one
    #[arg(long, default_value = "auto", value_parser = ["auto", "cpu", "cuda"])]
    device: String,
}

/// Says which digit each picture shows
#[derive(Args)]
struct Predict {
    /// PNG or JPEG files of any size, with dark or light ink
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// The folder of a finished run, or of another network, such as models/cnn [default: the latest in runs]
    #[arg(long)]
    run: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        None => train(&arguments.train),
        Some(Command::Predict(arguments)) => predict_images(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn train(arguments: &Train) -> Result<()> {
    let device = run::device(&arguments.device)?;
    let mnist = match &arguments.data {
        None => Mnist::load()?,
        Some(name) if name.as_os_str() == "drawn" => Mnist::drawn(arguments.seed)?,
        Some(folder) => Mnist::from_dir(folder)?,
    };
    println!("Device: {}", format!("{device:?}").to_lowercase());
    let folder = RunFolder::create(arguments.out.as_deref())?;
    let training = Training {
        epochs: arguments.epochs,
        batch_size: arguments.batch_size,
        optimizer: Optimizer::rms_prop(arguments.learning_rate),
        seed: arguments.seed,
        checkpoint: Some(folder.checkpoint()),
        ..Training::default()
    };
    let run = Run::train(&mnist, &training, device)?;
    let Scores { loss, accuracy } = run.scores();
    println!("\nTest loss {loss:.4}, test accuracy {accuracy:.4} on {}\n\n{}", mnist.test.name, run.report()?);
    run.save(&mnist, &folder)?;
    println!("Results in {}", folder.finish()?.display());
    Ok(())
}

fn predict_images(arguments: &Predict) -> Result<()> {
    let folder = arguments.run.clone().map_or_else(RunFolder::latest, Ok)?;
    let model = run::model(&folder)?;
    for image in &arguments.images {
        let probabilities = run::probabilities(&*model, image)?;
        let best = (0..probabilities.len()).max_by(|&one, &other| probabilities[one].total_cmp(&probabilities[other]));
        println!("{}: {}", image.display(), best.unwrap_or_default());
        for (digit, probability) in probabilities.iter().enumerate() {
            println!("  {digit}  {:6.2} %", 100.0 * probability);
        }
    }
    Ok(())
}
