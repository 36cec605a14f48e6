//! What is kept is read again, nothing is lost or broken, and what is compared follows from it.

use std::{fs, path::Path};

use mnist_classification::{
    data::Dataset,
    metrics::significance::LEVEL,
    model::Network,
    training::{Epoch, History, Scores, Training, evaluate},
};

use super::*;

fn outcome(experiment: &str, seed: u64) -> Outcome {
    Outcome {
        experiment: experiment.into(),
        fingerprint: (seed != 2).then(|| "0a1b2c3d".into()),
        seed,
        epochs: 15,
        validation: (experiment == "baseline").then_some(Scores { loss: 0.1, accuracy: 0.98 }),
        lowest_validation_loss: None,
        test: Scores { loss: 0.25, accuracy: 0.985 },
        confused: [seed, 2, 3],
        seconds: 10.0,
    }
}

fn four(file: &Path) -> Results {
    let mut results = Results::open(file).unwrap();
    for (experiment, seed) in [("baseline", 0), ("baseline", 1), ("idea", 0), ("idea", 2)] {
        results.add(outcome(experiment, seed)).unwrap();
    }
    results
}

#[test]
fn outcomes_survive_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/results.csv");
    let written = four(&file);
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
    for (part, broken) in [(",0.985,", ",985,"), (",0.25,", ",NaN,"), (",10\n", ",10,11\n"), (",0.98,", ",,")] {
        assert!(error(text.replacen(part, broken, 1)).contains("found \"baseline,0a1b2c3d,0,15,"), "{broken}");
    }
    assert!(error(text.lines().skip(1).collect()).contains("expected experiment,fingerprint,seed,epochs"));
}

#[test]
fn the_same_experiment_and_seed_take_the_place_of_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut results = four(&folder.path().join("results.csv"));
    results.add(Outcome { fingerprint: Some("new".into()), ..outcome("baseline", 1) }).unwrap();
    let fingerprints: Vec<_> = results.outcomes.iter().map(|outcome| outcome.fingerprint.as_deref()).collect();
    assert_eq!(fingerprints, [Some("0a1b2c3d"), Some("new"), Some("0a1b2c3d"), None]);
}

#[test]
fn no_line_is_lost_when_several_add_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.csv");
    std::thread::scope(|scope| {
        for name in ["one", "two", "three"] {
            let mut results = Results::open(&file).unwrap();
            scope.spawn(move || (0..50).for_each(|seed| results.add(outcome(name, seed)).unwrap()));
        }
    });
    let results = Results::open(&file).unwrap();
    assert_eq!(results.outcomes.len(), 150);
    assert!(["one", "two", "three"].iter().all(|name| (0..50).all(|seed| results.find(name, seed).is_some())));
}

#[test]
fn what_the_file_could_not_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.csv");
    let mut results = four(&file);
    let before = fs::read_to_string(&file).unwrap();
    let mut error = |outcome: Outcome| results.add(outcome).unwrap_err().to_string();
    let expected = "text without commas, quotes and line breaks";
    assert_eq!(error(outcome("a,b", 0)), format!("experiment is \"a,b\"; expected {expected}"));
    assert_eq!(error(outcome("", 0)), format!("experiment is \"\"; expected {expected}"));
    let test = |loss, accuracy| Outcome { test: Scores { loss, accuracy }, ..outcome("idea", 5) };
    assert_eq!(error(test(f64::NAN, 0.1)), "test loss is NaN; expected a finite number from 0 on");
    assert_eq!(error(test(f64::INFINITY, 0.1)), "test loss is inf; expected a finite number from 0 on");
    assert_eq!(error(test(0.1, 98.0)), "test accuracy is 98; expected a share from 0 to 1");
    let nothing = Scores { loss: f64::NAN, accuracy: 0.1 };
    let error = error(Outcome { validation: Some(nothing), ..outcome("idea", 5) });
    assert_eq!(error, "validation loss is NaN; expected a finite number from 0 on");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
}

