//! SGD with momentum: steps along a running sum of the gradients.

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::Result;

/// Stochastic gradient descent with Nesterov's momentum (I. Sutskever and others, 2013) and weight decay, as Keras defines
/// `SGD(nesterov=True)`: `w ← w − η λ w`, `v ← μ v − η g`, then `w ← w + μ v − η g`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Momentum {
    /// μ, how much of the running sum stays at each step, from 0 to below 1.
    pub momentum: f64,
    /// λ, the share of each weight that a step of size 1 would take away, from 0 to below 1.
    pub weight_decay: f64,
}

impl Default for Momentum {
    /// μ = 0.9, and no decay.
    fn default() -> Self {
        Self { momentum: 0.9, weight_decay: 0.0 }
    }
}

impl Momentum {
    /// One step of these weights against their gradient; `running` is the running sum.
    pub(super) fn update(
        &self,
        weights: &mut Tensor,
        running: &mut Tensor,
        gradient: &Tensor,
        learning_rate: f64,
    ) -> Result<()> {
        let step = gradient * -learning_rate;
        let _ = running.f_mul_scalar_(self.momentum)?.f_add_(&step)?;
        let _ = weights.f_mul_scalar_(1.0 - learning_rate * self.weight_decay)?;
        let _ = weights.f_add_(&(&*running * self.momentum + step))?;
        Ok(())
    }
}
