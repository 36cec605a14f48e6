//! Runs and their folders: interrupted, killed, continued, and trained with other networks and settings.

mod program;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use program::{draw_stroke, program, run, text, with_data};
use serde_json::{Value, json};

#[test]
fn an_interrupted_run_is_not_mistaken_for_a_finished_one() {
    let folder = with_data();
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
    // No run is finished, so the best CNN answers.
    draw_stroke(folder.path());
    assert!(text(&run(folder.path(), &["predict", "stroke.png"]).stdout).starts_with("stroke.png: 1\n"));
}

/// Starts a run, waits until it has ended an epoch, and a moment longer, and kills it without warning.
fn kill(folder: &Path, arguments: &[&str], moment: Duration) {
    let mut process = program(folder).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    // Kept until the end: a run that cannot print would stop by itself.
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let second_epoch = lines.by_ref().filter(|line| line.starts_with("Epoch ")).nth(1);
    assert!(second_epoch.is_some(), "the run ended before its second epoch");
    std::thread::sleep(moment);
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_run_that_is_killed_twenty_times_goes_on_to_the_same_bits() {
    let folder = with_data();
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
}

/// As the kernel's launcher does it.
#[test]
fn a_notebooks_interrupt_stops_training_between_two_steps() {
    let folder = with_data();
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
    let folder = with_data();
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

fn weights(folder: &Path, run: &str) -> Vec<u8> {
    fs::read(folder.join(run).join("weights.safetensors")).unwrap()
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, &[&["--data", "small"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The one line of an error.
fn fails(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, &[&["--data", "small"], arguments].concat());
    let shown = text(&output.stderr);
    assert!(output.status.code() == Some(1) && shown.lines().count() == 1, "{shown}");
    shown
}

#[test]
fn a_slash_behind_the_folder_changes_nothing() {
    let folder = with_data();
    let shown = succeeds(folder.path(), &["--epochs", "1", "--out", "results/"]);
    assert!(shown.ends_with("Results in results\n"), "{shown}");
    assert!(folder.path().join("results/run.json").exists());
    assert!(!folder.path().join("results.partial").exists());
}

#[test]
fn a_finished_run_goes_on_with_more_epochs() {
    let folder = with_data();
    succeeds(folder.path(), &["--epochs", "2", "--out", "a"]);
    let same = fails(folder.path(), &["--epochs", "2", "--out", "a"]);
    assert!(same.contains("out is a; expected a folder that is not there yet, or more epochs than the 2"), "{same}");
    let shown = succeeds(folder.path(), &["--epochs", "4", "--out", "a/"]);
    assert!(shown.contains("Going on after epoch 2") && shown.contains("Epoch 3/4"), "{shown}");
    succeeds(folder.path(), &["--epochs", "4", "--out", "whole"]);
    assert!(weights(folder.path(), "a") == weights(folder.path(), "whole"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    // Another run does not go on, and loses nothing.
    let other = fails(folder.path(), &["--epochs", "5", "--out", "a", "--seed", "1"]);
    assert!(other.contains("found an interrupted training with seed 0, expected 1"), "{other}");
    assert!(weights(folder.path(), "a") == weights(folder.path(), "whole"));
}

#[test]
fn a_schedule_that_depends_on_the_epochs_does_not_go_on_with_more() {
    let folder = with_data();
    fs::write(folder.path().join("cosine.json"), json!({"schedule": "Cosine", "epochs": 2}).to_string()).unwrap();
    succeeds(folder.path(), &["--settings", "cosine.json", "--out", "a"]);
    let error = fails(folder.path(), &["--settings", "cosine.json", "--epochs", "3", "--out", "a"]);
    assert!(error.contains("another folder: the schedule Cosine depends on the number of epochs"), "{error}");
}

/// Its folder as a kill leaves it between the last epoch and the results.
#[test]
fn a_run_that_was_killed_after_its_last_epoch_trains_no_more() {
    let folder = with_data();
    succeeds(folder.path(), &["--epochs", "2", "--out", "a"]);
    let before = weights(folder.path(), "a");
    fs::create_dir(folder.path().join("a.partial")).unwrap();
    fs::rename(folder.path().join("a/training"), folder.path().join("a.partial/training")).unwrap();
    fs::remove_dir_all(folder.path().join("a")).unwrap();
    let shown = succeeds(folder.path(), &["--epochs", "2", "--out", "a"]);
    assert!(shown.contains("Going on after epoch 2") && !shown.contains("Epoch 1/2"), "{shown}");
    assert!(weights(folder.path(), "a") == before);
}

#[test]
fn a_run_that_diverged_leaves_no_folder() {
    let folder = with_data();
    let error = fails(folder.path(), &["--learning-rate", "1e30", "--epochs", "2", "--out", "a"]);
    assert!(error.contains("try a smaller learning rate (now 1000"), "{error}");
    assert!(!folder.path().join("a.partial").exists() && !folder.path().join("a").exists());
}

#[test]
fn any_plan_is_trained_and_predicts() {
    let folder = with_data();
    let layers = json!([{"MaxPool": 2}, "Flatten", {"Dense": 16}, "BatchNorm", "Relu", {"Dense": 10}]);
    let plan = json!({"input": [1, 28, 28], "layers": layers});
    fs::write(folder.path().join("plan.json"), plan.to_string()).unwrap();
    for (name, layer) in
        [("cnn", "conv2d_2 (Conv2D)"), ("plan.json", "batch_norm_1"), ("a", "conv2d_2"), ("a/run.json", "conv2d_2")]
    {
        let out = if name == "cnn" { "a" } else { name.split('.').next().unwrap() };
        let out = if folder.path().join(out).exists() { format!("{out} again") } else { out.into() };
        let shown = succeeds(folder.path(), &["--model", name, "--epochs", "1", "--out", &out]);
        assert!(shown.contains(layer), "{name}: {shown}");
        draw_stroke(folder.path());
        let shown = text(&run(folder.path(), &["predict", "--run", &out, "stroke.png"]).stdout);
        assert_eq!(shown.lines().filter(|line| line.ends_with(" %")).count(), 10, "{name}: {shown}");
    }
    let other = json!({"input": [784], "layers": [{"Dense": 7}]});
    fs::write(folder.path().join("seven.json"), other.to_string()).unwrap();
    let error = fails(folder.path(), &["--model", "seven.json"]);
    assert!(
        error.contains("from samples of shape [784] to outputs of shape [7]; expected [784] or [1, 28, 28], and [10]"),
        "{error}"
    );
    let error = fails(folder.path(), &["--model", "resnet"]);
    assert!(error.contains("resnet: no such file; expected mlp, cnn, a plan"), "{error}");
}

#[test]
fn settings_come_from_a_file_or_an_earlier_run_and_options_go_before_them() {
    let folder = with_data();
    let settings = json!({
        "epochs": 3,
        "schedule": {"OneCycle": {"rise": 0.3}},
        "augmentation": {"shift": 1.0},
        "early_stopping": 2,
    });
    fs::write(folder.path().join("settings.json"), settings.to_string()).unwrap();
    succeeds(folder.path(), &["--settings", "settings.json", "--seed", "3", "--epochs", "2", "--out", "a"]);
    let record = |run: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(folder.path().join(run).join("run.json")).unwrap()).unwrap()
    };
    let training = &record("a")["settings"]["training"];
    assert_eq!((&training["epochs"], &training["seed"]), (&json!(2), &json!(3)));
    assert_eq!((&training["schedule"], &training["augmentation"]["shift"]), (&settings["schedule"], &json!(1.0)));
    succeeds(folder.path(), &["--settings", "a/run.json", "--out", "b"]);
    assert_eq!(&record("b")["settings"], &record("a")["settings"]);
    assert!(weights(folder.path(), "a") == weights(folder.path(), "b"));
    fs::write(folder.path().join("wrong.json"), json!({"epoch": 3}).to_string()).unwrap();
    let error = fails(folder.path(), &["--settings", "wrong.json"]);
    assert!(error.contains("wrong.json: found unknown field `epoch`, expected one of `epochs`"), "{error}");
}

#[test]
fn what_a_kill_leaves_is_mended_and_two_runs_do_not_share_a_folder() {
    let folder = with_data();
    succeeds(folder.path(), &["--epochs", "1", "--out", "a"]);
    // A kill while the checkpoint was copied, and one before the continued run was removed.
    fs::create_dir_all(folder.path().join("a.partial/training.copy/epoch-0001")).unwrap();
    fs::create_dir(folder.path().join("a.partial/previous")).unwrap();
    let shown = succeeds(folder.path(), &["--epochs", "2", "--out", "a"]);
    assert!(shown.contains("Going on after epoch 1"), "{shown}");
    let left = |name: &str| folder.path().join("a").join(name).exists();
    assert!(left("run.json") && !left("previous") && !left("lock"));
    fs::create_dir(folder.path().join("b.partial")).unwrap();
    let lock = fs::File::create(folder.path().join("b.partial/lock")).unwrap();
    lock.lock().unwrap();
    let error = fails(folder.path(), &["--epochs", "1", "--out", "b"]);
    assert!(error.ends_with("expected a folder in which no other run is at work\n"), "{error}");
    let error = fails(folder.path(), &["--epochs", "1", "--out", ".."]);
    assert!(error.ends_with("out is ..; expected the name of a folder\n"), "{error}");
}

/// As `… | head -1` does it.
#[test]
fn a_run_whose_output_nobody_reads_keeps_its_results() {
    let folder = with_data();
    let mut command = program(folder.path());
    command.args(["--data", "small", "--epochs", "3", "--out", "unread"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{line}{}", text(&output.stderr));
    assert!(folder.path().join("unread/weights.safetensors").exists());
}
