//! The optimizers' update rules at work: one step against the gradients.

use tch::Tensor;

use super::{Optimizer, Rule};
use crate::Result;

/// An optimizer with its running averages.
#[derive(Debug)]
pub(crate) struct OptimizerState {
    pub(super) settings: Optimizer,
    /// The running average of each parameter's squared gradients, where the rule has one.
    pub(crate) squares: Vec<Tensor>,
    /// The running average or sum of each parameter's gradients, where the rule has one.
    pub(crate) momenta: Vec<Tensor>,
    /// The number of steps so far, `[1]`.
    pub(crate) steps: Tensor,
}

impl OptimizerState {
    /// Updates the parameters by one step against their gradients, which come in the same order and share no memory
    /// with them; a parameter without a gradient stays as it is.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when shapes do not fit.
    pub(crate) fn update(&mut self, parameters: &mut [Tensor], gradients: &[Tensor], learning_rate: f64) -> Result<()> {
        let Self { settings, squares, momenta, steps } = self;
        let _guard = tch::no_grad_guard();
        let _ = steps.f_add_scalar_(1)?;
        let step = steps.int64_value(&[0]);
        let blend = Blend::of(settings.rule, step);
        let clipped = clipped(gradients, settings.clip_norm)?;
        for (index, (parameter, gradient)) in parameters.iter_mut().zip(&clipped).enumerate() {
            // The loss does not depend on such a parameter.
            if !gradient.defined() {
                continue;
            }
            if settings.weight_decay > 0.0 {
                let _ = parameter.f_mul_scalar_(1.0 - learning_rate * settings.weight_decay)?;
            }
            match settings.rule {
                Rule::RmsProp { rho, epsilon } => {
                    let rule = native::RmsProp { rho, epsilon };
                    rms_prop(rule, parameter, &mut squares[index], gradient, learning_rate)?;
                }
                Rule::Adam { beta_1, beta_2, epsilon } | Rule::Nadam { beta_1, beta_2, epsilon } => {
                    let (momentum, squares) = (&mut momenta[index], &mut squares[index]);
                    let _ = momentum.f_lerp_(gradient, 1.0 - beta_1)?;
                    let _ = squares.f_mul_scalar_(beta_2)?.f_addcmul_(gradient, &(gradient * (1.0 - beta_2)))?;
                    let divisor = squares.sqrt().f_mul_scalar_(blend.size)?.f_add_scalar_(epsilon)?;
                    let mut direction = &*momentum * (-learning_rate * blend.momentum);
                    if blend.gradient > 0.0 {
                        direction += gradient * (-learning_rate * blend.gradient);
                    }
                    let _ = parameter.f_addcdiv_(&direction, &divisor)?;
                }
                Rule::Sgd { momentum } => {
                    let step = gradient * -learning_rate;
                    let running = momenta[index].f_mul_scalar_(momentum)?.f_add_(&step)?;
                    let _ = parameter.f_add_(&(running * momentum + step))?;
                }
            }
        }
        Ok(())
    }
}

/// Scales the gradients down where their norm, taken over all of them, is larger than this.
fn clipped(gradients: &[Tensor], largest: Option<f64>) -> Result<Vec<Tensor>> {
    let defined = || gradients.iter().filter(|gradient| gradient.defined());
    let (Some(largest), Some(_)) = (largest, defined().next()) else {
        return Ok(gradients.iter().map(Tensor::shallow_clone).collect());
    };
    let norms: Vec<_> = defined().map(|gradient| gradient.f_norm()).collect::<Result<_, _>>()?;
    let divisor = (Tensor::f_stack(&norms, 0)?.f_norm()? / largest).f_clamp_min(1.0)?;
    let scaled = |gradient: &Tensor| if gradient.defined() { gradient / &divisor } else { gradient.shallow_clone() };
    Ok(gradients.iter().map(scaled).collect())
}

/// RMSprop's update of one parameter tensor.
pub(super) fn rms_prop(
    rule: native::RmsProp,
    parameter: &mut Tensor,
    squares: &mut Tensor,
    gradient: &Tensor,
    learning_rate: f64,
) -> Result<()> {
    let same_size = parameter.size() == gradient.size();
    if same_size && [&*parameter, gradient, &*squares].into_iter().all(native::is_plain) {
        return Ok(native::rms_prop(rule, parameter, squares, gradient, learning_rate)?);
    }
    // The same on any device and in any precision.
    let native::RmsProp { rho, epsilon } = rule;
    let _ = squares.f_mul_scalar_(rho)?.f_addcmul_(gradient, &(gradient * (1.0 - rho)))?;
    let divisor = (&*squares + epsilon).sqrt_();
    let _ = parameter.f_addcdiv_(&(gradient * -learning_rate), &divisor)?;
    Ok(())
}

/// The parts of Adam's and Nadam's update, `w ← w − η (momentum · m + gradient · g) / (size · √v + ε)`, with m and v
/// the running averages of the gradients g and of their squares.
#[derive(Default)]
struct Blend {
    momentum: f64,
    gradient: f64,
    size: f64,
}

impl Blend {
    /// Computes the parts for this step, counted from 1. Averages that began at zero are too small at first: β₁ᵗ and
    /// β₂ᵗ make up for it.
    fn of(rule: Rule, step: i64) -> Self {
        match rule {
            Rule::Adam { beta_1, beta_2, .. } => {
                let [of_gradients, of_squares] = [beta_1, beta_2].map(|beta| 1.0 - beta.powf(step as f64));
                Self { momentum: of_squares.sqrt() / of_gradients, gradient: 0.0, size: 1.0 }
            }
            Rule::Nadam { beta_1, beta_2, .. } => {
                let share = |step: i64| beta_1 * (1.0 - 0.5 * 0.96_f64.powf(step as f64));
                // With the usual beta_1, the product of a thousand factors is as good as zero.
                let product: f64 = (1..=step.min(1_000)).map(share).product();
                Self {
                    momentum: share(step + 1) / (1.0 - product * share(step + 1)),
                    gradient: (1.0 - share(step)) / (1.0 - product),
                    size: 1.0 / (1.0 - beta_2.powf(step as f64)).sqrt(),
                }
            }
            _ => Self::default(),
        }
    }
}
