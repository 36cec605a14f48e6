//! The optimizers: how gradients change the parameters. RMSprop, Adam, Nadam and SGD, as Keras defines them.

mod update;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::{Kind, Tensor};

pub(crate) use update::OptimizerState;

use crate::{Error, Result};

/// A rule that turns gradients into updates, with its settings.
///
/// ```
/// use mnist_classification::prelude::*;
/// let usual = Optimizer::rms_prop(0.001); // Keras' RMSprop(learning_rate=0.001)
/// let longer = Optimizer::rms_prop(0.001).rho(0.99);
/// let heavy = Optimizer::sgd(0.1).momentum(0.9).weight_decay(0.005).clip_norm(1.0);
/// assert_eq!(heavy.learning_rate, 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub struct Optimizer {
    /// The rule, with the settings that are its own.
    pub rule: Rule,
    /// η, the size of an update; a schedule multiplies it.
    pub learning_rate: f64,
    /// λ: each update first shrinks every parameter that has a gradient by η λ of itself, apart from the gradient (I.
    /// Loshchilov, F. Hutter, 2017, as in AdamW).
    pub weight_decay: f64,
    /// The largest norm of all gradients together, Keras' `global_clipnorm`; larger ones are scaled down to it (R.
    /// Pascanu and others, 2013).
    pub clip_norm: Option<f64>,
    /// A setting that was given to a rule without it.
    #[doc(hidden)]
    #[serde(skip)]
    pub misplaced: Option<&'static str>,
}

/// How a gradient g becomes an update of the parameters w. All running averages begin at 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Rule {
    /// RMSprop (G. Hinton, lecture 6e, 2012): `v ← ρ v + (1 − ρ) g²`, then `w ← w − η g / √(v + ε)`.
    ///
    /// ε stands inside the root. PyTorch adds it outside, and its ρ is 0.99: a different optimizer late in training.
    RmsProp {
        /// ρ, the fraction of the running average that each step keeps.
        rho: f64,
        /// ε, which keeps the divisor above zero.
        epsilon: f64,
    },
    /// Adam (D. Kingma, J. Ba, 2014): `m ← β₁ m + (1 − β₁) g`, `v ← β₂ v + (1 − β₂) g²`, then
    /// `w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε)` in step t, as Keras defines it.
    Adam {
        /// β₁, the fraction of the gradients' running average that each step keeps.
        beta_1: f64,
        /// β₂, the same of the squared gradients' running average.
        beta_2: f64,
        /// ε, which keeps the divisor above zero; it stands outside the root.
        epsilon: f64,
    },
    /// Nadam (T. Dozat, 2016): Adam with a look ahead to the next m, whose β₁ grows over the steps as in Keras.
    Nadam {
        /// As Adam's.
        beta_1: f64,
        /// As Adam's.
        beta_2: f64,
        /// As Adam's.
        epsilon: f64,
    },
    /// Stochastic gradient descent with Nesterov's momentum (I. Sutskever and others, 2013), Keras'
    /// `SGD(nesterov=True)`: `v ← μ v − η g`, then `w ← w + μ v − η g`.
    Sgd {
        /// μ, the fraction of the running sum that each step keeps.
        momentum: f64,
    },
}

impl Default for Optimizer {
    /// The original's: RMSprop with Keras' defaults, η = 0.001.
    fn default() -> Self {
        Self::rms_prop(0.001)
    }
}

impl Optimizer {
    fn new(rule: Rule, learning_rate: f64) -> Self {
        Self { rule, learning_rate, weight_decay: 0.0, clip_norm: None, misplaced: None }
    }

    /// Makes RMSprop with Keras' defaults: ρ = 0.9, ε = 1e-7.
    pub fn rms_prop(learning_rate: f64) -> Self {
        Self::new(Rule::RmsProp { rho: 0.9, epsilon: 1e-7 }, learning_rate)
    }

