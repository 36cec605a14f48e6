//! Other data sets than MNIST from end to end: letters lying on their side, clothes with names.

mod program;

use std::fs;

use program::{draw_stroke, run, text, write_idx_files};
use tempfile::tempdir;

#[test]
fn letters_are_trained_reported_and_predicted_by_their_names() {
    let folder = tempdir().unwrap();
    // EMNIST's names, labels from 1 to 26, and pictures lying on their side.
    let names = ["emnist-letters-train", "emnist-letters-test"];
    let letter = |label: i64| 1 + (25 * label / 9) as u8;
    write_idx_files(folder.path(), names, letter, |images| images.transpose(1, 2).contiguous());
    let output = run(folder.path(), &["--data", ".", "--epochs", "4", "--batch-size", "32", "--out", "letters"]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(shown.contains("dense_4 (Dense)") && shown.contains("(None, 26)"), "{shown}");
    let report = fs::read_to_string(folder.path().join("letters/report.txt")).unwrap();
    assert!(report.starts_with("emnist-letters\n\n"), "{report}");
    let row = |name: &str| {
        let line = report.lines().find(|line| line.split_whitespace().next() == Some(name));
        let cells: Vec<f64> =
            line.unwrap_or_default().split_whitespace().skip(1).map(|cell| cell.parse().unwrap()).collect();
        (cells[2], cells[3])
    };
    // The first letter and the last, where a digit was 0 and 9; and one that has no picture.
    assert!(row("A").0 > 0.5 && row("Z").0 > 0.5 && row("B").1 == 0.0, "{report}");
    let matrix = fs::read_to_string(folder.path().join("letters/confusion_matrix.csv")).unwrap();
    assert_eq!((matrix.lines().count(), matrix.lines().next().unwrap().split(',').next_back()), (27, Some("Z")));

    draw_stroke(folder.path());
    let output = run(folder.path(), &["predict", "--run", "letters", "stroke.png"]);
    let shown = text(&output.stdout);
    let letters: Vec<_> = shown.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(letters.concat(), "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "{shown}");
}

#[test]
fn clothes_have_their_names_in_the_report_and_the_prediction() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("fashion-mnist");
    fs::create_dir(&data).unwrap();
    write_idx_files(&data, ["train", "t10k"], |label| label as u8, tch::Tensor::shallow_clone);
    let output = run(folder.path(), &["--data", "fashion-mnist", "--epochs", "1", "--out", "clothes"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("Ankle boot"), "{}", text(&output.stdout));
    let output = run(folder.path(), &["predict", "--run", "clothes", "clothes/digits.png"]);
    assert!(text(&output.stdout).contains("  T-shirt/top "), "{}", text(&output.stdout));
}
