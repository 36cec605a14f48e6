//! The network in `models/robust` still reads foggy digits as its card says.

#[path = "../../../tests/shared/mod.rs"]
mod shared;

use error_analysis::corruption::Corruption;
use mnist_classification::{prelude::*, tch::Tensor};
use shared::mnist_folder;

#[test]
fn the_robust_cnn_reads_fog_that_the_best_cnn_does_not() {
    let Some(folder) = mnist_folder() else { return };
    let test = Dataset::from_dir(folder).unwrap().test;
    let first = |tensor: &Tensor| tensor.narrow(0, 0, 1_000);
    let digits = Images { images: first(&test.images), labels: first(&test.labels), ..test };
    let foggy = Corruption::Fog.apply(&digits, 0).unwrap().preprocess();
    let [best, robust] = ["cnn", "robust"].map(|name| {
        let model = Network::load(format!("{}/../../models/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let adapted = model.with_statistics_of(&foggy.inputs).unwrap();
        [(&model, &digits.preprocess()), (&adapted, &foggy)]
            .map(|(model, samples)| evaluate(model, samples).unwrap().accuracy)
    });
    println!("as they are and in fog: best CNN {best:?}, robust {robust:?}");
    assert!(robust[0] > 0.99 && robust[1] > 0.975, "{robust:?}");
    assert!(best[1] < 0.9, "{best:?}");
}