#[test]
fn validation_is_that_of_the_weights_that_were_tested() {
    let digits = Dataset::drawn(0).unwrap().test.preprocess();
    let model = Network::mlp([784, 10], 0).unwrap();
    let epoch = |epoch, loss| {
        let validation = Some(Scores { loss, accuracy: 0.9 });
        Epoch {
            epoch,
            loss: 0.1,
            accuracy: 0.9,
            validation,
            learning_rate: 0.001,
            metrics: Default::default(),
            seconds: 1.0,
        }
    };
    let history = History { name: "example".into(), epochs: vec![epoch(1, 0.3), epoch(2, 0.2), epoch(3, 0.4)] };
    let of = |training: &Training| Outcome::of("idea", training, &model, &history, &digits).unwrap();
    let training = Training { seed: 7, ..Training::default() };
    let last = of(&training);
    assert_eq!((last.seed, last.epochs, last.seconds), (7, 3, 3.0));
    assert_eq!((last.validation.unwrap().loss, last.lowest_validation_loss), (0.4, Some(0.2)));
    let stopped = of(&Training { early_stopping: Some(1), ..training });
    assert_eq!(stopped.validation.unwrap().loss, 0.2);
    assert_eq!(last.test, evaluate(&model, &digits).unwrap());
}

/// Accuracies in per cent; `all digits` has no validation digits.
fn compared(folder: &Path, accuracies: &[(&str, &[f64])]) -> Results {
    let mut results = Results::open(folder.join("results.csv")).unwrap();
    for (experiment, accuracies) in accuracies {
        for (accuracy, seed) in accuracies.iter().zip(0..) {
            let validated = *experiment != "all digits";
            let outcome = Outcome {
                validation: validated.then_some(Scores { loss: 0.5, accuracy: 0.98 }),
                lowest_validation_loss: validated.then_some(0.25),
                test: Scores { loss: 0.25, accuracy: accuracy / 100.0 },
                ..outcome(experiment, seed)
            };
            results.add(outcome).unwrap();
        }
    }
    results
}

const BASELINE: (&str, &[f64]) = ("baseline", &[98.0, 98.1, 98.2]);

#[test]
fn verdicts_follow_the_corrected_p_values() {
    let folder = tempfile::tempdir().unwrap();
    let ideas: [(&str, &[f64]); 4] = [
        ("better", &[99.0, 99.1, 99.2]),
        ("worse", &[97.0, 97.1, 97.2]),
        ("uncertain", &[98.3, 98.4, 98.35]),
        ("one seed", &[99.9]),
    ];
    let results = compared(folder.path(), &[&[BASELINE], &ideas[..]].concat());
    let differences = results.differences("baseline").unwrap();
    let found: Vec<_> = differences.iter().map(|each| (each.name, each.verdict())).collect();
    assert_eq!(found, [("better", Verdict::Helps), ("worse", Verdict::Harms), ("uncertain", Verdict::Helps)]);
    let verdicts = results.verdicts("baseline").unwrap();
    let names = verdicts.column("experiments").unwrap().str().unwrap();
    assert_eq!([0, 1, 2].map(|row| names.get(row)), [Some("better, uncertain"), Some("worse"), Some("")]);
    // The more comparisons there are, the smaller a p value must be.
    let many: Vec<_> = (0..9).map(|number| (format!("idea {number}"), [98.3, 98.4, 98.35])).collect();
    let many: Vec<(&str, &[f64])> = many.iter().map(|(name, values)| (name.as_str(), &values[..])).collect();
    let results = compared(folder.path(), &many);
    let differences = results.differences("baseline").unwrap();
    let uncertain = differences.iter().find(|each| each.name == "uncertain").unwrap();
    assert!(uncertain.welch.p_value < LEVEL && uncertain.verdict() == Verdict::Unclear, "{uncertain:?}");
    assert_eq!(format!("{:>20}", uncertain.verdict()), " no clear difference");
}

