//! The optimizers: how gradients change the parameters. RMSprop, Adam, Nadam and SGD, as Keras defines them.

mod moments;
mod momentum;
mod rms_prop;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

pub use moments::Moments;
pub use momentum::Momentum;
pub use rms_prop::RmsProp;

use crate::{Error, Result};

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
#[serde(default, deny_unknown_fields)]
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

impl Default for Optimizer {
    /// The original's: RMSprop with Keras' defaults, η = 0.001.
    fn default() -> Self {
        Self::rms_prop(0.001)
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
    /// [`Error::InvalidSetting`] for a value that cannot work.
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
    Error::invalid_setting(setting, found, expected)
}

/// An optimizer at work: its rule and its running averages.
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
    /// with them; one without a gradient stays as it is.
    ///
    /// # Errors
    /// [`Error::Torch`] when shapes do not fit.
    pub(crate) fn update(&mut self, parameters: &mut [Tensor], gradients: &[Tensor], learning_rate: f64) -> Result<()> {
        let Self { rule, squares, momenta, steps } = self;
        let _guard = tch::no_grad_guard();
        let _ = steps.f_add_scalar_(1)?;
        let step = steps.int64_value(&[0]);
        // The same for all parameters; Nadam's is a product of many factors.
        let blend = match rule {
            Rule::Adam(moments) => Some(moments.adam(step)),
            Rule::Nadam(moments) => Some(moments.nadam(step)),
            Rule::RmsProp(_) | Rule::Sgd(_) => None,
        };
        for (index, (parameter, gradient)) in parameters.iter_mut().zip(gradients).enumerate() {
            // The loss does not depend on such a parameter.
            if !gradient.defined() {
                continue;
            }
            match (&*rule, &blend) {
                (Rule::RmsProp(rule), _) => rule.update(parameter, &mut squares[index], gradient, learning_rate)?,
                (Rule::Sgd(rule), _) => rule.update(parameter, &mut momenta[index], gradient, learning_rate)?,
                (Rule::Adam(moments) | Rule::Nadam(moments), Some(blend)) => {
                    let averages = [&mut momenta[index], &mut squares[index]];
                    moments.update(parameter, averages, gradient, blend, learning_rate)?;
                }
                (Rule::Adam(_) | Rule::Nadam(_), None) => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
