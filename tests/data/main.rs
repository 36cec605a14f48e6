//! Data as users have it: the names and folders of MNIST's family, and files that are broken in every way that files
//! break.

mod image_label_pairs;
mod layouts;
mod malformed_files;
mod mnist_family;
#[path = "../shared/mod.rs"]
mod shared;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use mnist_classification::data::Dataset;
use tempfile::TempDir;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";
const NAMES: [&str; 4] = [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS];

/// The bytes of an IDX file with this number type.
fn idx(code: u8, sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    [bytes, values.to_vec()].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a file, and the folder in which it lies.
fn write(path: PathBuf, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The contents of four files: pictures of 2 × 3 pixels with these labels, in the training and in the test part.
fn contents(train: &[u8], test: &[u8]) -> [Vec<u8>; 4] {
    let images = |labels: &[u8]| {
        let pixels: Vec<u8> = (0..labels.len() * 6).map(|index| (37 * index % 256) as u8).collect();
        idx(8, &[labels.len() as u32, 2, 3], &pixels)
    };
    let labels = |labels: &[u8]| idx(8, &[labels.len() as u32], labels);
    [images(train), labels(train), images(test), labels(test)]
}

/// Writes four files under these names, gzipped where the name says so.
fn write_files(folder: &Path, names: [&str; 4], contents: &[Vec<u8>; 4]) {
    for (name, bytes) in names.iter().zip(contents) {
        write(folder.join(name), &if name.ends_with(".gz") { gzip(bytes) } else { bytes.clone() });
    }
}

/// A folder with four good files: three and two pictures of 2 × 3 pixels.
fn good() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    write(TRAIN_IMAGES, idx(8, &[3, 2, 3], &(0..18).collect::<Vec<_>>()));
    write(TRAIN_LABELS, idx(8, &[3], &[7, 0, 9]));
    write(&format!("{TEST_IMAGES}.gz"), gzip(&idx(8, &[2, 2, 3], &[255; 12])));
    write(&format!("{TEST_LABELS}.gz"), gzip(&idx(8, &[2], &[1, 2])));
    folder
}

/// The error of a folder, on one line.
fn error_of(folder: &Path) -> String {
    let error = Dataset::from_dir(folder).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

fn assert_names(error: &str, found: &str, expected: &str) {
    assert!(error.contains(&format!("found {found}")), "{error}: found {found}?");
    assert!(error.contains(&format!("expected {expected}")), "{error}: expected {expected}?");
}
