//! The optimizers: how gradients change the weights. RMSprop, Adam, Nadam and SGD, as Keras defines them.

mod moments;
mod one_pass;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::{
    Error, Result,
    lanes::{floats, floats_mut, is_plain},
};

/// A rule that turns gradients into steps, and the size of these steps.
///
/// ```
/// use mnist_classification::optimizer::{Optimizer, RmsProp, Rule};
/// // As Keras' RMSprop(learning_rate=0.001); and with another ρ.
/// let usual = Optimizer::rms_prop(0.001);
/// let longer = Optimizer { rule: Rule::RmsProp(RmsProp { rho: 0.99, ..RmsProp::default() }), ..usual };
/// assert_eq!(longer.learning_rate, 0.001);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    /// How a gradient becomes a step.
    pub rule: Rule,
    /// η, the size of a step; a schedule multiplies it.
    pub learning_rate: f64,
}

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Each step is divided by the recent size of its gradients.
    RmsProp(RmsProp),
    /// As RMSprop, along a running average of the gradients.
    Adam(Moments),
    /// As Adam, with a look ahead to where the running average is going.
    Nadam(Moments),
    /// Along a running sum of the gradients, with the same look ahead and no division.
    Sgd(Momentum),
}

/// RMSprop (G. Hinton, lecture 6e, 2012) as Keras defines it, without momentum:
/// `v ← ρ v + (1 − ρ) g²`, then `w ← w − η g / √(v + ε)`.
///
/// ε stands inside the root. PyTorch adds it outside, and its ρ is 0.99: a different optimizer late in training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RmsProp {
    /// ρ, how much of the running average stays at each step, from 0 to 1.
    pub rho: f64,
    /// ε, which keeps the divisor above zero.
    pub epsilon: f64,
}

/// The settings of Adam (D. Kingma, J. Ba, 2014) and Nadam (T. Dozat, 2016) as Keras defines them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// β₁, how much of the gradients' running average stays at each step, from 0 to 1.
    pub beta_1: f64,
    /// β₂, how much of the squared gradients' running average stays at each step, from 0 to 1.
    pub beta_2: f64,
    /// ε, which keeps the divisor above zero; it stands outside the root.
    pub epsilon: f64,
}

/// Stochastic gradient descent with Nesterov's momentum (I. Sutskever and others, 2013) and weight decay, as Keras defines
/// `SGD(nesterov=True)`: `w ← w − η λ w`, `v ← μ v − η g`, then `w ← w + μ v − η g`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Momentum {
    /// μ, how much of the running sum stays at each step, from 0 to below 1.
    pub momentum: f64,
    /// λ, the share of each weight that a step of size 1 would take away, from 0 to below 1.
    pub weight_decay: f64,
}

impl Default for Optimizer {
    /// The original's: RMSprop with Keras' defaults, η = 0.001.
    fn default() -> Self {
        Self::rms_prop(0.001)
    }
}

impl Default for RmsProp {
    /// Keras' defaults: ρ = 0.9, ε = 1e-7.
    fn default() -> Self {
        Self { rho: 0.9, epsilon: 1e-7 }
    }
}

impl Default for Moments {
    /// Keras' defaults: β₁ = 0.9, β₂ = 0.999, ε = 1e-7.
    fn default() -> Self {
        Self { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }
    }
}

impl Default for Momentum {
    /// μ = 0.9, and no decay.
    fn default() -> Self {
        Self { momentum: 0.9, weight_decay: 0.0 }
    }
}

impl Optimizer {
    /// RMSprop with Keras' defaults.
    pub fn rms_prop(learning_rate: f64) -> Self {
        Self { rule: Rule::RmsProp(RmsProp::default()), learning_rate }
    }

    /// Adam with Keras' defaults.
    pub fn adam(learning_rate: f64) -> Self {
        Self { rule: Rule::Adam(Moments::default()), learning_rate }
    }

    /// Nadam with Keras' defaults.
    pub fn nadam(learning_rate: f64) -> Self {
        Self { rule: Rule::Nadam(Moments::default()), learning_rate }
    }

    /// SGD with Nesterov's momentum of 0.9 and this weight decay.
    pub fn sgd(learning_rate: f64, weight_decay: f64) -> Self {
        Self { rule: Rule::Sgd(Momentum { weight_decay, ..Momentum::default() }), learning_rate }
    }

