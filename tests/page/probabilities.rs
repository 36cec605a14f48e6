//! Writes the probabilities that a network gives MNIST's test digits, ten 64-bit floats for each: `tests/page.py`
//! compares the page's own with them. `probabilities NETWORK FILE`.

use std::{env, fs};

use mnist_classification::prelude::*;

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [network, file] = &arguments[..] else {
        let expected = "NETWORK FILE".into();
        return Err(Error::InvalidSetting { setting: "the arguments", found: format!("{arguments:?}"), expected });
    };
    let predictions = predict(&Network::load(network)?, &Dataset::mnist()?.test.preprocess())?;
    let probabilities = Vec::<f64>::try_from(predictions.probabilities.reshape([-1]))?;
    let bytes: Vec<_> = probabilities.iter().flat_map(|probability| probability.to_le_bytes()).collect();
    fs::write(file, bytes).map_err(|source| Error::Io { file: file.into(), source })
}
