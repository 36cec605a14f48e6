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
    check(&[parameters, averages], &[gradient])?;
    // SAFETY: all three were checked just now, and the loop uses nothing else.
    let (parameters, averages, gradient) = unsafe { (floats_mut(parameters), floats_mut(averages), floats(gradient)) };
    let settings = rule.settings(learning_rate);
    dispatch_simd!(update_floats, parameters: &mut [f32], averages: &mut [f32], gradient: &[f32], settings: [f32; 4]);
    Ok(())
}

impl RmsProp {
    /// Returns η, ρ, 1 − ρ and ε.
    pub(crate) fn settings(self, learning_rate: f64) -> [f32; 4] {
        [learning_rate, self.rho, 1.0 - self.rho, self.epsilon].map(|setting| setting as f32)
    }
}

/// The rule itself; settings as of [`RmsProp::settings`].
#[inline(always)]
pub(crate) fn update_floats(
    parameters: &mut [f32],
    averages: &mut [f32],
    gradient: &[f32],
    [rate, rho, rest, epsilon]: [f32; 4],
) {
    for ((parameter, average), gradient) in parameters.iter_mut().zip(averages).zip(gradient) {
        *average = rho * *average + rest * gradient * gradient;
        *parameter -= rate * gradient / (*average + epsilon).sqrt();
    }
}

/// The rule for a gradient of 0: the parameters stay.
#[inline(always)]
pub(crate) fn decay(averages: &mut [f32], [_, rho, ..]: [f32; 4]) {
    averages.iter_mut().for_each(|average| *average *= rho);
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
    fn no_average_stays_denormal_under_the_guard() {
        let denormal = |tensor: &Tensor| {
            let values = Vec::<f32>::try_from(tensor.reshape([-1])).unwrap();
            values.into_iter().filter(|value| value.is_subnormal()).count()
        };
        let (mut parameters, mut averages) = (full(0.1), full(1.2e-38));
        update(KERAS, &mut parameters, &mut averages, &full(0.0), 0.001).unwrap();
        assert_eq!(denormal(&averages), 100, "what the guard prevents");
        let _guard = FlushToZero::begin();
        update(KERAS, &mut parameters, &mut averages, &full(0.0), 0.001).unwrap();
        assert_eq!(denormal(&averages), 0);
    }
}