    /// Checks the settings and starts with averages of zero for these parameters.
    ///
    /// # Errors
    /// [`Error::Setting`] for a value that cannot work.
    pub(crate) fn start(&self, parameters: &[Tensor]) -> Result<OptimizerState> {
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(setting("learning_rate", self.learning_rate, "a number above 0, such as 0.001"));
        }
        let (shares, epsilon) = match self.rule {
            Rule::RmsProp(RmsProp { rho, epsilon }) => (vec![("rho", rho, "0.9")], Some(epsilon)),
            Rule::Adam(Moments { beta_1, beta_2, epsilon }) | Rule::Nadam(Moments { beta_1, beta_2, epsilon }) => {
                (vec![("beta_1", beta_1, "0.9"), ("beta_2", beta_2, "0.999")], Some(epsilon))
            }
            Rule::Sgd(Momentum { momentum, weight_decay }) => {
                (vec![("momentum", momentum, "0.9"), ("weight_decay", weight_decay, "0.005")], None)
            }
        };
        for (name, share, usual) in shares {
            if !(0.0..1.0).contains(&share) {
                return Err(setting(name, share, &format!("from 0 to below 1, such as {usual}")));
            }
        }
        if let Some(epsilon) = epsilon.filter(|epsilon| !(*epsilon > 0.0 && epsilon.is_finite())) {
            return Err(setting("epsilon", epsilon, "a small number above 0, such as 1e-7"));
        }
        let zeros = || parameters.iter().map(|parameter| parameter.detach().zeros_like()).collect();
        let (squares, momenta) = match self.rule {
            Rule::RmsProp(_) => (zeros(), Vec::new()),
            Rule::Adam(_) | Rule::Nadam(_) => (zeros(), zeros()),
            Rule::Sgd(_) => (Vec::new(), zeros()),
        };
        let steps = Tensor::zeros([1], (Kind::Int64, tch::Device::Cpu));
        Ok(OptimizerState { rule: self.rule, squares, momenta, steps })
    }
}

fn setting(setting: &'static str, found: f64, expected: &str) -> Error {
    Error::Setting { setting, found: found.to_string(), expected: expected.into() }
}

/// An optimizer at work: its rule and what it remembers.
#[derive(Debug)]
pub(crate) struct OptimizerState {
    pub(crate) rule: Rule,
    /// The running average of each parameter's squared gradients, where the rule has one.
    pub(crate) squares: Vec<Tensor>,
    /// The running average or sum of each parameter's gradients, where the rule has one.
    pub(crate) momenta: Vec<Tensor>,
    /// How many steps there were, `[1]`.
    pub(crate) steps: Tensor,
}

impl OptimizerState {
    /// Changes the parameters by one step against their gradients, which come in the same order and share no memory
    /// with them.
    ///
    /// # Errors
    /// [`Error::Torch`] when shapes do not fit.
    pub(crate) fn update(&mut self, parameters: &mut [Tensor], gradients: &[Tensor], learning_rate: f64) -> Result<()> {
        let Self { rule, squares, momenta, steps } = self;
        let nesterov = matches!(rule, Rule::Nadam(_));
        let _ = steps.f_add_scalar_(1)?;
        tch::no_grad(|| {
            let all = parameters.iter_mut().zip(gradients);
            match rule {
                Rule::RmsProp(rule) => all.zip(squares).try_for_each(|((weights, gradient), squares)| {
                    rule.update(weights, squares, gradient, learning_rate)
                }),
                Rule::Sgd(rule) => all.zip(momenta).try_for_each(|((weights, gradient), momentum)| {
                    rule.update(weights, momentum, gradient, learning_rate)
                }),
                Rule::Adam(moments) | Rule::Nadam(moments) => {
                    let step = steps.int64_value(&[0]);
                    let blend = if nesterov { moments.nadam(step) } else { moments.adam(step) };
                    all.zip(squares).zip(momenta).try_for_each(|(((weights, gradient), squares), momentum)| {
                        moments.update(weights, [momentum, squares], gradient, &blend, learning_rate)
                    })
                }
            }
        })
    }
}

