//! RMSprop in one pass over memory, eight weights at a time where the processor can.
//!
//! Composed of libtorch's operations, an update goes over weights, averages and gradient six times, which takes a
//! fifth of a training step; this takes a twentieth. It is the one place of the library with unsafe code: the memory
//! of tensors as slices, and the call of a function that only some processors can run.

#![allow(unsafe_code)]

use std::slice;

use tch::{Device, Kind, Tensor};

use super::RmsProp;
use crate::{Error, Result};

/// Whether a tensor is 32-bit floats in a row in main memory.
pub(super) fn is_plain(tensor: &Tensor) -> bool {
    (tensor.device(), tensor.kind()) == (Device::Cpu, Kind::Float) && tensor.is_contiguous()
}

/// The numbers of a tensor of 32-bit floats in main memory.
///
/// # Errors
/// [`Error::Mismatch`] where it is of another kind, on another device or has gaps.
pub(crate) fn floats(tensor: &mut Tensor) -> Result<&mut [f32]> {
    if !is_plain(tensor) {
        let found = format!("{:?} on {:?}, strides {:?}", tensor.kind(), tensor.device(), tensor.stride());
        return Err(Error::Mismatch { what: "a tensor", found, expected: "floats in a row on the processor".into() });
    }
    if tensor.numel() == 0 {
        return Ok(&mut []); // Its pointer is null.
    }
    // SAFETY: a contiguous tensor of 32-bit floats is that many floats in a row, allocated as long as it lives.
    // Tensors can share memory: callers hold only slices of tensors that do not.
    Ok(unsafe { slice::from_raw_parts_mut(tensor.data_ptr().cast(), tensor.numel()) })
}

impl RmsProp {
    /// One step of these weights against their gradient.
    pub(crate) fn pass(&self, weights: &mut [f32], averages: &mut [f32], gradient: &[f32]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor was asked and has these instructions.
            return unsafe { self.pass_with_avx2(weights, averages, gradient) };
        }
        self.pass_anywhere(weights, averages, gradient);
    }

    /// The same code, compiled for processors with eight lanes.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn pass_with_avx2(&self, weights: &mut [f32], averages: &mut [f32], gradient: &[f32]) {
        self.pass_anywhere(weights, averages, gradient);
    }

    #[inline(always)]
    fn pass_anywhere(&self, weights: &mut [f32], averages: &mut [f32], gradient: &[f32]) {
        let [rate, rho, rest, epsilon] =
            [self.learning_rate, self.rho, 1.0 - self.rho, self.epsilon].map(|number| number as f32);
        for ((weight, average), gradient) in weights.iter_mut().zip(averages).zip(gradient) {
            *average = rho * *average + rest * gradient * gradient;
            *weight -= rate * gradient / (*average + epsilon).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_is_what_libtorch_composes() {
        let random = || Tensor::randn([1_003], (Kind::Float, Device::Cpu));
        let (optimizer, gradient) = (RmsProp::default(), random());
        let (mut weights, mut averages) = (random(), random().abs());
        let mut composed = [weights.to_kind(Kind::Double)];
        let mut state = optimizer.start(&composed).unwrap();
        state.averages[0] = averages.to_kind(Kind::Double);
        state.update(&mut composed, &[gradient.to_kind(Kind::Double)]).unwrap();

        let mut gradient = gradient;
        let slices = (floats(&mut weights).unwrap(), floats(&mut averages).unwrap(), floats(&mut gradient).unwrap());
        optimizer.pass(slices.0, slices.1, slices.2);
        for (found, expected) in [(&weights, &composed[0]), (&averages, &state.averages[0])] {
            let error = (found - expected).abs().max().double_value(&[]);
            assert!(error < 1e-6, "{error}");
        }
    }

    #[test]
    fn only_plain_floats_are_a_slice() {
        let mut matrix = Tensor::arange(6, (Kind::Float, Device::Cpu)).reshape([2, 3]);
        assert_eq!(floats(&mut matrix.get(1)).unwrap(), [3.0, 4.0, 5.0]);
        assert_eq!(floats(&mut matrix).unwrap().len(), 6);
        assert!(floats(&mut matrix.narrow(0, 0, 0)).unwrap().is_empty());
        assert!(floats(&mut matrix.tr()).is_err());
        assert!(floats(&mut matrix.to_kind(Kind::Double)).is_err());
    }
}
