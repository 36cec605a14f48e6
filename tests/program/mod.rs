//! The program as tests run it, with a little data.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use mnist_classification::data::Mnist;
use tempfile::TempDir;

pub fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mnist-classification"));
    command.current_dir(folder);
    command
}

pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder).args(arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
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

/// Starts a run, waits for its first epoch, and a moment longer, and kills it without warning.
pub fn kill(folder: &Path, arguments: &[&str], moment: Duration) {
    let mut process = program(folder).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    // Kept until the end: a run that cannot print would stop by itself.
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("Epoch ")), "the run ended before its first epoch");
    std::thread::sleep(moment);
    process.kill().unwrap();
    process.wait().unwrap();
}

/// A folder with data in `small`.
pub fn with_data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("small")).unwrap();
    write_idx_files(&folder.path().join("small"));
    folder
}
