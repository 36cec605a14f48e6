//! The program as users run it: train, look at the folder, ask about a picture, make mistakes.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use mnist_classification::data::Mnist;
use serde_json::Value;
use tempfile::TempDir;

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mnist-classification"));
    command.current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder of IDX files with a few drawn digits, so that a run takes a second.
fn write_idx_files(folder: &Path) {
    let digits = Mnist::drawn(1).unwrap();
    for (name, part, count) in [("train", &digits.train, 2_000), ("t10k", &digits.test, 300)] {
        let images = part.images.narrow(0, 0, count);
        let mut file = fs::File::create(folder.join(format!("{name}-images-idx3-ubyte"))).unwrap();
        file.write_all(&[0, 0, 8, 3]).unwrap();
        for size in [count as u32, 28, 28] {
            file.write_all(&size.to_be_bytes()).unwrap();
        }
        file.write_all(&Vec::<u8>::try_from(images.flatten(0, -1)).unwrap()).unwrap();
        let labels: Vec<i64> = Vec::try_from(part.labels.narrow(0, 0, count)).unwrap();
        let mut file = fs::File::create(folder.join(format!("{name}-labels-idx1-ubyte"))).unwrap();
        file.write_all(&[0, 0, 8, 1]).unwrap();
        file.write_all(&(count as u32).to_be_bytes()).unwrap();
        file.write_all(&labels.iter().map(|&label| label as u8).collect::<Vec<_>>()).unwrap();
    }
}

/// A folder with data and the results of a short run in `runs/1`.
fn trained() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("small")).unwrap();
    write_idx_files(&folder.path().join("small"));
    let output = run(folder.path(), &["--data", "small", "--epochs", "3", "--seed", "4", "--batch-size", "50"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    assert!(shown.contains("Epoch 3/3\n32/32 ━"), "{shown}");
    assert!(shown.contains("test accuracy") && shown.contains("weighted avg"), "{shown}");
    assert!(shown.ends_with("Results in runs/1\n"), "{shown}");
    folder
}

#[test]
fn a_run_leaves_a_complete_folder_and_predict_reads_a_picture_with_it() {
    let folder = trained();
    let path = |name: &str| folder.path().join("runs/1").join(name);
    let record: Value = serde_json::from_str(&fs::read_to_string(path("run.json")).unwrap()).unwrap();
    assert_eq!(record["settings"]["data"], "small");
    assert_eq!(record["settings"]["training"]["seed"], 4);
    let accuracy = record["results"]["test_accuracy"].as_f64().unwrap();
    let predictions = fs::read_to_string(path("predictions.csv")).unwrap();
    let rows: Vec<Vec<&str>> = predictions.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let right = rows.iter().filter(|row| row[0] == row[1]).count();
    assert!(
        rows.len() == 300 && (right as f64 / 300.0 - accuracy).abs() < 1e-9 && accuracy > 0.5,
        "{right}, {accuracy}"
    );
    assert_eq!(fs::read_to_string(path("history.csv")).unwrap().lines().count(), 4);
    assert!(fs::read_to_string(path("report.txt")).unwrap().starts_with("small\n\n"));
    assert_eq!(fs::read_to_string(path("confusion_matrix.csv")).unwrap().lines().count(), 11);
    for name in ["digits", "training_curves", "predictions", "confusion_matrix", "misclassified"] {
        assert!(fs::read(path(&format!("{name}.png"))).unwrap().starts_with(b"\x89PNG"), "{name}");
    }
    let output = run(folder.path(), &["predict", "runs/1/digits.png"]);
    let shown = text(&output.stdout);
    assert!(output.status.success() && shown.starts_with("runs/1/digits.png: "), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.ends_with(" %")).count(), 10);
}

#[test]
fn the_same_seed_gives_the_same_weights_byte_for_byte() {
    let folder = trained();
    let again = ["--data", "small", "--epochs", "3", "--seed", "4", "--batch-size", "50", "--out", "again"];
    assert!(run(folder.path(), &again).status.success());
    let weights = |run: &str| fs::read(folder.path().join(run).join("weights.safetensors")).unwrap();
    assert_eq!(weights("runs/1"), weights("again"));
    // A folder that is there is never written over.
    let output = run(folder.path(), &again);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "error: out is again; expected a folder that is not there yet\n");
}

#[test]
fn an_interrupted_run_is_not_mistaken_for_a_finished_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("small")).unwrap();
    write_idx_files(&folder.path().join("small"));
    let mut command = program(folder.path());
    command.args(["--data", "small", "--epochs", "100000"]).stdout(Stdio::null());
    let mut process = command.spawn().unwrap();
    let partial = folder.path().join("runs/1.partial");
    let start = Instant::now();
    while !partial.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "the run did not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(!folder.path().join("runs/1").exists());
    let output = run(folder.path(), &["predict", "digit.png"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("error: runs: no such file; expected a finished run"));
}

