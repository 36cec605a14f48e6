//! Everything random comes from one seed, and each use of it from a stream of its own.

use rand::{Rng, SeedableRng, rngs::StdRng};
use tch::{Device, Tensor};

use crate::Result;

/// Random numbers, from one seed and for one use of them.
pub type Random = StdRng;

/// What random numbers are drawn for. Changing one use leaves the numbers of the others as they are.
pub enum Purpose {
    /// A network's first parameters.
    Weights,
    /// Digits drawn by a program.
    DrawnDigits,
    /// Corrupted pictures.
    Corruption,
    /// The order of the training digits in an epoch, counted from 1.
    Shuffle(usize),
    /// Dropout and augmentation in an epoch, counted from 1.
    Noise(usize),
    /// Which pixels to blank.
    Pixels,
}

/// Returns the random numbers of one seed for one purpose.
pub fn generator(seed: u64, purpose: Purpose) -> Random {
    let stream = match purpose {
        Purpose::Weights => 0,
        Purpose::DrawnDigits => 1,
        Purpose::Shuffle(epoch) => 1 + epoch as u64,
        Purpose::Noise(epoch) => (1 << 32) + epoch as u64,
        Purpose::Corruption => 1 << 33,
        Purpose::Pixels => 1 << 34,
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&stream.to_le_bytes());
    Random::from_seed(bytes)
}

/// Draws 32-bit floats of this shape, evenly from `low` to below `high`. libtorch's own random numbers would be
/// shared by all trainings of the process.
pub fn uniform(shape: &[i64], [low, high]: [f64; 2], device: Device, random: &mut Random) -> Result<Tensor> {
    let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| random.r#gen()).collect();
    Ok(Tensor::f_from_slice(&numbers)?.f_reshape(shape)?.to_device(device) * (high - low) + low)
}
