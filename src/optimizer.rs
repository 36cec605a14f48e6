//! The optimizer: Keras' RMSprop, which divides each step by a running size of its gradients.

mod one_pass;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{
    Error, Result,
    lanes::{floats, floats_mut, is_plain},
};

/// RMSprop (G. Hinton, lecture 6e, 2012) as Keras defines it, without momentum:
/// `v ← ρ v + (1 − ρ) g²`, then `w ← w − η g / √(v + ε)`.
///
/// ε stands inside the root. PyTorch adds it outside, and its ρ is 0.99: a different optimizer late in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RmsProp {
    /// η, the size of a step.
    pub learning_rate: f64,
    /// ρ, how much of the running average stays at each step, from 0 to 1.
    pub rho: f64,
    /// ε, which keeps the divisor above zero.
    pub epsilon: f64,
}

impl Default for RmsProp {
    /// Keras' defaults: η = 0.001, ρ = 0.9, ε = 1e-7.
    fn default() -> Self {
        Self { learning_rate: 0.001, rho: 0.9, epsilon: 1e-7 }
    }
}

impl RmsProp {
    /// Checks the settings and starts with averages of zero for these parameters.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value that cannot work.
    pub fn start(&self, parameters: &[Tensor]) -> Result<RmsPropState> {
        let setting = |setting, found: f64, expected: &str| Error::Setting {
            setting,
            found: found.to_string(),
            expected: expected.into(),
        };
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(setting("learning_rate", self.learning_rate, "a number above 0, such as 0.001"));
        }
        if !(0.0..1.0).contains(&self.rho) {
            return Err(setting("rho", self.rho, "from 0 to below 1, such as 0.9"));
        }
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return Err(setting("epsilon", self.epsilon, "a small number above 0, such as 1e-7"));
        }
        Ok(RmsPropState { settings: *self, averages: parameters.iter().map(Tensor::zeros_like).collect() })
    }
}

/// RMSprop at work: its settings and the running averages of squared gradients.
#[derive(Debug)]
pub struct RmsPropState {
    settings: RmsProp,
    averages: Vec<Tensor>,
}

impl RmsPropState {
    /// The settings.
    pub fn settings(&self) -> RmsProp {
        self.settings
    }

    /// The running average of each parameter's squared gradients.
    pub fn averages(&self) -> &[Tensor] {
        &self.averages
    }

    /// Changes the parameters by one step against their gradients, which come in the same order.
    ///
    /// # Errors
    /// [`Error::Torch`] when shapes do not fit.
    pub fn update(&mut self, parameters: &mut [Tensor], gradients: &[Tensor]) -> Result<()> {
        let all = parameters.iter_mut().zip(gradients).zip(&mut self.averages);
        tch::no_grad(|| {
            all.into_iter().try_for_each(|((weights, gradient), averages)| {
                let same_size = weights.size() == gradient.size();
                if same_size && [&*weights, gradient, &*averages].into_iter().all(is_plain) {
                    self.settings.pass(floats_mut(weights)?, floats_mut(averages)?, floats(gradient)?);
                    return Ok(());
                }
                self.settings.compose(weights, averages, gradient)
            })
        })
    }
}

impl RmsProp {
    /// One step of these weights against their gradient, on any device and in any precision.
    fn compose(&self, weights: &mut Tensor, averages: &mut Tensor, gradient: &Tensor) -> Result<()> {
        let Self { learning_rate, rho, epsilon } = *self;
        let _ = averages.f_mul_scalar_(rho)?.f_addcmul_(gradient, &(gradient * (1.0 - rho)))?;
        let divisor = (&*averages + epsilon).sqrt_();
        let _ = weights.f_addcdiv_(&(gradient * -learning_rate), &divisor)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_follow_the_formula() {
        let (rate, rho, epsilon) = (0.1, 0.9, 1e-7);
        let mut weights = [Tensor::from_slice(&[1.0_f64, -2.0])];
        let mut state = RmsProp { learning_rate: rate, rho, epsilon }.start(&weights).unwrap();
        let (mut weight, mut average) = (1.0, 0.0);
        for gradient in [0.5, -0.25] {
            state.update(&mut weights, &[Tensor::from_slice(&[gradient, 0.0])]).unwrap();
            average = rho * average + (1.0 - rho) * gradient * gradient;
            weight -= rate * gradient / f64::sqrt(average + epsilon);
        }
        let found = Vec::<f64>::try_from(&weights[0]).unwrap();
        assert!((found[0] - weight).abs() < 1e-12, "{} and {weight}", found[0]);
        assert_eq!(found[1], -2.0);
    }

    #[test]
    fn settings_that_cannot_work_are_errors() {
        let error = |settings: RmsProp| settings.start(&[]).unwrap_err().to_string();
        let default = RmsProp::default();
        for learning_rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(error(RmsProp { learning_rate, ..default }).starts_with("learning_rate is "));
        }
        assert_eq!(error(RmsProp { rho: 1.0, ..default }), "rho is 1; expected from 0 to below 1, such as 0.9");
        assert!(error(RmsProp { epsilon: 0.0, ..default }).starts_with("epsilon is 0; "));
    }
}