#[test]
fn a_comparison_has_a_row_per_experiment() {
    let folder = tempfile::tempdir().unwrap();
    let all = [BASELINE, ("all digits", &[99.0, 99.1][..]), ("one seed", &[99.0])];
    let results = compared(folder.path(), &all);
    let frame = results.comparison("baseline").unwrap();
    let number = |column: &str, row: usize| {
        let value = frame.column(column).unwrap().f64().unwrap().get(row);
        value.map(|value| (value * 1e4).round() / 1e4)
    };
    let text = |column: &str, row: usize| frame.column(column).unwrap().str().unwrap().get(row);
    assert_eq!([0, 1, 2].map(|row| number("test, %", row)), [Some(98.1), Some(99.05), Some(99.0)]);
    assert_eq!([0, 1, 2].map(|row| number("validation, %", row)), [Some(98.0), None, Some(98.0)]);
    assert_eq!([0, 1, 2].map(|row| number("difference, points", row)), [None, Some(0.95), None]);
    assert_eq!([0, 1, 2].map(|row| number("deviation, points", row)), [Some(0.1), Some(0.0707), None]);
    let expected = [Some("all but validation"), Some("all digits"), Some("all but validation")];
    assert_eq!([0, 1, 2].map(|row| text("trained on", row)), expected);
    assert_eq!([0, 1, 2].map(|row| text("verdict", row)), [None, Some("helps"), None]);
    assert!(number("95 % from", 1) > Some(0.6) && number("95 % to", 1) < Some(1.3), "{frame:?}");
    let error = results.comparison("another").unwrap_err().to_string();
    assert_eq!(error, "baseline is another; expected an experiment that is among the results");
}

#[test]
fn losses_and_confused_pairs_are_means_over_the_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let results = compared(folder.path(), &[BASELINE, ("all digits", &[99.0])]);
    let rise = results.late_rise().unwrap();
    assert_eq!((rise.height(), rise.column("rise").unwrap().f64().unwrap().get(0)), (1, Some(0.25)));
    let confused = results.confused(10_000).unwrap();
    let mean = |column: &str, row| confused.column(column).unwrap().f64().unwrap().get(row).map(f64::round);
    assert_eq!(
        (mean("4-9", 0), mean("all mistakes", 0), mean("all mistakes", 1)),
        (Some(1.0), Some(190.0), Some(100.0))
    );
}

#[test]
fn a_comparison_has_a_row_per_experiment_and_a_mark_per_seed() {
    let folder = tempfile::tempdir().unwrap();
    let mut results = Results::open(folder.path().join("results.csv")).unwrap();
    for (experiment, seed, accuracy) in [("baseline", 0, 0.98), ("baseline", 1, 0.982), ("idea", 0, 0.99)] {
        let validation = (experiment == "baseline").then_some(Scores { loss: 0.2, accuracy: 0.97 });
        let outcome = Outcome {
            experiment: experiment.into(),
            fingerprint: None,
            seed,
            epochs: 15,
            validation,
            lowest_validation_loss: None,
            test: Scores { loss: 0.1, accuracy },
            confused: [0; 3],
            seconds: 1.0,
        };
        results.add(outcome).unwrap();
    }
    let figure = comparison(&results, "baseline").unwrap();
    let svg = figure.svg().unwrap();
    let texts: Vec<_> =
        svg.split("<text").skip(1).filter_map(|part| part.split(['>', '<']).nth(1)).map(str::trim).collect();
    // The idea was trained without validation digits.
    let note = "* trained on all digits, the validation digits among them";
    for text in ["baseline", "idea *", note] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    assert_eq!(svg.matches("<circle").count(), 3);
    // The interval of the baseline's mean, 98.1 ± 1.27, is wider than its seeds: 96.83 to 99.37.
    assert!(texts.contains(&"97.0"), "{texts:?}");
    let error = comparison(&results, "another").unwrap_err().to_string();
    assert_eq!(error, "baseline is another; expected an experiment that is among the results");
}
