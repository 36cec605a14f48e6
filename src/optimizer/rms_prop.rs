//! RMSprop: each step is divided by the recent size of its gradients.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;

/// RMSprop (G. Hinton, lecture 6e, 2012) as Keras defines it, without momentum:
/// `v ← ρ v + (1 − ρ) g²`, then `w ← w − η g / √(v + ε)`.
///
/// ε stands inside the root. PyTorch adds it outside, and its ρ is 0.99: a different optimizer late in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RmsProp {
    /// ρ, how much of the running average stays at each step, from 0 to 1.
    pub rho: f64,
    /// ε, which keeps the divisor above zero.
    pub epsilon: f64,
}

impl Default for RmsProp {
    /// Keras' defaults: ρ = 0.9, ε = 1e-7.
    fn default() -> Self {
        Self { rho: 0.9, epsilon: 1e-7 }
    }
}

impl RmsProp {
    pub(crate) fn native(self) -> native::RmsProp {
        native::RmsProp { rho: self.rho, epsilon: self.epsilon }
    }

    /// One step of these weights against their gradient.
    pub(super) fn update(
        &self,
        weights: &mut Tensor,
        squares: &mut Tensor,
        gradient: &Tensor,
        learning_rate: f64,
    ) -> Result<()> {
        let same_size = weights.size() == gradient.size();
        if same_size && [&*weights, gradient, &*squares].into_iter().all(native::is_plain) {
            return Ok(native::rms_prop(self.native(), weights, squares, gradient, learning_rate)?);
        }
        self.compose(weights, squares, gradient, learning_rate)
    }

    /// The same on any device and in any precision.
    fn compose(&self, weights: &mut Tensor, squares: &mut Tensor, gradient: &Tensor, learning_rate: f64) -> Result<()> {
        let Self { rho, epsilon } = *self;
        let _ = squares.f_mul_scalar_(rho)?.f_addcmul_(gradient, &(gradient * (1.0 - rho)))?;
        let divisor = (&*squares + epsilon).sqrt_();
        let _ = weights.f_addcdiv_(&(gradient * -learning_rate), &divisor)?;
        Ok(())
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

        rule.update(&mut parameters, &mut averages, &gradient, 0.001).unwrap();
        for (found, expected) in [(&parameters, &composed), (&averages, &composed_averages)] {
            let error = (found - expected).abs().max().double_value(&[]);
            assert!(error < 1e-6, "{error}");
        }
    }
}
