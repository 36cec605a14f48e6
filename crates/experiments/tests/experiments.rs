//! `make experiments` in quick form: it goes on where it was killed, keeps a line per training and the networks of
//! ensembles, and trains anew what has changed. The results in the repository: the comparison is theirs. And one of the
//! trainings of `make seconds`.

#[path = "../../../tests/shared/mod.rs"]
mod shared;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use experiments::prelude::*;
use mnist_classification::prelude::*;
use shared::mnist_folder;

/// An example, which cargo builds beside the tests.
fn example(name: &str, mnist: &Path) -> Command {
    let tests = std::env::current_exe().unwrap();
    let mut command = Command::new(tests.parent().unwrap().with_file_name("examples").join(name));
    command.env("MNIST_DIR", mnist);
    command
}

fn experiments(folder: &Path, mnist: &Path) -> Command {
    let mut command = example("experiments", mnist);
    command.current_dir(folder).env("MNIST_QUICK", "1");
    command
}

#[test]
fn experiments_go_on_where_they_were_killed() {
    let Some(mnist) = mnist_folder() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out/experiments-quick/experiments.csv");
    let mut process = experiments(folder.path(), &mnist).stdout(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while Results::open(&file).unwrap().find("Nadam", 0).is_none() {
        assert!(start.elapsed() < Duration::from_secs(120), "no third experiment");
        std::thread::sleep(Duration::from_millis(20));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    let before = fs::read_to_string(&file).unwrap();

    let output = experiments(folder.path(), &mnist).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let after = fs::read_to_string(&file).unwrap();
    assert!(after.starts_with(&before), "{before}{after}");
    let results = Results::open(&file).unwrap();
    let names: Vec<_> = results.experiments().iter().map(|trainings| trainings.name.to_string()).collect();
    assert_eq!(results.frame().unwrap().height(), names.len(), "one seed each: {names:?}");
    for name in ["baseline", "dropout", "elastic", "best MLP", "best CNN", "CNN without pooling", "20 CNNs together"] {
        assert!(names.contains(&name.to_string()), "{names:?}");
    }
    // Better than guessing.
    assert!(results.find("CNN", 0).unwrap().test.accuracy > 0.3);
    let network = Network::load(folder.path().join("out/experiments-quick/best CNN, seed 0.safetensors")).unwrap();
    assert!(network.summary().parameters() > 10_000);

    let comparison = fs::read_to_string(file.with_file_name("comparison.csv")).unwrap();
    assert_eq!(comparison, results.comparison("baseline").unwrap().csv());

    let again = experiments(folder.path(), &mnist).output().unwrap();
    assert!(again.status.success() && again.stdout.is_empty(), "{}", String::from_utf8_lossy(&again.stdout));
    assert_eq!(fs::read_to_string(&file).unwrap(), after);

    // A line that other settings led to does not count.
    let fingerprint = results.find("CNN", 0).unwrap().fingerprint.as_deref().unwrap();
    fs::write(&file, after.replace(&format!("CNN,{fingerprint},"), "CNN,00000000,")).unwrap();
    let anew = experiments(folder.path(), &mnist).output().unwrap();
    let printed = String::from_utf8_lossy(&anew.stdout);
    assert!(printed.starts_with("CNN, seed 0: ") && printed.lines().count() == 1, "{printed}");
    let results = Results::open(&file).unwrap();
    assert_eq!(results.find("CNN", 0).unwrap().fingerprint.as_deref(), Some(fingerprint));
    assert_eq!(results.frame().unwrap().height(), names.len());
}

/// Where a verdict in the repository differs from what its results say, `make experiments` writes it anew.
#[test]
fn the_comparison_in_the_repository_is_that_of_its_results() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../results");
    let frame = Results::open(folder.join("experiments.csv")).unwrap().comparison("baseline").unwrap();
    let (found, kept) = (frame.csv(), fs::read_to_string(folder.join("comparison.csv")).unwrap());
    assert_eq!(found.lines().count(), kept.lines().count());
    for (found, kept) in found.lines().zip(kept.lines()) {
        assert_eq!(found.split(',').count(), kept.split(',').count(), "{found} | {kept}");
        for (found, kept) in found.split(',').zip(kept.split(',')) {
            match (found.parse::<f64>(), kept.parse::<f64>()) {
                // Another machine's logarithms may differ in the last digit.
                (Ok(one), Ok(other)) => assert!((one - other).abs() <= 1e-9 * other.abs(), "{one} and {other}"),
                _ => assert_eq!(found, kept),
            }
        }
    }
}

/// The first goal alone: it takes two seconds. That of all of them, from 30 seeds, is in docs/speed.md.
#[test]
fn the_originals_layers_read_98_per_cent_after_two_epochs() {
    let Some(mnist) = mnist_folder() else { return };
    let answer = |arguments: &[&str]| {
        let output = example("seconds", &mnist).args(arguments).output().unwrap();
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned())
    };
    // Chosen on digits that it did not learn from, and answered on those that nothing was chosen by.
    for (arguments, digits, least) in
        [(&["98", "validation"][..], "12000 digits", 97.5), (&["98"], "10000 digits", 97.7)]
    {
        let [line, error] = answer(arguments);
        let accuracy = line.strip_prefix("98: ").and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
        assert!(accuracy.is_some_and(|accuracy| accuracy > least), "{line}{error}");
        assert!(line.contains(digits) && line.contains("567434 parameters"), "{line}");
    }
    let [nothing, error] = answer(&["97"]);
    assert!(nothing.is_empty() && error.contains("98, 99, 99.5 or smallest"), "{error}");
}
