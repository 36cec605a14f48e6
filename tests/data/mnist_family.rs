//! MNIST and its relatives: sizes, classes and their names, pictures that lie on their side.

use mnist_classification::{data::DRAWN, prelude::*};
use tch::{Kind, Tensor};

use super::{shared::mnist_folder, *};

/// The data set of a folder with this name, with these labels in the training and in the test part.
fn read(name: &str, train: &[u8], test: &[u8]) -> Dataset {
    let folder = tempfile::tempdir().unwrap();
    write_files(&folder.path().join(name), NAMES, &contents(train, test));
    Dataset::from_dir(folder.path().join(name)).unwrap()
}

fn labels(mnist: &Dataset) -> [Vec<i64>; 2] {
    [&mnist.train, &mnist.test].map(|digits| Vec::try_from(&digits.labels).unwrap())
}

fn names(mnist: &Dataset) -> Vec<&str> {
    assert_eq!(mnist.train.classes, mnist.test.classes);
    mnist.train.classes.names().iter().map(String::as_str).collect()
}

#[test]
fn raw_and_gzipped_files_are_read_whatever_their_size() {
    let folder = good();
    let mnist = Dataset::from_dir(folder.path()).unwrap();
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
        let mnist = Dataset::from_dir(folder.path()).unwrap();
        assert_eq!(Vec::<i64>::try_from(&mnist.train.labels).unwrap(), [1, 2, 3], "type {code}");
    }
}

#[test]
fn the_labels_say_how_many_classes_there_are() {
    let count = |train: &[u8], test: &[u8]| read("digits", train, test).train.classes.len();
    assert_eq!(count(&[0, 1, 1], &[0]), 2);
    assert_eq!(count(&[0, 1, 2], &[3]), 4);
    assert_eq!(count(&(0..47).collect::<Vec<_>>(), &[5]), 47);
    // Digits of which some are missing.
    assert_eq!(count(&[1, 7, 7], &[1]), 10);
    assert_eq!(count(&(1..10).collect::<Vec<_>>(), &[1]), 10);
}

#[test]
fn labels_from_1_keep_their_names() {
    for largest in [12, 26] {
        let train: Vec<u8> = (1..=largest).collect();
        let mnist = read("letters", &train, &[largest]);
        assert_eq!(labels(&mnist), [(0..i64::from(largest)).collect(), vec![i64::from(largest) - 1]]);
        assert_eq!(names(&mnist), train.iter().map(u8::to_string).collect::<Vec<_>>());
    }
    let nine = read("digits", &[1, 2, 3, 4, 5, 6, 7, 8, 9], &[9]);
    assert_eq!(labels(&nine), [(1..10).collect(), vec![9]]);
}

#[test]
fn labels_from_1_to_10_are_digits_of_which_the_last_is_0() {
    let svhn = read("svhn", &[7, 10, 1], &[10, 9]);
    assert_eq!(labels(&svhn), [vec![7, 0, 1], vec![0, 9]]);
    assert_eq!(names(&svhn), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(svhn.train.name, "svhn (labels 1 to 10, of which 10 is the digit 0)");
    // Names of the data's own go before.
    let ten: Vec<u8> = (1..=10).collect();
    assert_eq!(names(&read("fashion-mnist", &ten, &[1]))[9], "Ankle boot");
}

#[test]
fn classes_have_names_where_they_are_known() {
    let ten: Vec<u8> = (0..10).collect();
    assert_eq!(names(&read("fashion-mnist", &ten, &[0]))[9], "Ankle boot");
    assert_eq!(names(&read("FashionMNIST/raw", &ten, &[0]))[0], "T-shirt/top");
    assert_eq!(names(&read("KMNIST", &ten, &[0]))[..3], ["o", "ki", "su"]);
    // What has more classes than there are names keeps its numbers.
    assert_eq!(names(&read("fashion", &(0..12).collect::<Vec<_>>(), &[0]))[9..], ["9", "10", "11"]);
}

#[test]
fn a_file_beside_the_data_names_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), NAMES, &contents(&[0, 1, 2], &[0]));
    let file = folder.path().join("classes.txt");
    write(file.clone(), "\u{feff}été\r\nautomne \r\nhiver\r\nprintemps\r\n\r\n".as_bytes());
    let mnist = Dataset::from_dir(folder.path()).unwrap();
    assert_eq!(names(&mnist), ["été", "automne", "hiver", "printemps"]);
    for (text, found) in [
        (&b"one\ntwo\n"[..], "2 names, expected 3, one per class"),
        (b"one\n\nthree\n", "an empty line"),
        (b"one\ntwo\none\n", "\"one\" twice"),
        (b"\xff\xfeone", "other bytes"),
    ] {
        write(file.clone(), text);
        let error = error_of(folder.path());
        assert!(error.contains(&format!("classes.txt: found {found}")), "{error}");
    }
    // Labels from 1 to as many as there are names.
    write_files(folder.path(), NAMES, &contents(&[1, 2, 3], &[3]));
    write(file, b"one\ntwo\nthree");
    let mnist = Dataset::from_dir(folder.path()).unwrap();
    assert_eq!((labels(&mnist), names(&mnist)), ([vec![0, 1, 2], vec![2]], vec!["one", "two", "three"]));
}

