//! Everything random comes from one seed, and each use of it from a stream of its own.

use rand::{SeedableRng, rngs::StdRng};

/// What random numbers are drawn for. Changing one use leaves the numbers of the others as they are.
pub(crate) enum Purpose {
    Weights,
    Digits,
    /// The order of the training digits in an epoch, counted from 1.
    Shuffle(usize),
}

/// The random numbers of one seed for one purpose.
pub(crate) fn generator(seed: u64, purpose: Purpose) -> StdRng {
    let stream = match purpose {
        Purpose::Weights => 0,
        Purpose::Digits => 1,
        Purpose::Shuffle(epoch) => 1 + epoch as u64,
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&stream.to_le_bytes());
    StdRng::from_seed(bytes)
}
