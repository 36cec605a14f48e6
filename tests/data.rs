//! Data as users have it: raw and gzipped files, and files that are broken in every way that files break.

use std::{fs, io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use mnist_classification::data::{DRAWN, Mnist};
use tch::{Kind, Tensor};
use tempfile::TempDir;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

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

/// A folder with four good files: three and two images of 2 × 3 pixels.
fn good() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
    write(TRAIN_IMAGES, idx(8, &[3, 2, 3], &(0..18).collect::<Vec<_>>()));
    write(TRAIN_LABELS, idx(8, &[3], &[7, 0, 9]));
    write(&format!("{TEST_IMAGES}.gz"), gzip(&idx(8, &[2, 2, 3], &[255; 12])));
    write(&format!("{TEST_LABELS}.gz"), gzip(&idx(8, &[2], &[1, 2])));
    folder
}

/// The error of a folder in which one file has other bytes.
fn error_with(name: &str, bytes: &[u8]) -> String {
    let folder = good();
    fs::write(folder.path().join(name), bytes).unwrap();
    let error = Mnist::from_dir(folder.path()).unwrap_err().to_string();
    assert!(error.contains(name), "{error} names no {name}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

fn assert_names(error: &str, found: &str, expected: &str) {
    assert!(error.contains(&format!("found {found}")), "{error}: found {found}?");
    assert!(error.contains(&format!("expected {expected}")), "{error}: expected {expected}?");
}

#[test]
fn raw_and_gzipped_files_are_read_whatever_their_size() {
    let folder = good();
    let mnist = Mnist::from_dir(folder.path()).unwrap();
    assert_eq!(mnist.train.images.size(), [3, 2, 3]);
    assert_eq!(Vec::<i64>::try_from(&mnist.train.labels).unwrap(), [7, 0, 9]);
    assert_eq!(mnist.train.images.int64_value(&[2, 1, 2]), 17);
    assert_eq!(mnist.train.name, folder.path().file_name().unwrap().to_str().unwrap());
    let inputs = mnist.test.preprocess().inputs;
    assert_eq!(inputs.size(), [2, 6]);
    assert_eq!(inputs.mean(Kind::Float).double_value(&[]), 1.0);
}

#[test]
fn every_integer_type_is_read() {
    let labels = [
        (8, vec![1, 2, 3]),
        (9, vec![1, 2, 3]),
        (11, vec![0, 1, 0, 2, 0, 3]),
        (12, vec![0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]),
    ];
    for (code, values) in labels {
        let folder = good();
        fs::write(folder.path().join(TRAIN_LABELS), idx(code, &[3], &values)).unwrap();
        let mnist = Mnist::from_dir(folder.path()).unwrap();
        assert_eq!(Vec::<i64>::try_from(&mnist.train.labels).unwrap(), [1, 2, 3], "type {code}");
    }
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let folder = good();
    fs::remove_file(folder.path().join(TRAIN_LABELS)).unwrap();
    let error = Mnist::from_dir(folder.path()).unwrap_err().to_string();
    assert!(error.contains(&format!("{TRAIN_LABELS}: no such file; expected an IDX file of this name")), "{error}");
}

#[test]
fn empty_and_truncated_files_are_errors() {
    let labels = idx(8, &[3], &[7, 0, 9]);
    assert_names(&error_with(TRAIN_LABELS, b""), "an empty file", "an IDX file with 1 dimension, raw or gzip");
    assert_names(&error_with(TRAIN_LABELS, &labels[..6]), "6 bytes of header", "8 bytes");
    assert_names(
        &error_with(TRAIN_LABELS, &labels[..10]),
        "only 2 bytes of numbers",
        "3 bytes of numbers, as the header says",
    );
    assert_names(&error_with(TRAIN_LABELS, &gzip(&labels[..10])), "only 2 bytes of numbers", "3 bytes of numbers");
}

#[test]
fn trailing_bytes_are_errors() {
    let labels = idx(8, &[3], &[7, 0, 9, 1]);
    assert_names(
        &error_with(TRAIN_LABELS, &labels),
        "more than 3 bytes of numbers",
        "3 bytes of numbers, as the header says",
    );
    assert_names(&error_with(TRAIN_LABELS, &gzip(&labels)), "more than 3 bytes of numbers", "3 bytes of numbers");
}

#[test]
fn a_gzip_that_unpacks_to_more_than_its_header_says_is_not_unpacked() {
    // 300 MB of zeros behind a header that promises three bytes.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&idx(8, &[3], &[])).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&zeros).unwrap();
    }
    let error = error_with(TRAIN_LABELS, &encoder.finish().unwrap());
    assert_names(&error, "more than 3 bytes of numbers", "3 bytes of numbers");
}

#[test]
fn a_header_that_promises_more_than_memory_holds_is_an_error() {
    assert_names(
        &error_with(TRAIN_IMAGES, &idx(12, &[u32::MAX; 3], &[])),
        "the dimensions",
        "numbers above 0 that fit into memory",
    );
    let error = error_with(TRAIN_IMAGES, &idx(8, &[1 << 20, 1 << 20, 1 << 20], &[1, 2]));
    assert_names(&error, "only 2 bytes of numbers", "1152921504606846976 bytes");
    assert_names(&error_with(TRAIN_LABELS, &idx(8, &[0], &[])), "the dimensions [0]", "numbers above 0");
}

#[test]
fn wrong_magic_numbers_types_and_dimensions_are_errors() {
    assert_names(
        &error_with(TRAIN_LABELS, b"PK\x03\x04 a zip file"),
        "the magic number [50, 4b, 03, 04]",
        "[00, 00, type, 01]",
    );
    assert_names(&error_with(TRAIN_LABELS, &idx(8, &[1, 3], &[7, 0, 9])), "2 dimensions", "1");
    let floats = error_with(TRAIN_LABELS, &idx(0x0d, &[3], &[0; 12]));
    assert_names(
        &floats,
        "the number type 0d",
        "08 (unsigned bytes), 09 (signed bytes), 0b (16-bit integers), 0c (32-bit integers)",
    );
    let error = error_with(TEST_IMAGES, &idx(8, &[2, 3, 2], &[0; 12]));
    assert_names(&error, "images of [3, 2] pixels", "[2, 3], as the training images have");
}

#[test]
fn counts_that_differ_and_labels_and_pixels_out_of_range_are_errors() {
    assert_names(&error_with(TRAIN_LABELS, &idx(8, &[2], &[7, 0])), "2 labels", "3, one per image");
    assert_names(&error_with(TRAIN_LABELS, &idx(8, &[3], &[7, 10, 9])), "the label 10", "labels from 0 to 9");
    assert_names(&error_with(TRAIN_LABELS, &idx(9, &[3], &[7, 255, 9])), "the label -1", "labels from 0 to 9");
    let wide: Vec<u8> = (0..18).flat_map(|_| [1, 0]).collect();
    assert_names(&error_with(TRAIN_IMAGES, &idx(11, &[3, 2, 3], &wide)), "the pixel 256", "pixels from 0 to 255");
}

#[test]
fn a_corrupt_gzip_stream_is_an_error() {
    let whole = gzip(&idx(8, &[3], &[7, 0, 9]));
    assert_names(&error_with(TRAIN_LABELS, &whole[..whole.len() - 9]), "a corrupt gzip stream", "a whole gzip file");
    let mut damaged = whole.clone();
    // There is no block of this type.
    damaged[10] = 0xff;
    assert_names(&error_with(TRAIN_LABELS, &damaged), "a corrupt gzip stream", "a whole gzip file");
    // The numbers are all there, but their checksum is not theirs.
    let mut wrong_sum = whole;
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 0xff;
    assert_names(&error_with(TRAIN_LABELS, &wrong_sum), "a corrupt gzip stream", "a whole gzip file");
}

#[test]
fn drawn_digits_are_the_same_for_a_seed_and_carry_their_name() {
    let (one, same, other) = (Mnist::drawn(1).unwrap(), Mnist::drawn(1).unwrap(), Mnist::drawn(2).unwrap());
    assert_eq!((one.train.len(), one.test.len()), (12_000, 2_000));
    assert_eq!((one.train.name.as_str(), one.test.preprocess().name.as_str()), (DRAWN, DRAWN));
    assert_eq!(one.train.images, same.train.images);
    assert_ne!(one.train.images, other.train.images);
    let counts = one.train.labels.bincount::<Tensor>(None, 10);
    assert!(counts.min().int64_value(&[]) > 1_000, "{counts:?}");
}

/// MNIST where the machine has it.
fn mnist_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("MNIST_DIR").map(PathBuf::from);
    if folder.is_none() {
        // The test runner hides what a passing test prints, but not what goes straight to standard error.
        let _ = writeln!(std::io::stderr(), "skipped: MNIST_DIR is not set");
    }
    folder
}

#[test]
fn mnist_is_as_it_was_published() {
    let Some(folder) = mnist_folder() else { return };
    let mnist = Mnist::load().unwrap();
    assert_eq!((mnist.train.name.as_str(), mnist.test.name.as_str()), ("MNIST", "MNIST"));
    assert_eq!((mnist.train.images.size(), mnist.test.images.size()), (vec![60_000, 28, 28], vec![10_000, 28, 28]));
    let first = |labels: &Tensor| Vec::<i64>::try_from(labels.narrow(0, 0, 5)).unwrap();
    assert_eq!((first(&mnist.train.labels), first(&mnist.test.labels)), (vec![5, 0, 4, 1, 9], vec![7, 2, 1, 0, 4]));
    assert_eq!(Mnist::from_dir(folder).unwrap().train.images, mnist.train.images);
}

#[test]
fn other_digits_do_not_pass_for_mnist() {
    let folder = good();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_mnist-classification"))
        .env("MNIST_DIR", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains(&format!("{TRAIN_IMAGES}: found contents with SHA-256")), "{error}");
    assert!(error.contains("for other digits there is Mnist::from_dir, or --data"), "{error}");
}
