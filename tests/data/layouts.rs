//! Names and folders in which data sets come: those that are read, and those whose owner is told what to do.

use std::fs;

use mnist_classification::data::Dataset;

use super::*;

const TRAIN: [u8; 3] = [7, 0, 9];
const TEST: [u8; 2] = [1, 2];

fn assert_read(folder: &Path) -> Dataset {
    let mnist = Dataset::from_dir(folder).unwrap();
    assert_eq!(Vec::<i64>::try_from(&mnist.train.labels).unwrap(), TRAIN.map(i64::from));
    assert_eq!(Vec::<i64>::try_from(&mnist.test.labels).unwrap(), TEST.map(i64::from));
    assert_eq!(mnist.train.images.size(), [3, 2, 3]);
    mnist
}

#[test]
fn files_are_read_under_all_their_names() {
    let dots = NAMES.map(|name| name.replace("-idx", ".idx"));
    let folders = NAMES.map(|name| format!("{name}/{name}"));
    let dots_in_folders = [0, 1, 2, 3].map(|file| format!("{}/{}", NAMES[file], dots[file]));
    let test = NAMES.map(|name| name.replace("t10k", "test"));
    let underscores = NAMES.map(|name| name.replace('-', "_") + ".gz");
    let copies = NAMES.map(|name| format!("{name} (1).gz"));
    let capitals = NAMES.map(|name| name.to_uppercase());
    for names in [dots, folders, dots_in_folders, test, underscores, copies, capitals] {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), names.each_ref().map(String::as_str), &contents(&TRAIN, &TEST));
        assert_read(folder.path());
    }
}

#[test]
fn what_macos_adds_to_an_archive_is_no_data() {
    let folder = tempfile::tempdir().unwrap();
    write_files(&folder.path().join("digits"), NAMES, &contents(&TRAIN, &TEST));
    let hidden = NAMES.map(|name| format!("._{name}"));
    for folder in [folder.path().join("digits"), folder.path().join("__MACOSX/digits")] {
        write_files(&folder, hidden.each_ref().map(String::as_str), &contents(&TEST, &TEST));
    }
    assert_read(folder.path());
}

#[test]
fn files_with_dots_beside_folders_of_their_names_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let dots = NAMES.map(|name| name.replace("-idx", ".idx"));
    write_files(folder.path(), dots.each_ref().map(String::as_str), &contents(&TRAIN, &TEST));
    let folders = NAMES.map(|name| format!("{name}/{name}"));
    write_files(folder.path(), folders.each_ref().map(String::as_str), &contents(&TRAIN, &TEST));
    assert_read(folder.path());
}

#[test]
fn a_folder_below_is_found_and_the_name_says_something() {
    let root = tempfile::tempdir().unwrap();
    for (below, name) in [
        ("MNIST/raw", "MNIST (not the original)"),
        ("FashionMNIST/raw", "FashionMNIST"),
        ("somewhere/mes chiffres de Zoë", "mes chiffres de Zoë"),
        ("a/digits/data", "digits"),
    ] {
        let folder = root.path().join(below.split('/').next().unwrap());
        write_files(&root.path().join(below), NAMES, &contents(&TRAIN, &TEST));
        for named in [&folder, &root.path().join(below), &root.path().join(below).join(".")] {
            assert_eq!(assert_read(named).train.name, name, "{}", named.display());
        }
    }
    // Now the root holds four data sets.
    let error = error_of(root.path());
    assert!(error.contains("found 4 data sets (") && error.contains("FashionMNIST/raw, "), "{error}");
    assert!(error.ends_with("expected one: name one of these in place of the folder"), "{error}");
}

#[test]
fn one_data_set_of_several_in_a_folder_is_named_by_its_files() {
    let folder = tempfile::tempdir().unwrap();
    for split in ["digits", "balanced"] {
        let names = ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"];
        let names = names.map(|name| format!("emnist-{split}-{name}-ubyte.gz"));
        let train = if split == "digits" { TRAIN } else { [46, 0, 9] };
        write_files(&folder.path().join("gzip"), names.each_ref().map(String::as_str), &contents(&train, &TEST));
    }
    let error = error_of(folder.path());
    let (one, other) = ("gzip/emnist-balanced", "gzip/emnist-digits");
    assert!(error.contains("found 2 data sets (") && error.contains(one) && error.contains(other), "{error}");
    let balanced = Dataset::from_dir(folder.path().join(one)).unwrap().train;
    assert_eq!((balanced.name.as_str(), balanced.classes.len()), ("emnist-balanced", 47));
    assert_eq!(Dataset::from_dir(folder.path().join("emnist-digits")).unwrap().train.name, "emnist-digits");
    assert!(error_of(&folder.path().join("gzip/emnist-letters")).contains("emnist-letters: no such file"));
}