/// Starts a run, waits for its first epoch, and a moment longer, and kills it without warning.
fn kill(folder: &Path, arguments: &[&str], moment: Duration) {
    let mut process = program(folder).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    // Kept until the end: a run that cannot print would stop by itself.
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("Epoch ")), "the run ended before its first epoch");
    std::thread::sleep(moment);
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_run_that_is_killed_twenty_times_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("small")).unwrap();
    write_idx_files(&folder.path().join("small"));
    let arguments = |out| ["--data", "small", "--epochs", "200", "--batch-size", "50", "--out", out];
    assert!(run(folder.path(), &arguments("whole")).status.success());
    for moment in 0..20 {
        kill(folder.path(), &arguments("killed"), Duration::from_millis(37 * moment % 200));
    }
    let output = run(folder.path(), &arguments("killed"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("Going on after epoch"), "{}", text(&output.stdout));
    for file in ["weights.safetensors", "predictions.csv"] {
        let contents = |run: &str| fs::read(folder.path().join(run).join(file)).unwrap();
        assert!(contents("whole") == contents("killed"), "{file}");
    }
    assert!(!folder.path().join("killed/training").exists());
}

/// As the kernel's launcher does it.
#[test]
fn a_notebooks_interrupt_stops_training_between_two_steps() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("small")).unwrap();
    write_idx_files(&folder.path().join("small"));
    let arguments = |out| ["--data", "small", "--epochs", "30", "--out", out];
    assert!(run(folder.path(), &arguments("whole")).status.success());
    let request = folder.path().join("interrupt");
    let mut command = program(folder.path());
    command.args(arguments("stopped")).env("MNIST_INTERRUPT_FILE", &request);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "Epoch 3/30"));
    fs::write(&request, "").unwrap();
    let output = process.wait_with_output().unwrap();
    let shown = text(&output.stderr);
    let expected = "which is kept in stopped.partial/training\n";
    assert!(shown.starts_with("error: training was interrupted in epoch ") && shown.ends_with(expected), "{shown}");
    assert!(!request.exists());
    assert!(run(folder.path(), &arguments("stopped")).status.success());
    let weights = |run: &str| fs::read(folder.path().join(run).join("weights.safetensors")).unwrap();
    assert!(weights("whole") == weights("stopped"));
}

#[test]
fn only_the_same_training_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("small")).unwrap();
    write_idx_files(&folder.path().join("small"));
    let kept = || {
        let entries = fs::read_dir(folder.path().join("a.partial/training")).into_iter().flatten().flatten();
        let is_whole = |path: std::path::PathBuf| path.is_dir() && path.extension().is_none();
        entries.map(|entry| entry.path()).any(is_whole)
    };
    while !kept() {
        kill(folder.path(), &["--data", "small", "--epochs", "50", "--out", "a"], Duration::from_millis(300));
    }
    let output = run(folder.path(), &["--data", "small", "--epochs", "50", "--out", "a", "--seed", "1"]);
    let shown = text(&output.stderr);
    assert!(output.status.code() == Some(1) && shown.lines().count() == 1, "{shown}");
    assert!(shown.contains("found an interrupted training with seed 0, expected 1; to start anew, remove"), "{shown}");
}

#[test]
fn mistakes_are_one_clear_line_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code, message) in [
        (&["--data", "nowhere"][..], 1, "nowhere"),
        (&["--data", "drawn", "--epochs", "0"], 1, "epochs is 0; expected at least 1"),
        (&["--data", "drawn", "--learning-rate", "0"], 1, "learning_rate is 0; expected a number above 0"),
        (&["predict", "digit.png", "--run", "nowhere"], 1, "weights.safetensors: no such file"),
        (&["--device", "abacus"], 2, "possible values: auto, cpu, cuda"),
        (&["--epochs", "many"], 2, "invalid value 'many'"),
        (&["predict"], 2, "required"),
    ] {
        let output = run(folder.path(), arguments);
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {shown}");
        assert!(shown.starts_with("error: ") && shown.contains(message), "{arguments:?}: {shown}");
        if code == 1 {
            assert_eq!(shown.lines().count(), 1, "{shown}");
        }
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("runs")).into_iter().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// With a GPU the run is on it; without one, the message says why not.
#[test]
fn cuda_is_used_or_missed_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--device", "cuda", "--data", "drawn", "--epochs", "1"]);
    if output.status.success() {
        assert!(text(&output.stdout).contains("Device: cuda(0)"));
    } else {
        let shown = text(&output.stderr);
        let expected = "error: device is cuda; expected auto or cpu, because libtorch can use no GPU here (";
        assert!(shown.starts_with(expected) && shown.lines().count() == 1, "{shown}");
    }
}

#[test]
fn help_shows_the_options_and_examples() {
    let shown = text(&run(Path::new("."), &["--help"]).stdout);
    for option in
        ["--epochs", "--batch-size", "--learning-rate", "--seed", "--data", "--out", "--device", "predict", "Examples:"]
    {
        assert!(shown.contains(option), "{option}: {shown}");
    }
}
