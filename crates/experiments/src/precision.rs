//! Which precision is the faster one on this machine.

use std::time::Instant;

use mnist_classification::{
    prelude::*,
    support::{Purpose, generator, uniform},
    tch::{Device, Kind, Tensor},
    training::Trainer,
};

/// Steps that are timed in each precision, after one that prepares.
const STEPS: usize = 4;

/// By how much 16 bits must be faster: they round more.
const GAIN: f64 = 0.95;

/// Measures whether steps of such a network in [half precision](Training::half_precision) are faster here than those in
/// 32 bits, by a twentieth or more: a few steps of each, on noise, tell. Some processors have instructions for 16 bits
/// and are slower all the same, so no list would do.
///
/// ```
/// use experiments::half_precision_is_faster;
/// use mnist_classification::prelude::*;
/// let plan = Plan::cnn([28, 28], 10);
/// let training = Training { half_precision: half_precision_is_faster(&plan, 128)?, ..Training::default() };
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`] for a plan that cannot work.
pub fn half_precision_is_faster(plan: &Plan, batch_size: usize) -> Result<bool> {
    if !plan.has_convolutions() {
        return Ok(false);
    }
    let network = Network::from_plan(plan, 0)?;
    let size = [batch_size.max(1) as i64, plan.input.iter().product::<usize>() as i64];
    let inputs = uniform(&size, [0.0, 1.0], Device::Cpu, &mut generator(0, Purpose::Noise(0)))?;
    let labels = Tensor::f_zeros([size[0]], (Kind::Int64, Device::Cpu))?;
    let samples = Samples::new("noise", inputs, labels)?;
    let positions = Tensor::f_arange(size[0], (Kind::Int64, Device::Cpu))?;
    let fastest = |half_precision| -> Result<f64> {
        let mut steps = Trainer::new(&network, &samples, &Training { half_precision, ..Training::default() })?;
        steps.step(&positions, 0.0)?;
        (0..STEPS).try_fold(f64::INFINITY, |fastest: f64, _| {
            let start = Instant::now();
            steps.step(&positions, 0.0)?;
            Ok(fastest.min(start.elapsed().as_secs_f64()))
        })
    };
    Ok(fastest(true)? < GAIN * fastest(false)?)
}
