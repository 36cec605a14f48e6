//! Each rule beside the formula, or the lines of Keras, that it follows.

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
    assert_eq!(rule(Optimizer::sgd(0.1, -0.1).rule), "weight_decay is -0.1; expected from 0 to below 1, such as 0.005");
    assert!(rule(Rule::Sgd(Momentum { momentum: 1.0, ..Momentum::default() })).starts_with("momentum is 1; "));
}