impl RmsProp {
    /// One step of these weights against their gradient.
    fn update(&self, weights: &mut Tensor, squares: &mut Tensor, gradient: &Tensor, learning_rate: f64) -> Result<()> {
        let same_size = weights.size() == gradient.size();
        if same_size && [&*weights, gradient, &*squares].into_iter().all(is_plain) {
            self.pass(floats_mut(weights)?, floats_mut(squares)?, floats(gradient)?, learning_rate);
            return Ok(());
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

impl Momentum {
    /// One step of these weights against their gradient; `running` is the running sum.
    fn update(&self, weights: &mut Tensor, running: &mut Tensor, gradient: &Tensor, learning_rate: f64) -> Result<()> {
        let step = gradient * -learning_rate;
        let _ = running.f_mul_scalar_(self.momentum)?.f_add_(&step)?;
        let _ = weights.f_mul_scalar_(1.0 - learning_rate * self.weight_decay)?;
        let _ = weights.f_add_(&(&*running * self.momentum + step))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two weights after three steps, in 64-bit floats; the second never has a gradient.
    fn stepped(rule: Rule) -> Vec<f64> {
        let mut weights = [Tensor::from_slice(&[1.0_f64, -2.0])];
        let mut state = Optimizer { rule, learning_rate: 0.1 }.start(&weights).unwrap();
        for gradient in GRADIENTS {
            state.update(&mut weights, &[Tensor::from_slice(&[gradient, 0.0])], 0.1).unwrap();
        }
        Vec::try_from(&weights[0]).unwrap()
    }

    const GRADIENTS: [f64; 3] = [0.5, -0.25, 0.125];

    #[test]
    fn rms_prop_follows_the_formula() {
        let (mut weight, mut average) = (1.0, 0.0);
        for gradient in GRADIENTS {
            average = 0.9 * average + 0.1 * gradient * gradient;
            weight -= 0.1 * gradient / f64::sqrt(average + 1e-7);
        }
        let found = stepped(Rule::RmsProp(RmsProp::default()));
        assert!((found[0] - weight).abs() < 1e-12, "{} and {weight}", found[0]);
        assert_eq!(found[1], -2.0);
    }

    /// Line by line what keras/src/optimizers/adam.py and nadam.py compute, of one weight.
    fn keras(nesterov: bool) -> f64 {
        let (mut weight, mut m, mut v, mut product) = (1.0, 0.0, 0.0, 1.0);
        for (gradient, step) in GRADIENTS.into_iter().zip(1..) {
            m += (gradient - m) * (1.0 - 0.9);
            v += (gradient * gradient - v) * (1.0 - 0.999);
            if nesterov {
                let share = |step: i32| 0.9 * (1.0 - 0.5 * f64::powi(0.96, step));
                product *= share(step);
                let next = product * share(step + 1);
                let m_hat = share(step + 1) * m / (1.0 - next) + (1.0 - share(step)) * gradient / (1.0 - product);
                let v_hat: f64 = v / (1.0 - f64::powi(0.999, step));
                weight -= m_hat * 0.1 / (v_hat.sqrt() + 1e-7);
            } else {
                let alpha = 0.1 * (1.0 - f64::powi(0.999, step)).sqrt() / (1.0 - f64::powi(0.9, step));
                weight -= m * alpha / (v.sqrt() + 1e-7);
            }
        }
        weight
    }

    #[test]
    fn adam_and_nadam_are_keras_own() {
        for (rule, nesterov) in [(Rule::Adam(Moments::default()), false), (Rule::Nadam(Moments::default()), true)] {
            let (found, expected) = (stepped(rule), keras(nesterov));
            assert!((found[0] - expected).abs() < 1e-12, "{rule:?}: {} and {expected}", found[0]);
            assert_eq!(found[1], -2.0);
        }
    }

    /// Line by line what keras/src/optimizers/sgd.py computes with `nesterov=True`, and optimizer.py for the decay.
    #[test]
    fn sgd_is_keras_own() {
        let (mut weight, mut velocity, mut other) = (1.0, 0.0, -2.0);
        for gradient in GRADIENTS {
            weight -= weight * 0.01 * 0.1;
            other -= other * 0.01 * 0.1;
            velocity = 0.9 * velocity - gradient * 0.1;
            weight += 0.9 * velocity - gradient * 0.1;
        }
        let found = stepped(Optimizer::sgd(0.1, 0.01).rule);
        assert!((found[0] - weight).abs() < 1e-12, "{} and {weight}", found[0]);
        assert!((found[1] - other).abs() < 1e-12, "{} and {other}", found[1]);
    }

    #[test]
    fn settings_that_cannot_work_are_errors() {
        let error = |optimizer: Optimizer| optimizer.start(&[]).unwrap_err().to_string();
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(error(Optimizer::adam(rate)).starts_with("learning_rate is "));
        }
        let rule = |rule| error(Optimizer { rule, learning_rate: 0.1 });
        let (rms_prop, moments) = (RmsProp::default(), Moments::default());
        assert_eq!(
            rule(Rule::RmsProp(RmsProp { rho: 1.0, ..rms_prop })),
            "rho is 1; expected from 0 to below 1, such as 0.9"
        );
        assert!(rule(Rule::RmsProp(RmsProp { epsilon: 0.0, ..rms_prop })).starts_with("epsilon is 0; "));
        assert!(rule(Rule::Nadam(Moments { beta_2: 1.5, ..moments })).starts_with("beta_2 is 1.5; "));
        assert_eq!(
            rule(Optimizer::sgd(0.1, -0.1).rule),
            "weight_decay is -0.1; expected from 0 to below 1, such as 0.005"
        );
        assert!(rule(Rule::Sgd(Momentum { momentum: 1.0, ..Momentum::default() })).starts_with("momentum is 1; "));
    }
}
