//! What a person should know of a data set before a training, though it can be learnt from.

#[path = "../../../tests/shared/mod.rs"]
mod shared;

use cli::data_warnings;
use mnist_classification::data::{Classes, Dataset, Images};
use shared::mnist_folder;
use tch::{Kind, Tensor};

/// Pictures of 4 × 4 pixels with a frame of one grey around ink of another, and their labels.
fn digits(labels: &[i64], frame: i64, ink: i64) -> Images {
    let images = Tensor::full([labels.len() as i64, 4, 4], frame, (Kind::Uint8, tch::Device::Cpu));
    let _ = images.narrow(1, 1, 2).narrow(2, 1, 2).fill_(ink);
    Images { name: "example".into(), images, labels: Tensor::from_slice(labels), classes: Classes::numbered(10) }
}

fn warnings(train: &[i64], test: &[i64], [frame, ink]: [i64; 2]) -> Vec<String> {
    let mnist = Dataset { train: digits(train, frame, ink), test: digits(test, frame, ink) };
    data_warnings(&mnist).unwrap().into_iter().map(|hint| hint.0).collect()
}

/// 50 labels of each digit, one after the other in turn.
fn mixed() -> Vec<i64> {
    (0..500).map(|index| index % 10).collect()
}

#[test]
fn ordinary_data_give_no_hint() {
    assert_eq!(warnings(&mixed(), &mixed(), [0, 255]), Vec::<String>::new());
    assert_eq!(data_warnings(&Dataset::drawn(1).unwrap()).unwrap(), []);
}

#[test]
fn labels_in_order_are_told() {
    let mut sorted = mixed();
    sorted.sort();
    let hints = warnings(&sorted, &mixed(), [0, 255]);
    assert_eq!(hints.len(), 1, "{hints:?}");
    assert!(hints[0].starts_with("The training samples of example are sorted by class"), "{hints:?}");
    assert!(hints[0].contains("holds only 8, 9."), "{hints:?}");
}

#[test]
fn a_white_ground_and_faint_ink_are_told() {
    let white = warnings(&mixed(), &mixed(), [250, 10]);
    assert!(white.len() == 1 && white[0].contains("ground of example is white"), "{white:?}");
    let faint = warnings(&mixed(), &mixed(), [0, 16]);
    assert!(
        faint.len() == 1 && faint[0].contains("pixels of example go up to 16, where ink is 255: multiply them by 15"),
        "{faint:?}"
    );
}

#[test]
fn classes_that_are_missing_or_nearly_so_are_told() {
    let without = |class: i64| mixed().into_iter().filter(|label| *label != class).collect::<Vec<_>>();
    let in_training = warnings(&without(0), &mixed(), [0, 255]);
    assert_eq!(in_training, ["The training samples of example hold none of 0."]);
    let in_test = warnings(&mixed(), &without(7), [0, 255]);
    assert_eq!(in_test, ["The test samples of example hold none of 7."]);
    let rare = [without(7), vec![7; 4]].concat();
    let rare = warnings(&rare, &mixed(), [0, 255]);
    assert_eq!(rare, ["The training samples of example hold few of 7."]);
}

#[test]
fn labels_from_1_are_told_and_emnists_letters_by_their_number() {
    for largest in [12, 26] {
        let part = || {
            let labels: Vec<i64> = (0..50 * largest).map(|index| index % largest).collect();
            Images { classes: Classes::new((1..=largest).map(|label| label.to_string())), ..digits(&labels, 0, 255) }
        };
        let hints = data_warnings(&Dataset { train: part(), test: part() }).unwrap();
        assert_eq!(hints.len(), 1, "{hints:?}");
        assert!(hints[0].0.contains(&format!("labels of example go from 1 to {largest}")), "{hints:?}");
        assert_eq!(hints[0].0.contains("Dataset::transposed, or --transposed, turns them"), largest == 26);
    }
}

#[test]
fn mnist_gives_no_hint() {
    let Some(folder) = mnist_folder() else { return };
    assert_eq!(data_warnings(&Dataset::from_dir(folder).unwrap()).unwrap(), []);
}
