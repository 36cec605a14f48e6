//! `make experiments` in quick form: it goes on where it was killed, and keeps a line and a network per training.

mod shared;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use mnist_classification::prelude::*;
use shared::mnist_folder;

/// The program, which cargo builds beside the tests.
fn experiments(folder: &Path, mnist: &Path) -> Command {
    let tests = std::env::current_exe().unwrap();
    let mut command = Command::new(tests.parent().unwrap().with_file_name("examples").join("experiments"));
    command.current_dir(folder).env("MNIST_DIR", mnist).env("MNIST_QUICK", "1");
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
    let names: Vec<_> = results.summaries().iter().map(|summary| summary.name.to_string()).collect();
    assert_eq!(results.frame().unwrap().height(), names.len(), "one seed each: {names:?}");
    for name in ["baseline", "dropout", "elastic", "best MLP", "best CNN", "CNN without pooling", "20 CNNs together"] {
        assert!(names.contains(&name.to_string()), "{names:?}");
    }
    // Better than guessing.
    assert!(results.find("CNN", 0).unwrap().test.accuracy > 0.3);
    let network = Network::load(folder.path().join("out/experiments-quick/best CNN, seed 0")).unwrap();
    assert!(network.summary().parameters() > 10_000);

    let again = experiments(folder.path(), &mnist).output().unwrap();
    assert!(again.status.success() && again.stdout.is_empty(), "{}", String::from_utf8_lossy(&again.stdout));
    assert_eq!(fs::read_to_string(&file).unwrap(), after);
}
