//! RMSprop in one pass over parameters, running averages and gradient.

#![allow(unsafe_code)] // Slices of tensors, and what `in_lanes!` expands to.

use tch::Tensor;

use super::rms_prop::RmsProp;
use crate::{
    Result,
    lanes::{check, floats, floats_mut, in_lanes},
};

impl RmsProp {
    /// One step of these parameters against their gradient, all plain and of one size.
    ///
    /// # Errors
    /// [`Error::Mismatch`](crate::Error::Mismatch) for tensors that are not plain, or share memory.
    pub(crate) fn pass(
        &self,
        parameters: &mut Tensor,
        averages: &mut Tensor,
        gradient: &Tensor,
        learning_rate: f64,
    ) -> Result<()> {
        self.pass_rows(parameters, averages, gradient, learning_rate, [true].iter().copied())
    }

    /// As [`RmsProp::pass`], row by row: where a row has no gradient, its parameters stay and only its averages fade.
    pub(crate) fn pass_rows(
        &self,
        parameters: &mut Tensor,
        averages: &mut Tensor,
        gradient: &Tensor,
        learning_rate: f64,
        has_gradient: impl ExactSizeIterator<Item = bool>,
    ) -> Result<()> {
        check(&[parameters, averages], &[gradient])?;
        let columns = gradient.numel().div_ceil(has_gradient.len().max(1)).max(1);
        let settings = [learning_rate, self.rho, 1.0 - self.rho, self.epsilon].map(|setting| setting as f32);
        // SAFETY: all three were checked just now, and the loops below use nothing else.
        let (parameters, averages, gradient) =
            unsafe { (floats_mut(parameters), floats_mut(averages), floats(gradient)) };
        let rows = parameters.chunks_mut(columns).zip(averages.chunks_mut(columns)).zip(gradient.chunks(columns));
        for (((parameters, averages), gradient), has_gradient) in rows.zip(has_gradient) {
            if has_gradient {
                update_in_lanes(parameters, averages, gradient, settings);
            } else {
                averages.iter_mut().for_each(|average| *average *= self.rho as f32);
            }
        }
        Ok(())
    }
}

fn update_in_lanes(parameters: &mut [f32], averages: &mut [f32], gradient: &[f32], settings: [f32; 4]) {
    in_lanes!(update, update, parameters: &mut [f32], averages: &mut [f32], gradient: &[f32], settings: [f32; 4]);
}

#[inline(always)]
fn update(parameters: &mut [f32], averages: &mut [f32], gradient: &[f32], [rate, rho, rest, epsilon]: [f32; 4]) {
    for ((parameter, average), gradient) in parameters.iter_mut().zip(averages).zip(gradient) {
        *average = rho * *average + rest * gradient * gradient;
        *parameter -= rate * gradient / (*average + epsilon).sqrt();
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn one_pass_is_what_libtorch_composes() {
        let random = || Tensor::randn([1_003], (Kind::Float, Device::Cpu));
        let (rule, gradient) = (RmsProp::default(), random());
        let (mut parameters, mut averages) = (random(), random().abs());
        let [mut composed, mut composed_averages] = [&parameters, &averages].map(|tensor| tensor.to_kind(Kind::Double));
        rule.compose(&mut composed, &mut composed_averages, &gradient.to_kind(Kind::Double), 0.001).unwrap();

        rule.pass(&mut parameters, &mut averages, &gradient, 0.001).unwrap();
        for (found, expected) in [(&parameters, &composed), (&averages, &composed_averages)] {
            let error = (found - expected).abs().max().double_value(&[]);
            assert!(error < 1e-6, "{error}");
        }
    }

    #[test]
    fn a_row_without_gradient_is_a_pass_with_zeros() {
        let full = |value: f64| Tensor::full([4, 25], value, (Kind::Float, Device::Cpu));
        let stepped = |has_gradient: [bool; 4]| {
            let (mut parameters, mut averages) = (full(0.1), full(0.3));
            let rows = has_gradient.into_iter();
            RmsProp::default().pass_rows(&mut parameters, &mut averages, &full(0.0), 0.001, rows).unwrap();
            [parameters, averages]
        };
        assert_eq!(stepped([true; 4]), stepped([false, true, true, false]));
    }
}
