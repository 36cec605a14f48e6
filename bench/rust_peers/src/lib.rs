//! What the Rust peers share: MNIST as numbers, the order of an epoch, and the line in which each reports its run.

use std::{env, error::Error, fs, io::Read, path::Path, time::Instant};

use flate2::read::GzDecoder;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};

/// As `bench/peer.py` has them.
pub const BATCH: usize = 128;
pub const VALIDATION_BATCH: usize = 250;
pub const LEARNING_RATE: f64 = 0.001;
pub const RHO: f64 = 0.9;
pub const EPSILON: f64 = 1e-7;

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A layer of `bench/networks.json`.
pub enum Layer {
    Dense(usize),
    Convolution { channels: usize, size: usize },
    MaxPool(usize),
    Relu,
    Flatten,
}

/// The network that `BENCH_NETWORK` names.
pub fn layers() -> Result<Vec<Layer>> {
    let networks: Value = serde_json::from_str(include_str!("../../networks.json"))?;
    let name = env::var("BENCH_NETWORK").unwrap_or("MLP".into());
    let number = |value: &Value| value.as_u64().map(|number| number as usize).ok_or("not a number");
    let layer = |layer: &Value| -> Result<Layer> {
        Ok(match layer.as_str() {
            Some("Relu") => Layer::Relu,
            Some("Flatten") => Layer::Flatten,
            _ if layer.get("Dense").is_some() => Layer::Dense(number(&layer["Dense"])?),
            _ if layer.get("MaxPool").is_some() => Layer::MaxPool(number(&layer["MaxPool"])?),
            _ => {
                let Value::Object(setting) = &layer["Convolution"] else {
                    return Err(format!("no layer: {layer}").into());
                };
                Layer::Convolution { channels: number(&setting["channels"])?, size: number(&setting["size"])? }
            }
        })
    };
    networks[&name]["layers"].as_array().ok_or("no such network")?.iter().map(layer).collect()
}

/// Whether the network takes pictures, not rows of pixels.
pub fn takes_pictures(layers: &[Layer]) -> bool {
    layers.iter().any(|layer| matches!(layer, Layer::Convolution { .. }))
}

/// Digits: pixels from 0 to 1, 784 of each digit, and labels.
pub struct Digits {
    pub pixels: Vec<f32>,
    pub labels: Vec<u8>,
}

/// Reads the training digits, those for validation and the test digits from the folder `MNIST_DIR`.
pub fn mnist() -> Result<[Digits; 3]> {
    let folder = env::var("MNIST_DIR")?;
    let read = |name: &str, header: usize| -> Result<Vec<u8>> {
        let raw = Path::new(&folder).join(name);
        let mut bytes = Vec::new();
        if raw.exists() {
            bytes = fs::read(raw)?;
        } else {
            GzDecoder::new(fs::File::open(Path::new(&folder).join(format!("{name}.gz")))?).read_to_end(&mut bytes)?;
        }
        Ok(bytes.split_off(header))
    };
    let part = |part: &str| -> Result<Digits> {
        let pixels = read(&format!("{part}-images-idx3-ubyte"), 16)?;
        let labels = read(&format!("{part}-labels-idx1-ubyte"), 8)?;
        Ok(Digits { pixels: pixels.into_iter().map(|pixel| f32::from(pixel) / 255.0).collect(), labels })
    };
    let (mut train, test) = (part("train")?, part("t10k")?);
    let count = number("DIGITS", 60_000)?.min(train.labels.len());
    train.labels.truncate(count);
    train.pixels.truncate(784 * count);
    let training = count * 4 / 5;
    let validation =
        Digits { pixels: train.pixels.split_off(784 * training), labels: train.labels.split_off(training) };
    Ok([train, validation, test])
}

/// The setting `BENCH_…`, or its usual value.
pub fn number(name: &str, usual: usize) -> Result<usize> {
    env::var(format!("BENCH_{name}")).map_or(Ok(usual), |value| Ok(value.parse()?))
}

/// Runs the epochs, each a call with the positions of its training digits in their order, and prints how long each took
/// and the share of right answers that `test` gives.
pub fn report<P>(
    mut program: P,
    training: usize,
    mut epoch: impl FnMut(&mut P, &[u32]) -> Result<()>,
    test: impl FnOnce(&P) -> Result<f64>,
) -> Result<()> {
    let mut positions: Vec<u32> = (0..training as u32).collect();
    let mut random = StdRng::seed_from_u64(number("SEED", 0)? as u64);
    let mut seconds = Vec::new();
    for _ in 0..number("EPOCHS", 15)? {
        let start = Instant::now();
        positions.shuffle(&mut random);
        epoch(&mut program, &positions)?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    println!("{}", json!({ "epoch_seconds": seconds, "test_accuracy": test(&program)? }));
    Ok(())
}