#[test]
fn emnist_stands_upright_and_has_letters() {
    let train: Vec<u8> = (1..=26).collect();
    let files = contents(&train, &[26]);
    let folder = tempfile::tempdir().unwrap();
    let own = ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"];
    let own = own.map(|name| format!("emnist-letters-{name}-ubyte.gz"));
    write_files(&folder.path().join("own"), own.each_ref().map(String::as_str), &files);
    write_files(&folder.path().join("renamed"), NAMES, &files);
    let upright = Dataset::from_dir(folder.path().join("own")).unwrap();
    assert_eq!((names(&upright)[0], names(&upright)[25], upright.train.name.as_str()), ("A", "Z", "emnist-letters"));
    assert_eq!(labels(&upright), [(0..26).collect(), vec![25]]);
    assert_eq!(upright.train.images.size(), [26, 3, 2]);
    // Under other names it cannot be known that they lie on their side.
    let lying = Dataset::from_dir(folder.path().join("renamed")).unwrap();
    assert_eq!(lying.train.images.size(), [26, 2, 3]);
    assert_eq!(lying.train.images.get(3).transpose(0, 1), upright.train.images.get(3));
    let turned = lying.transposed().unwrap();
    assert_eq!(turned.train.images, upright.train.images);
    assert_eq!(turned.test.images, upright.test.images);
    assert_eq!(turned.train.preprocess().shape, [3, 2]);
}

#[test]
fn letters_are_learnt_reported_and_drawn_under_their_names() {
    // 20 pictures of each letter, 6 × 6 pixels with ink at one place.
    let labels: Vec<u8> = (0..520).map(|index| 1 + (index % 26) as u8).collect();
    let mut pixels = vec![0; 520 * 36];
    labels.iter().enumerate().for_each(|(index, &label)| pixels[36 * index + usize::from(label)] = 255);
    let (images, labels) = (idx(8, &[520, 6, 6], &pixels), idx(8, &[520], &labels));
    let folder = tempfile::tempdir().unwrap();
    let names = ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"];
    let names = names.map(|name| format!("emnist-letters-{name}-ubyte"));
    let files = [images.clone(), labels.clone(), images, labels];
    write_files(folder.path(), names.each_ref().map(String::as_str), &files);
    let mnist = Dataset::from_dir(folder.path()).unwrap();
    let mut model = Network::mlp([36, 64, mnist.train.classes.len()], 0).unwrap();
    let optimizer = Optimizer::rms_prop(0.01);
    let training = Training { epochs: 20, batch_size: 26, optimizer, verbose: false, ..Training::default() };
    fit(&mut model, &mnist.train.preprocess(), &training).unwrap();
    let predictions = predict(&model, &mnist.test.preprocess()).unwrap();
    let confusion = ConfusionMatrix::of(&predictions).unwrap();
    assert!(confusion.accuracy() > 0.95, "{confusion}");
    let report = ClassificationReport::new(&confusion);
    assert!(report.to_string().starts_with("emnist-letters\n\n"), "{report}");
    assert!(report.text(2).contains("\n           Z "), "{report}");
    let drawn = figures::predictions(&mnist.test, &predictions, 1).unwrap().svg().unwrap();
    assert!(drawn.contains("✓ A (true A)"), "{drawn}");
    assert!(figures::heatmap(&confusion).svg().unwrap().contains("\nZ\n"));
}

