//! What tells digits from what is none: a logit for "no digit" beside the ten of a network.

use std::{fs, path::Path};

use mnist_classification::{
    model::{Layer, Model, Network},
    prelude::*,
    tch::{self, Device, Kind, Tensor, no_grad_guard},
};
use own_digit::{Classifier, SURE};

/// The weight of the sum of squared weights in what is minimised.
const DECAY: f64 = 0.001;

/// Steps of Newton's method.
const STEPS: usize = 8;

/// The share of digits that may be doubted for it.
const COST: f64 = 0.025;

/// Fits the logit by logistic regression and writes it as `none.safetensors` beside the network's weights.
///
/// It is linear in what the network's last layer takes, and stands in one softmax with the logits of the digits. So the
/// log-odds of "no digit" are its own value less the logarithm of the sum of their exponentials. Its bias is then set
/// by every fourth digit, which it has not learnt from: so many of the sure ones become doubtful as [`COST`] says.
pub fn fit(folder: &Path, digits: &Path, others: &Path) -> Result<()> {
    let _guard = no_grad_guard();
    tch::set_num_threads(1);
    let (digits, others) = (Samples::of(folder, digits, true)?, Samples::of(folder, others, false)?);
    let is_fourth = Tensor::arange(digits.hidden.size()[0], (Kind::Int64, Device::Cpu)).remainder(4).eq(3);
    let (learnt, kept) = (digits.only(&is_fourth.logical_not()), digits.only(&is_fourth));
    let weights = logistic(&learnt, &others)?;
    let shift = shift(&kept, &weights)?;
    let count = weights.size()[0] - 1;
    let none = Network::new([count as usize], [Layer::Dense(1)], 0)?;
    let values = [weights.narrow(0, 0, count).reshape([-1, 1]), weights.narrow(0, count, 1) - shift];
    none.parameters().into_iter().zip(&values).for_each(|((_, mut parameter), value)| parameter.copy_(value));
    none.save(folder.join("none.safetensors"))?;
    let [learnt, others, kept] = [learnt, others, kept].map(|samples| samples.hidden.size()[0]);
    println!("learnt from {learnt} digits and {others} others; the bias from {kept} digits");
    Ok(())
}

/// What a network makes of pictures, in 64 bits.
struct Samples {
    /// What its last layer takes, and a 1 for the bias: `[samples, features + 1]`.
    hidden: Tensor,
    /// Its logits, `[samples, 10]`.
    logits: Tensor,
}

impl Samples {
    /// Of the pictures of a folder in which as many digits were found as there are, or one thing that is none.
    fn of(network: &Path, folder: &Path, are_digits: bool) -> Result<Self> {
        let (classifier, network) = (Classifier::load(network)?, Network::load(network)?);
        let labels = folder.join("labels.csv");
        let text = fs::read_to_string(&labels).map_err(|source| Error::Io { file: labels, source })?;
        let (mut hidden, mut logits) = (Vec::new(), Vec::new());
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split(',').collect();
            let Ok(picture) = classifier.open(&folder.join(fields[0])) else { continue };
            if picture.inputs.size()[0] == if are_digits { fields[1].len() as i64 } else { 1 } {
                let mut outputs = network.layer_outputs(&picture.inputs)?;
                logits.extend(outputs.pop());
                hidden.extend(outputs.pop());
            }
        }
        let [hidden, logits] = [hidden, logits].map(|all| Tensor::cat(&all, 0).to_kind(Kind::Double));
        let ones = Tensor::ones([hidden.size()[0], 1], (Kind::Double, Device::Cpu));
        Ok(Self { hidden: Tensor::cat(&[hidden, ones], 1), logits })
    }

    fn only(&self, are_chosen: &Tensor) -> Self {
        let chosen = are_chosen.nonzero().reshape([-1]);
        let [hidden, logits] = [&self.hidden, &self.logits].map(|all| all.index_select(0, &chosen));
        Self { hidden, logits }
    }

    /// The log-odds of "no digit".
    fn log_odds(&self, weights: &Tensor) -> Tensor {
        self.hidden.matmul(weights) - self.logits.logsumexp([1].as_slice(), false)
    }
}

/// The weights, the bias behind them, by Newton's method. Digits and others weigh the same.
fn logistic(digits: &Samples, others: &Samples) -> Result<Tensor> {
    let weights = Tensor::zeros([digits.hidden.size()[1]], (Kind::Double, Device::Cpu));
    // From even odds on: where a logit is far off, the method would overshoot.
    let start = (digits.log_odds(&weights).mean(Kind::Double) + others.log_odds(&weights).mean(Kind::Double)) * -0.5;
    let mut weights = Tensor::cat(&[weights.narrow(0, 1, digits.hidden.size()[1] - 1), start.reshape([1])], 0);
    let ridge = Tensor::full_like(&weights, 2.0 * DECAY);
    for _ in 0..STEPS {
        let (mut gradient, mut hessian) = (&ridge * &weights, ridge.diag(0));
        for (samples, truth) in [(digits, 0.0), (others, 1.0)] {
            let share = 0.5 / samples.hidden.size()[0] as f64;
            let probability = samples.log_odds(&weights).sigmoid();
            gradient += samples.hidden.transpose(0, 1).matmul(&((&probability - truth) * share));
            let curvature = (&probability - probability.square()).unsqueeze(1) * share;
            hessian += samples.hidden.transpose(0, 1).matmul(&(&samples.hidden * curvature));
        }
        weights -= Tensor::f_linalg_solve(&hessian, &gradient, true)?;
    }
    Ok(weights)
}

/// What the bias has to be less so that no more than [`COST`] of the digits become doubtful.
fn shift(digits: &Samples, weights: &Tensor) -> Result<f64> {
    let best = digits.logits.softmax(1, Kind::Double).amax(1, false);
    let (best, log_odds) = (Vec::<f64>::try_from(&best)?, Vec::<f64>::try_from(digits.log_odds(weights))?);
    let sure = best.iter().zip(log_odds).filter(|(best, _)| **best > SURE);
    // What is left of the best probability is SURE where that of "no digit" is 1 - SURE / best.
    let mut needed: Vec<_> = sure.map(|(best, log_odds)| log_odds - (best / SURE - 1.0).ln()).collect();
    needed.sort_by(|one, other| other.total_cmp(one));
    Ok(needed.get((COST * best.len() as f64) as usize).copied().unwrap_or(0.0))
}
