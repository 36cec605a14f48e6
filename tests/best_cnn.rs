//! The network in `models/cnn` still reads as its card says.

mod shared;

use mnist_classification::prelude::*;
use shared::mnist_folder;

#[test]
fn the_best_cnn_makes_its_34_mistakes() {
    let Some(folder) = mnist_folder() else { return };
    let test = Dataset::from_dir(folder).unwrap().test.preprocess();
    let model = Network::load(concat!(env!("CARGO_MANIFEST_DIR"), "/models/cnn")).unwrap();
    let confusion = ConfusionMatrix::of(&predict(&model, &test).unwrap()).unwrap();
    assert_eq!((confusion.total() - confusion.correct(), confusion.total()), (34, 10_000));
}
