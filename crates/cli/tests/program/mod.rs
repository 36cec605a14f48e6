//! The program as tests run it, with a little data.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output},
};

use mnist_classification::data::Dataset;
use tch::Tensor;
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

/// Writes drawn digits as IDX files, few enough that a run takes a second. `label` and `image` say what becomes of
/// each.
pub fn write_idx_files(
    folder: &Path,
    [train, test]: [&str; 2],
    label: impl Fn(i64) -> u8,
    image: impl Fn(&Tensor) -> Tensor,
) {
    let digits = Dataset::drawn(1).unwrap();
    for (name, part, count) in [(train, &digits.train, 2_000), (test, &digits.test, 300)] {
        let images = image(&part.images.narrow(0, 0, count));
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
        file.write_all(&labels.into_iter().map(&label).collect::<Vec<_>>()).unwrap();
    }
}

/// A folder with data in `small`; not every test file needs it.
#[allow(dead_code)]
pub fn with_data() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("small")).unwrap();
    write_idx_files(&folder.path().join("small"), ["train", "t10k"], |label| label as u8, Tensor::shallow_clone);
    folder
}

/// A picture of one stroke, `stroke.png`; not every test file needs it.
#[allow(dead_code)]
pub fn draw_stroke(folder: &Path) {
    let is_inked = |x: u32, y: u32| (45..55).contains(&x) && (20..100).contains(&y);
    let picture = image::GrayImage::from_fn(100, 120, |x, y| image::Luma([if is_inked(x, y) { 20 } else { 250 }]));
    picture.save(folder.join("stroke.png")).unwrap();
}
