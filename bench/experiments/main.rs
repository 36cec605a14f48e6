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
use plan::{BEST_CNN, ENSEMBLES, Experiment, experiments, seeds};

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
    let ensembles = ENSEMBLES.map(|(name, _)| name);
    let names: Vec<_> = experiments().iter().map(|experiment| experiment.name).chain(ensembles).collect();
    if let Some(unknown) = chosen.iter().find(|chosen| !names.contains(&chosen.as_str())) {
        let expected = format!("one of {names:?}");
        return Err(Error::Setting { setting: "an experiment", found: unknown.clone(), expected });
    }
    let experiments: Vec<_> = experiments().into_iter().filter(|experiment| is_chosen(experiment.name)).collect();
    let trainings: Vec<_> = experiments
        .iter()
        .flat_map(|experiment| laboratory.seeds(experiment.name).map(move |seed| (experiment, seed)))
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
    for (name, kinds) in ENSEMBLES {
        if is_chosen(name) && laboratory.results.find(name, 0).is_none() {
            let outcome = laboratory.together(name, kinds)?;
            report(&outcome);
            laboratory.keep(outcome)?;
        }
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

    fn seeds(&self, experiment: &str) -> std::ops::Range<u64> {
        0..if self.quick { 1 } else { seeds(experiment) }
    }

    /// Whether a training has no line yet, or its network is missing for those that are still to answer together.
    fn needs(&self, experiment: &Experiment, seed: u64) -> bool {
        let mut ensembles = ENSEMBLES.iter().filter(|(name, _)| self.results.find(name, 0).is_none());
        let is_member = ensembles.any(|(_, kinds)| kinds.contains(&experiment.name));
        let network_is_missing = is_member && !self.folder(experiment.name, seed).exists();
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
        let input: &[usize] = if matches!(experiment.layers[0], Layer::Dense(_)) { &[784] } else { &[1, 28, 28] };
        let mut model = Network::new(input, &experiment.layers, seed)?;
        let history = fit(&mut model, &self.train, &training)?;
        model.save(self.folder(experiment.name, seed))?;
        if (experiment.name, seed, self.quick) == (BEST_CNN, 0, false) {
            model.save(Path::new("models/cnn"))?;
        }
        Outcome::of(experiment.name, seed, &model, &history, &self.test)
    }

    /// Networks of these kinds as one model.
    fn together(&self, name: &str, kinds: &[&str]) -> Result<Outcome> {
        let of = |&kind| self.seeds(kind).map(move |seed| (kind, seed));
        let members: Vec<(&str, u64)> = kinds.iter().flat_map(of).collect();
        let load =
            |&(kind, seed): &(&str, u64)| Ok(Box::new(Network::load(self.folder(kind, seed))?) as Box<dyn Model>);
        let ensemble = Ensemble::new(members.iter().map(load).collect::<Result<_>>()?)?;
        let nothing = History { name: self.train.name.clone(), epochs: Vec::new() };
        let outcomes = members.iter().filter_map(|&(kind, seed)| self.results.find(kind, seed));
        let (epochs, seconds) = outcomes.map(|outcome| (outcome.epochs, outcome.seconds)).fold((0, 0.0), add);
        Ok(Outcome { epochs, seconds, ..Outcome::of(name, 0, &ensemble, &nothing, &self.test)? })
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