#[test]
fn the_first_of_the_eight_numbers_of_a_qmnist_label_is_the_class() {
    let wide = |labels: &[u8]| {
        let numbers = labels.iter().flat_map(|&label| [u32::from(label), 1, 2, 3, 4, 5, 0, 0]);
        idx(12, &[labels.len() as u32, 8], &numbers.flat_map(u32::to_be_bytes).collect::<Vec<_>>())
    };
    let [images, _, test_images, _] = contents(&[7, 0, 9], &[1, 2]);
    let files = [images, wide(&[7, 0, 9]), test_images, wide(&[1, 2])];
    let own = ["train-images-idx3-ubyte", "train-labels-idx2-int", "test-images-idx3-ubyte", "test-labels-idx2-int"];
    let own = own.map(|name| format!("qmnist-{name}.gz"));
    for (names, name) in [(own.each_ref().map(String::as_str), "qmnist"), (NAMES, "numbers")] {
        let folder = tempfile::tempdir().unwrap();
        write_files(&folder.path().join("numbers"), names, &files);
        let mnist = Dataset::from_dir(folder.path().join("numbers")).unwrap();
        assert_eq!((labels(&mnist), mnist.train.name.as_str()), ([vec![7, 0, 9], vec![1, 2]], name));
    }
}

#[test]
fn another_data_set_does_not_pass_for_mnist_in_a_report() {
    for name in ["MNIST", "mnist"] {
        let mnist = read(name, &[0, 1], &[0, 1]);
        assert_eq!(mnist.train.name, format!("{name} (not the original)"));
        let confusion = ConfusionMatrix::new(&mnist.test.name, &mnist.test.classes, &[0, 1], &[0, 1]).unwrap();
        let report = ClassificationReport::new(&confusion).to_string();
        assert!(report.starts_with(&format!("{name} (not the original)\n\n")), "{report}");
    }
}

#[test]
fn drawn_digits_are_the_same_for_a_seed_and_carry_their_name() {
    let (one, same, other) = (Dataset::drawn(1).unwrap(), Dataset::drawn(1).unwrap(), Dataset::drawn(2).unwrap());
    assert_eq!((one.train.len(), one.test.len()), (12_000, 2_000));
    assert_eq!((one.train.name.as_str(), one.test.preprocess().name.as_str()), (DRAWN, DRAWN));
    assert_eq!(one.train.images, same.train.images);
    assert_ne!(one.train.images, other.train.images);
    let counts = one.train.labels.bincount::<Tensor>(None, 10);
    assert!(counts.min().int64_value(&[]) > 1_000, "{counts:?}");
}

#[test]
fn mnist_is_as_it_was_published() {
    let Some(folder) = mnist_folder() else { return };
    let mnist = Dataset::from_dir(folder).unwrap();
    assert_eq!((mnist.train.name.as_str(), mnist.test.name.as_str()), (MNIST, MNIST));
    assert_eq!((mnist.train.images.size(), mnist.test.images.size()), (vec![60_000, 28, 28], vec![10_000, 28, 28]));
    let first = |labels: &Tensor| Vec::<i64>::try_from(labels.narrow(0, 0, 5)).unwrap();
    assert_eq!((first(&mnist.train.labels), first(&mnist.test.labels)), (vec![5, 0, 4, 1, 9], vec![7, 2, 1, 0, 4]));
}
