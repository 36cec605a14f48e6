//! Trains everything in the plan, each from several seeds, and looks at the test digits once per training.
//!
//! A finished training is a line of `results/experiments.csv`, and is not done again: to repeat it, remove its line. Names
//! behind `--` choose experiments. With `MNIST_QUICK` set, all of it takes few digits, one epoch and one seed, and goes
//! into `out/experiments-quick`.

mod plan;

use std::{
    env,
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};
use mnist_classification::{model::Layer, prelude::*};
use plan::{BEST_CNN, ENSEMBLE, Experiment, TOGETHER, experiments};

/// The digits, the results so far, and where the networks go.
struct Laboratory {
    train: Samples,
    test: Samples,
    results: Results,
    networks: PathBuf,
    quick: bool,
}

fn main() -> Result<()> {
    let mut laboratory = Laboratory::open()?;
    let chosen: Vec<_> = env::args().skip(1).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
    let names: Vec<_> = experiments().iter().map(|experiment| experiment.name).chain([ENSEMBLE]).collect();
    if let Some(unknown) = chosen.iter().find(|chosen| !names.contains(&chosen.as_str())) {
        let expected = format!("one of {names:?}");
        return Err(Error::Setting { setting: "an experiment", found: unknown.clone(), expected });
    }
    let experiments: Vec<_> = experiments().into_iter().filter(|experiment| is_chosen(experiment.name)).collect();
    let trainings: Vec<_> = experiments
        .iter()
        .flat_map(|experiment| (0..laboratory.seeds(experiment)).map(move |seed| (experiment, seed)))
        .filter(|(experiment, seed)| laboratory.needs(experiment, *seed))
        .collect();
    let bar = bar(trainings.len());
    for (experiment, seed) in trainings {
        bar.set_message(format!("{}, seed {seed}", experiment.name));
        let outcome = laboratory.run(experiment, seed)?;
        bar.suspend(|| report(&outcome));
        laboratory.keep(outcome)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if is_chosen(ENSEMBLE) && laboratory.results.find(ENSEMBLE, 0).is_none() {
        let outcome = laboratory.together()?;
        report(&outcome);
        laboratory.keep(outcome)?;
    }
    Ok(())
}

impl Laboratory {
    fn open() -> Result<Self> {
        let quick = env::var_os("MNIST_QUICK").is_some();
        let [results, networks] =
            if quick { ["out/experiments-quick"; 2] } else { ["results", "out/experiments"] }.map(PathBuf::from);
        let Mnist { train, test } = Mnist::load()?;
        let [mut train, mut test] = [train, test].map(|digits| digits.preprocess());
        if quick {
            (train, test) = (train.split(0.95)?.0, test.split(0.9)?.0);
        }
        let results = Results::open(results.join("experiments.csv"))?;
        Ok(Self { train, test, results, networks, quick })
    }

    fn seeds(&self, experiment: &Experiment) -> u64 {
        match experiment.name {
            _ if self.quick => 1,
            BEST_CNN => TOGETHER,
            _ => 3,
        }
    }

    /// Whether a training has no line yet, or its network is missing for those that answer together.
    fn needs(&self, experiment: &Experiment, seed: u64) -> bool {
        let network_is_missing = experiment.name == BEST_CNN
            && self.results.find(ENSEMBLE, 0).is_none()
            && !self.folder(BEST_CNN, seed).exists();
        network_is_missing || self.results.find(experiment.name, seed).is_none()
    }

    fn folder(&self, experiment: &str, seed: u64) -> PathBuf {
        self.networks.join(format!("{experiment}, seed {seed}"))
    }

    fn run(&self, experiment: &Experiment, seed: u64) -> Result<Outcome> {
        let epochs = if self.quick { 1 } else { experiment.training.epochs };
        let training = Training { seed, epochs, ..experiment.training.clone() };
        if experiment.layers.is_empty() {
            let mut model = Mlp::new(&[784, 512, 256, 128, 10], seed)?;
            let history = fit(&mut model, &self.train, &training)?;
            return Outcome::of(experiment.name, seed, &model, &history, &self.test);
        }
        let convolutional = matches!(experiment.layers[0], Layer::Convolution { .. });
        let input: &[usize] = if convolutional { &[1, 28, 28] } else { &[784] };
        let mut model = Network::new(input, &experiment.layers, seed)?;
        let history = fit(&mut model, &self.train, &training)?;
        model.save(self.folder(experiment.name, seed))?;
        if (experiment.name, seed, self.quick) == (BEST_CNN, 0, false) {
            model.save(Path::new("models/cnn"))?;
        }
        Outcome::of(experiment.name, seed, &model, &history, &self.test)
    }

    /// The best CNNs as one model.
    fn together(&self) -> Result<Outcome> {
        let seeds = 0..if self.quick { 1 } else { TOGETHER };
        let load = |seed| Ok(Box::new(Network::load(self.folder(BEST_CNN, seed))?) as Box<dyn Model>);
        let ensemble = Ensemble::new(seeds.clone().map(load).collect::<Result<_>>()?)?;
        let nothing = History { name: self.train.name.clone(), epochs: Vec::new() };
        let outcomes = seeds.filter_map(|seed| self.results.find(BEST_CNN, seed));
        let (epochs, seconds) = outcomes.map(|outcome| (outcome.epochs, outcome.seconds)).fold((0, 0.0), add);
        Ok(Outcome { epochs, seconds, ..Outcome::of(ENSEMBLE, 0, &ensemble, &nothing, &self.test)? })
    }

    /// Adds an outcome, where it is not there yet.
    fn keep(&mut self, outcome: Outcome) -> Result<()> {
        if self.results.find(&outcome.experiment, outcome.seed).is_some() {
            return Ok(());
        }
        self.results.add(outcome)
    }
}

fn add(one: (usize, f64), other: (usize, f64)) -> (usize, f64) {
    (one.0 + other.0, one.1 + other.1)
}

fn report(outcome: &Outcome) {
    let Outcome { experiment, seed, test, seconds, .. } = outcome;
    println!("{experiment}, seed {seed}: {:.2} % of the test digits, {seconds:.0} s", 100.0 * test.accuracy);
}

fn bar(trainings: usize) -> ProgressBar {
    let bar = ProgressBar::new(trainings as u64);
    // A wrong template would leave indicatif's own.
    match ProgressStyle::with_template("{pos}/{len} {bar:30} {elapsed_precise}  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
