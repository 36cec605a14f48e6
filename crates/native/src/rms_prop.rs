//! RMSprop in one pass over parameters, running averages and gradient.

use tch::Tensor;

use crate::{
    Result,
    simd::{check, dispatch_simd, floats, floats_mut},
};

/// The settings of RMSprop: `v ← ρ v + (1 − ρ) g²`, then `w ← w − η g / √(v + ε)`.
#[derive(Clone, Copy, Debug)]
pub struct RmsProp {
    /// ρ, how much of the running average stays at each step.
    pub rho: f64,
    /// ε, which keeps the divisor above zero.
    pub epsilon: f64,
}

/// Takes one step of these parameters against their gradient, all plain and of one size.
///
/// # Errors
/// [`Error::Mismatch`](crate::Error::Mismatch) for tensors that are not plain, or share memory.
pub fn update(
    rule: RmsProp,
    parameters: &mut Tensor,
    averages: &mut Tensor,
    gradient: &Tensor,
    learning_rate: f64,
) -> Result<()> {
    update_rows(rule, parameters, averages, gradient, learning_rate, [true].iter().copied())
}

/// Updates row by row, as [`update`] does. Without a gradient, a row's parameters are unchanged; its averages decay.
pub(crate) fn update_rows(
    rule: RmsProp,
    parameters: &mut Tensor,
    averages: &mut Tensor,
    gradient: &Tensor,
    learning_rate: f64,
    has_gradient: impl ExactSizeIterator<Item = bool>,
) -> Result<()> {
    check(&[parameters, averages], &[gradient])?;
    let columns = gradient.numel().div_ceil(has_gradient.len().max(1)).max(1);
    let settings = [learning_rate, rule.rho, 1.0 - rule.rho, rule.epsilon].map(|setting| setting as f32);
    // SAFETY: all three were checked just now, and the loops below use nothing else.
    let (parameters, averages, gradient) = unsafe { (floats_mut(parameters), floats_mut(averages), floats(gradient)) };
    let rows = parameters.chunks_mut(columns).zip(averages.chunks_mut(columns)).zip(gradient.chunks(columns));
    for (((parameters, averages), gradient), has_gradient) in rows.zip(has_gradient) {
        if has_gradient {
            update_floats(parameters, averages, gradient, settings);
        } else {
            averages.iter_mut().for_each(|average| *average *= rule.rho as f32);
        }
    }
    Ok(())
}

fn update_floats(parameters: &mut [f32], averages: &mut [f32], gradient: &[f32], settings: [f32; 4]) {
    dispatch_simd!(each, each, parameters: &mut [f32], averages: &mut [f32], gradient: &[f32], settings: [f32; 4]);
}

#[inline(always)]
fn each(parameters: &mut [f32], averages: &mut [f32], gradient: &[f32], [rate, rho, rest, epsilon]: [f32; 4]) {
    for ((parameter, average), gradient) in parameters.iter_mut().zip(averages).zip(gradient) {
        *average = rho * *average + rest * gradient * gradient;
        *parameter -= rate * gradient / (*average + epsilon).sqrt();
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::FlushToZero;

    const KERAS: RmsProp = RmsProp { rho: 0.9, epsilon: 1e-7 };

    fn full(value: f64) -> Tensor {
        Tensor::full([4, 25], value, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn a_row_without_gradient_is_a_pass_with_zeros() {
        let stepped = |has_gradient: [bool; 4]| {
            let (mut parameters, mut averages) = (full(0.1), full(0.3));
            let rows = has_gradient.into_iter();
            update_rows(KERAS, &mut parameters, &mut averages, &full(0.0), 0.001, rows).unwrap();
            [parameters, averages]
        };
        assert_eq!(stepped([true; 4]), stepped([false, true, true, false]));
    }

    #[test]
    fn no_average_stays_denormal_under_the_guard() {
        let denormal = |tensor: &Tensor| {
            let values = Vec::<f32>::try_from(tensor.reshape([-1])).unwrap();
            values.into_iter().filter(|value| value.is_subnormal()).count()
        };
        for has_gradient in [true, false] {
            let (mut parameters, mut averages) = (full(0.1), full(1.2e-38));
            let rows = [has_gradient; 4].into_iter();
            let _guard = FlushToZero::begin();
            update_rows(KERAS, &mut parameters, &mut averages, &full(0.0), 0.001, rows).unwrap();
            assert_eq!(denormal(&averages), 0, "rows with a gradient: {has_gradient}");
        }
        let (mut parameters, mut averages) = (full(0.1), full(1.2e-38));
        update(KERAS, &mut parameters, &mut averages, &full(0.0), 0.001).unwrap();
        assert_eq!(denormal(&averages), 100, "what the guard prevents");
    }
}
