//! Trains everything in the plan, each from several seeds, tests each network once, and compares.
//!
//! A finished training is a line of `results/experiments.csv` and is not repeated, unless the samples, the layers or
//! the settings have changed since; to repeat it all the same, remove its line. `results/comparison.csv` holds the
//! comparison with the baseline. Names behind `--` choose experiments. With `MNIST_QUICK` set, all of it takes few
//! digits, of MNIST or others, one epoch and one seed, and goes into `out/experiments-quick`.

use std::{
    env,
    path::{Path, PathBuf},
};

use experiments::{
    Ensemble,
    plan::{BEST_CNN, ENSEMBLES, Experiment, ensemble_fingerprint, experiments, seeds},
    prelude::*,
};
use indicatif::{ProgressBar, ProgressStyle};
use mnist_classification::{data::MNIST, prelude::*, training::DataDescription};

/// What the others are compared with.
const BASELINE: &str = "baseline";

/// The digits, the results so far, and where comparison and networks go.
struct Run {
    train: Samples,
    test: Samples,
    data: DataDescription,
    results: Results,
    comparison: PathBuf,
    networks: PathBuf,
    quick: bool,
}

fn main() -> Result<()> {
    let mut run = Run::open()?;
    let chosen: Vec<_> = env::args().skip(1).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name);
    let ensembles = ENSEMBLES.map(|(name, _)| name);
    let names: Vec<_> = experiments().iter().map(|experiment| experiment.name).chain(ensembles).collect();
    if let Some(unknown) = chosen.iter().find(|chosen| !names.contains(&chosen.as_str())) {
        return Err(Error::invalid_setting("an experiment", unknown, format!("one of {names:?}")));
    }
    let experiments: Vec<_> = experiments().into_iter().filter(|experiment| is_chosen(experiment.name)).collect();
    let trainings: Vec<_> = experiments
        .iter()
        .flat_map(|experiment| run.seeds(experiment.name).map(move |seed| (experiment, seed)))
        .filter(|(experiment, seed)| run.needs(experiment, *seed))
        .collect();
    let bar = bar(trainings.len());
    for (experiment, seed) in trainings {
        bar.set_message(format!("{}, seed {seed}", experiment.name));
        let outcome = run.run(experiment, seed)?;
        bar.suspend(|| report(&outcome));
        run.keep(outcome)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    for (name, members) in ENSEMBLES {
        if is_chosen(name) && !run.has(name, 0, &ensemble_fingerprint(members, &run.data)) {
            let outcome = run.together(name, members)?;
            report(&outcome);
            run.keep(outcome)?;
        }
    }
    if run.results.find(BASELINE, 0).is_some() {
        run.results.comparison(BASELINE)?.save_csv(&run.comparison)?;
    }
    Ok(())
}

impl Run {
    fn open() -> Result<Self> {
        let quick = env::var_os("MNIST_QUICK").is_some();
        let [results, networks] =
            if quick { ["out/experiments-quick"; 2] } else { ["results", "out/experiments"] }.map(PathBuf::from);
        let Dataset { train, test } = Dataset::mnist()?;
        let [mut train, mut test] = [train, test].map(|digits| digits.preprocess());
        if !quick && train.name != MNIST {
            return Err(Error::mismatch("data", train.name, "MNIST, which all lines of the results come from"));
        }
        if quick {
            (train, test) = (train.split(0.95)?.0, test.split(0.9)?.0);
        }
        let comparison = results.join("comparison.csv");
        let results = Results::open(results.join("experiments.csv"))?;
        let data = DataDescription::of(&train)?;
        Ok(Self { train, test, data, results, comparison, networks, quick })
    }

    fn seeds(&self, experiment: &str) -> std::ops::Range<u64> {
        0..if self.quick { 1 } else { seeds(experiment) }
    }

    /// Whether there is a line of this training.
    fn has(&self, experiment: &str, seed: u64, fingerprint: &str) -> bool {
        self.results.find(experiment, seed).is_some_and(|outcome| outcome.fingerprint.as_deref() == Some(fingerprint))
    }

    /// Whether a training has no line yet, or its network is missing for an ensemble that has none.
    fn needs(&self, experiment: &Experiment, seed: u64) -> bool {
        let mut ensembles = ENSEMBLES.iter().filter(|(_, members)| members.contains(&experiment.name));
        let is_member = ensembles.any(|(name, members)| !self.has(name, 0, &ensemble_fingerprint(members, &self.data)));
        let network_is_missing = is_member && !self.network(experiment.name, seed).exists();
        network_is_missing || !self.has(experiment.name, seed, &experiment.fingerprint(&self.data))
    }

    /// The file of a trained network.
    fn network(&self, experiment: &str, seed: u64) -> PathBuf {
        self.networks.join(format!("{experiment}, seed {seed}.safetensors"))
    }

    fn run(&self, experiment: &Experiment, seed: u64) -> Result<Outcome> {
        let epochs = if self.quick { 1 } else { experiment.training.epochs };
        let training = Training { seed, epochs, ..experiment.training.clone() };
        let mut model = Network::from_plan(&experiment.plan, seed)?;
        let history = fit(&mut model, &self.train, &training)?;
        if ENSEMBLES.iter().any(|(_, members)| members.contains(&experiment.name)) {
            model.save(self.network(experiment.name, seed))?;
        }
        if (experiment.name, seed, self.quick) == (BEST_CNN, 0, false) {
            model.save(Path::new("models/cnn"))?;
        }
        let outcome = Outcome::of(experiment.name, &training, &model, &history, &self.test)?;
        Ok(Outcome { fingerprint: Some(experiment.fingerprint(&self.data)), ..outcome })
    }

    /// The networks of these experiments as one model.
    fn together(&self, name: &str, experiments: &[&str]) -> Result<Outcome> {
        let of = |&member| self.seeds(member).map(move |seed| (member, seed));
        let members: Vec<(&str, u64)> = experiments.iter().flat_map(of).collect();
        let load =
            |&(member, seed): &(&str, u64)| Ok(Box::new(Network::load(self.network(member, seed))?) as Box<dyn Model>);
        let ensemble = Ensemble::new(members.iter().map(load).collect::<Result<_>>()?)?;
        // Nothing is trained here: epochs and seconds are the members'.
        let nothing = History { name: self.train.name.clone(), epochs: Vec::new() };
        let outcome = Outcome::of(name, &Training::default(), &ensemble, &nothing, &self.test)?;
        let trained: Vec<_> = members.iter().filter_map(|&(member, seed)| self.results.find(member, seed)).collect();
        Ok(Outcome {
            fingerprint: Some(ensemble_fingerprint(experiments, &self.data)),
            epochs: trained.iter().map(|outcome| outcome.epochs).sum(),
            seconds: trained.iter().map(|outcome| outcome.seconds).sum(),
            ..outcome
        })
    }

    /// Adds an outcome; a line of the same training stays as it is.
    fn keep(&mut self, outcome: Outcome) -> Result<()> {
        let kept = self.results.find(&outcome.experiment, outcome.seed);
        if kept.is_some_and(|kept| kept.fingerprint == outcome.fingerprint) {
            Ok(())
        } else {
            self.results.add(outcome)
        }
    }
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
