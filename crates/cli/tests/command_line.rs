//! The program as users run it: train, look at the folder, ask about a picture, make mistakes.

mod program;

use std::{fs, path::Path};

use program::{draw_stroke, program, run, text, with_data};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with data and the results of a short run in `runs/1`.
fn trained() -> TempDir {
    let folder = with_data();
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
    assert_eq!(record["settings"]["data"]["name"], "small");
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
    let page = fs::read_to_string(path("mistakes.html")).unwrap();
    assert_eq!(page.matches("\"pixels\":").count(), 300 - right);
    draw_stroke(folder.path());
    let output = run(folder.path(), &["predict", "stroke.png"]);
    let shown = text(&output.stdout);
    assert!(output.status.success() && shown.starts_with("stroke.png: "), "{shown}");
    assert_eq!(shown.lines().filter(|line| line.ends_with(" %")).count(), 10);
}

#[test]
fn the_run_that_was_finished_last_answers_and_is_named() {
    let folder = trained();
    draw_stroke(folder.path());
    let train = || assert!(run(folder.path(), &["--data", "small", "--epochs", "1"]).status.success());
    let answers = |name: &str| {
        let shown = text(&run(folder.path(), &["predict", "stroke.png"]).stderr);
        assert_eq!(shown, format!("Network: {name}, learnt from small\n"));
    };
    train();
    answers("runs/2");
    // The number that became free is taken again.
    fs::remove_dir_all(folder.path().join("runs/1")).unwrap();
    train();
    answers("runs/1");
}

#[test]
fn settings_may_begin_with_a_byte_order_mark() {
    let folder = with_data();
    fs::write(folder.path().join("settings.json"), "\u{feff}{\"epochs\": 1}").unwrap();
    let output = run(folder.path(), &["--data", "small", "--settings", "settings.json", "--out", "marked"]);
    assert!(output.status.success() && text(&output.stdout).contains("Epoch 1/1"), "{}", text(&output.stderr));
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
    let expected =
        "error: out is again; expected a folder that is not there yet, or more epochs than the 3 of the run there";
    assert!(text(&output.stderr).starts_with(expected), "{}", text(&output.stderr));
}

#[test]
fn mistakes_are_one_clear_line_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, code, message) in [
        (&["--data", "nowhere"][..], 1, "nowhere"),
        (&["--data", "drawn", "--epochs", "0"], 1, "epochs is 0; expected at least 1"),
        (&["--data", "drawn", "--learning-rate", "0"], 1, "learning_rate is 0; expected a number above 0"),
        (&["predict", "digit.png", "--run", "nowhere"], 1, "weights.safetensors: no such file"),
        (&["--data", "drawn", "--out", "~/digits"], 1, "a path is ~/digits; expected the home folder's own path"),
        (&["--seed", "-1"], 2, "expected a whole number, 0 or more"),
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
    assert!(!folder.path().join("~").exists());
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

#[test]
fn other_digits_do_not_pass_for_mnist() {
    let folder = with_data();
    let output = program(folder.path()).env("MNIST_DIR", folder.path().join("small")).output().unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("train-images-idx3-ubyte: found contents with SHA-256"), "{error}");
    assert!(error.contains("for other digits there is Dataset::from_dir, or --data"), "{error}");
}
