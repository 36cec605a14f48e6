//! Adam and Nadam: steps along a running average of the gradients, divided by their recent size.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;

/// The settings of Adam (D. Kingma, J. Ba, 2014) and Nadam (T. Dozat, 2016) as Keras defines them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Moments {
    /// β₁, how much of the gradients' running average stays at each step, from 0 to 1.
    pub beta_1: f64,
    /// β₂, how much of the squared gradients' running average stays at each step, from 0 to 1.
    pub beta_2: f64,
    /// ε, which keeps the divisor above zero; it stands outside the root.
    pub epsilon: f64,
}

impl Default for Moments {
    /// Keras' defaults: β₁ = 0.9, β₂ = 0.999, ε = 1e-7.
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }
}

/// What a step is made of: `w ← w − η (momentum · m + gradient · g) / (size · √v + ε)`, with m and v the running
/// averages of the gradients g and of their squares.
pub(super) struct Blend {
    momentum: f64,
    gradient: f64,
    size: f64,
}

impl Moments {
    /// Adam's step of this number, counted from 1. Averages that began at zero are too small at first: β₁ᵗ and β₂ᵗ
    /// make up for it.
    pub(super) fn adam(&self, step: i64) -> Blend {
        let [of_gradients, of_squares] = [self.beta_1, self.beta_2].map(|beta| 1.0 - beta.powf(step as f64));
        Blend { momentum: of_squares.sqrt() / of_gradients, gradient: 0.0, size: 1.0 }
    }

    /// Nadam's step of this number, counted from 1: the share of the average in the next step is known already.
    pub(super) fn nadam(&self, step: i64) -> Blend {
        let share = |step: i64| self.beta_1 * (1.0 - 0.5 * 0.96_f64.powf(step as f64));
        // Of a thousand factors with the usual beta_1 the product is as good as zero.
        let product: f64 = (1..=step.min(1_000)).map(share).product();
        Blend {
            momentum: share(step + 1) / (1.0 - product * share(step + 1)),
            gradient: (1.0 - share(step)) / (1.0 - product),
            size: 1.0 / (1.0 - self.beta_2.powf(step as f64)).sqrt(),
        }
    }

    /// One step of these weights against their gradient.
    pub(super) fn update(
        &self,
        weights: &mut Tensor,
        [momentum, squares]: [&mut Tensor; 2],
        gradient: &Tensor,
        blend: &Blend,
        learning_rate: f64,
    ) -> Result<()> {
        let _ = momentum.f_lerp_(gradient, 1.0 - self.beta_1)?;
        let _ = squares.f_mul_scalar_(self.beta_2)?.f_addcmul_(gradient, &(gradient * (1.0 - self.beta_2)))?;
        let divisor = squares.sqrt().f_mul_scalar_(blend.size)?.f_add_scalar_(self.epsilon)?;
        let mut direction = &*momentum * (-learning_rate * blend.momentum);
        if blend.gradient > 0.0 {
            direction += gradient * (-learning_rate * blend.gradient);
        }
        let _ = weights.f_addcdiv_(&direction, &divisor)?;
        Ok(())
    }
}