    /// Makes Adam with Keras' defaults: β₁ = 0.9, β₂ = 0.999, ε = 1e-7.
    pub fn adam(learning_rate: f64) -> Self {
        Self::new(Rule::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }, learning_rate)
    }

    /// Makes Nadam with Keras' defaults, which are Adam's.
    pub fn nadam(learning_rate: f64) -> Self {
        Self::new(Rule::Nadam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 }, learning_rate)
    }

    /// Makes stochastic gradient descent, without momentum unless [`Optimizer::momentum`] sets it.
    pub fn sgd(learning_rate: f64) -> Self {
        Self::new(Rule::Sgd { momentum: 0.0 }, learning_rate)
    }

    /// Sets RMSprop's ρ, from 0 to below 1.
    pub fn rho(self, rho: f64) -> Self {
        self.set("rho", rho)
    }

    /// Sets Adam's or Nadam's β₁, from 0 to below 1.
    pub fn beta_1(self, beta_1: f64) -> Self {
        self.set("beta_1", beta_1)
    }

    /// Sets Adam's or Nadam's β₂, from 0 to below 1.
    pub fn beta_2(self, beta_2: f64) -> Self {
        self.set("beta_2", beta_2)
    }

    /// Sets the ε of RMSprop, Adam or Nadam, above 0.
    pub fn epsilon(self, epsilon: f64) -> Self {
        self.set("epsilon", epsilon)
    }

    /// Sets SGD's μ, from 0 to below 1.
    pub fn momentum(self, momentum: f64) -> Self {
        self.set("momentum", momentum)
    }

    /// Sets λ, the [weight decay](Self::weight_decay) of any rule, from 0 to below 1.
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
    }

    /// Sets the [largest norm](Self::clip_norm) of all gradients together, above 0.
    pub fn clip_norm(self, largest: f64) -> Self {
        Self { clip_norm: Some(largest), ..self }
    }

    /// Sets a setting of the rule. Where the rule has none of this name, [`Optimizer::start`] reports it.
    fn set(mut self, name: &'static str, value: f64) -> Self {
        match self.rule.settings().into_iter().find(|(known, _)| *known == name) {
            Some((_, setting)) => *setting = value,
            None => self.misplaced = Some(name),
        }
        self
    }

    /// # Errors
    /// [`Error::InvalidSetting`] for a value that cannot work, or a setting that the rule does not have.
    fn check(mut self) -> Result<()> {
        let rule = self.rule.settings().into_iter().map(|(name, value)| (name, *value)).collect::<Vec<_>>();
        if let Some(name) = self.misplaced {
            let names: Vec<_> = rule.into_iter().map(|(name, _)| name).collect();
            return Err(Error::invalid_setting(
                name,
                "a setting of another optimizer",
                format!("one of {}", names.join(", ")),
            ));
        }
        let general = [("learning_rate", self.learning_rate), ("weight_decay", self.weight_decay)];
        let clip_norm = self.clip_norm.map(|largest| ("clip_norm", largest));
        for (name, value) in rule.into_iter().chain(general).chain(clip_norm) {
            let (is_right, expected) = match name {
                "learning_rate" => (value > 0.0 && value.is_finite(), "a number above 0, such as 0.001"),
                "epsilon" | "clip_norm" => (value > 0.0 && value.is_finite(), "a number above 0"),
                _ => ((0.0..1.0).contains(&value), "from 0 to below 1"),
            };
            if !is_right {
                return Err(Error::invalid_setting(name, value, expected));
            }
        }
        Ok(())
    }

    /// Checks the settings and starts with running averages of zero for these parameters.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a value that cannot work.
    pub(crate) fn start(&self, parameters: &[Tensor]) -> Result<OptimizerState> {
        self.check()?;
        let zeros = || parameters.iter().map(|parameter| parameter.detach().zeros_like()).collect();
        let (squares, momenta) = match self.rule {
            Rule::RmsProp { .. } => (zeros(), Vec::new()),
            Rule::Adam { .. } | Rule::Nadam { .. } => (zeros(), zeros()),
            Rule::Sgd { .. } => (Vec::new(), zeros()),
        };
        let steps = Tensor::zeros([1], (Kind::Int64, tch::Device::Cpu));
        Ok(OptimizerState { settings: *self, squares, momenta, steps })
    }

    /// RMSprop's settings, where it is RMSprop and nothing else.
    pub(crate) fn plain_rms_prop(&self) -> Option<native::RmsProp> {
        match self.rule {
            Rule::RmsProp { rho, epsilon } if self.weight_decay == 0.0 && self.clip_norm.is_none() => {
                Some(native::RmsProp { rho, epsilon })
            }
            _ => None,
        }
    }
}

impl TryFrom<Value> for Optimizer {
    type Error = String;

    /// Reads an optimizer; settings that are left out keep their defaults. In earlier versions weight decay was a
    /// setting of SGD.
    fn try_from(value: Value) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Stored {
            rule: Option<BTreeMap<String, BTreeMap<String, f64>>>,
            learning_rate: Option<f64>,
            weight_decay: Option<f64>,
            clip_norm: Option<f64>,
        }
        let stored = Stored::deserialize(value).map_err(|error| error.to_string())?;
        let rule = stored.rule.into_iter().flatten().next();
        let (name, settings) = rule.unwrap_or_else(|| ("RmsProp".into(), BTreeMap::new()));
        let make = match name.as_str() {
            "RmsProp" => Self::rms_prop,
            "Adam" => Self::adam,
            "Nadam" => Self::nadam,
            "Sgd" => Self::sgd,
            _ => return Err(format!("unknown rule `{name}`, expected RmsProp, Adam, Nadam or Sgd")),
        };
        let mut optimizer = make(stored.learning_rate.unwrap_or(0.001));
        (optimizer.weight_decay, optimizer.clip_norm) = (stored.weight_decay.unwrap_or_default(), stored.clip_norm);
        for (setting, value) in settings {
            match optimizer.rule.settings().into_iter().find(|(known, _)| *known == setting) {
                Some((_, place)) => *place = value,
                None if setting == "weight_decay" => optimizer.weight_decay = value,
                None => return Err(format!("unknown setting `{setting}` of {name}")),
            }
        }
        Ok(optimizer)
    }
}

impl Rule {
    /// Lists the rule's settings with their names.
    fn settings(&mut self) -> Vec<(&'static str, &mut f64)> {
        match self {
            Self::RmsProp { rho, epsilon } => vec![("rho", rho), ("epsilon", epsilon)],
            Self::Adam { beta_1, beta_2, epsilon } | Self::Nadam { beta_1, beta_2, epsilon } => {
                vec![("beta_1", beta_1), ("beta_2", beta_2), ("epsilon", epsilon)]
            }
            Self::Sgd { momentum } => vec![("momentum", momentum)],
        }
    }
}

#[cfg(test)]
mod tests;