#[test]
fn a_good_file_is_read_beside_a_bad_one() {
    let whole = contents(&TRAIN, &TEST);
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), NAMES.map(|name| format!("{name}.gz")).each_ref().map(String::as_str), &whole);
    write(folder.path().join(TRAIN_IMAGES), &whole[0][..20]);
    write(folder.path().join("train-labels.idx1-ubyte"), b"<html>");
    assert_read(folder.path());
    // Where all are bad, the first is named.
    write(folder.path().join(format!("{TRAIN_IMAGES}.gz")), b"<html>");
    assert!(error_of(folder.path()).contains(&format!("{TRAIN_IMAGES}: found a file that is cut off")));
}

#[test]
fn what_is_packed_is_known_by_its_contents() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in NAMES.iter().zip(contents(&TRAIN, &TEST)) {
        let is_training = name.starts_with("train");
        let (name, bytes) = if is_training { (format!("{name}.gz"), bytes) } else { (name.to_string(), gzip(&bytes)) };
        write(folder.path().join(name), &bytes);
    }
    assert_read(folder.path());
}

#[test]
fn a_missing_file_is_named() {
    for missing in NAMES {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), NAMES, &contents(&TRAIN, &TEST));
        fs::remove_file(folder.path().join(missing)).unwrap();
        // A download that is under way is no file.
        write(folder.path().join(format!("{missing}.gz.part")), b"");
        let error = error_of(folder.path());
        let expected = format!("{missing}: no such file; expected an IDX file of this name, or with .gz behind it");
        assert!(error.ends_with(&expected), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("kmnist-train-images-idx3-ubyte.gz"), b"");
    write(folder.path().join("kmnist-train-labels-idx1-ubyte.gz"), b"");
    let error = error_of(folder.path());
    assert!(error.contains("kmnist-test-images-idx3-ubyte: no such file"), "{error}");
    assert!(error.ends_with("; there is only a training part, but results are measured on a test part"), "{error}");
}

#[test]
fn other_forms_of_data_are_named_with_the_way_out() {
    let python = "MNIST itself needs no folder; other arrays become IDX files in Python: open(name, 'wb').write(";
    for (file, what) in [
        ("mnist.npz", "NumPy arrays (mnist.npz)"),
        ("x/train.csv", "tables (x/train.csv)"),
        ("training/0/12.png", "pictures (training/0/12.png)"),
        ("train-00000-of-00001.parquet", "tables (train-00000-of-00001.parquet)"),
        ("emnist.zip", "an archive that is still packed (emnist.zip)"),
        ("mnist.pkl.gz", "Python objects (mnist.pkl.gz)"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join(file), b"\x93NUMPY");
        write(folder.path().join("README.md"), b"read me");
        let error = error_of(folder.path());
        assert_names(
            &error,
            &format!("{what}, but no IDX files"),
            "train-images-idx3-ubyte, train-labels-idx1-ubyte, ",
        );
        assert!(error.contains(python), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_names(&error_of(folder.path()), "no files", "train-images-idx3-ubyte, ");
    write(folder.path().join("fog-images-idx3-ubyte.gz"), b"");
    let found = "fog-images-idx3-ubyte.gz, but not under the names of a data set";
    assert_names(&error_of(folder.path()), found, "train-images-idx3-ubyte, ");
}

#[test]
fn a_path_that_is_no_folder_is_told_what_it_is() {
    let folder = good();
    let error = error_of(&folder.path().join(TRAIN_IMAGES));
    assert_names(&error, "a file", "a folder with four IDX files: name the folder in which it lies");
    write(folder.path().join("mnist.npz"), b"PK\x03\x04");
    let error = error_of(&folder.path().join("mnist.npz"));
    assert_names(&error, "a zip archive", "a folder with four IDX files; MNIST itself needs no folder; ");
    let error = error_of(Path::new("nowhere/at all"));
    assert_eq!(error, "nowhere/at all: no such file; expected a folder with four IDX files");
}
