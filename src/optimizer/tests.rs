//! Each rule beside the formula, or the lines of Keras, that it follows.

use super::*;

/// Two weights after three steps, in 64-bit floats; the second never has a gradient.
fn stepped(optimizer: Optimizer) -> Vec<f64> {
    let mut weights = [Tensor::from_slice(&[1.0_f64, -2.0])];
    let mut state = optimizer.start(&weights).unwrap();
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
    let found = stepped(Optimizer::rms_prop(0.1));
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
    for (optimizer, nesterov) in [(Optimizer::adam(0.1), false), (Optimizer::nadam(0.1), true)] {
        let (found, expected) = (stepped(optimizer), keras(nesterov));
        assert!((found[0] - expected).abs() < 1e-12, "{optimizer:?}: {} and {expected}", found[0]);
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
    let found = stepped(Optimizer::sgd(0.1).momentum(0.9).weight_decay(0.01));
    assert!((found[0] - weight).abs() < 1e-12, "{} and {weight}", found[0]);
    assert!((found[1] - other).abs() < 1e-12, "{} and {other}", found[1]);
}

/// AdamW's kind of decay: the same for every rule, and no part of the running averages.
#[test]
fn weight_decay_shrinks_the_parameters_of_every_rule() {
    for optimizer in [Optimizer::rms_prop(0.1), Optimizer::adam(0.1), Optimizer::nadam(0.1), Optimizer::sgd(0.1)] {
        let found = stepped(optimizer.weight_decay(0.2));
        // The second weight has no gradient: after three steps only the decay is seen.
        assert!((found[1] + 2.0 * 0.98_f64.powi(3)).abs() < 1e-12, "{optimizer:?}: {}", found[1]);
        assert_ne!(found[0], stepped(optimizer)[0]);
    }
}

#[test]
fn gradients_are_clipped_by_the_norm_of_all() {
    let update = |optimizer: Optimizer| {
        let mut weights = [Tensor::from_slice(&[1.0_f64]), Tensor::from_slice(&[1.0_f64]), Tensor::from_slice(&[7.0])];
        let gradients = [Tensor::from_slice(&[3.0_f64]), Tensor::from_slice(&[-4.0_f64]), Tensor::new()];
        optimizer.start(&weights).unwrap().update(&mut weights, &gradients, 0.1).unwrap();
        weights.map(|weight| weight.double_value(&[0]))
    };
    // The norm is 5: clipped to 1, the gradients are 0.6 and −0.8.
    for (found, expected) in update(Optimizer::sgd(0.1).clip_norm(1.0)).into_iter().zip([0.94, 1.08, 7.0]) {
        assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
    }
    assert_eq!(update(Optimizer::sgd(0.1).clip_norm(5.5)), update(Optimizer::sgd(0.1)));
}

#[test]
fn settings_that_cannot_work_are_errors() {
    let error = |optimizer: Optimizer| optimizer.start(&[]).unwrap_err().to_string();
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(error(Optimizer::adam(rate)).starts_with("learning_rate is "));
    }
    assert_eq!(error(Optimizer::rms_prop(0.1).rho(1.0)), "rho is 1; expected from 0 to below 1");
    assert!(error(Optimizer::rms_prop(0.1).epsilon(0.0)).starts_with("epsilon is 0; "));
    assert!(error(Optimizer::nadam(0.1).beta_2(1.5)).starts_with("beta_2 is 1.5; "));
    assert!(error(Optimizer::sgd(0.1).momentum(1.0)).starts_with("momentum is 1; "));
    assert_eq!(error(Optimizer::adam(0.1).weight_decay(-0.1)), "weight_decay is -0.1; expected from 0 to below 1");
    assert_eq!(error(Optimizer::sgd(0.1).clip_norm(0.0)), "clip_norm is 0; expected a number above 0");
    let misplaced = error(Optimizer::adam(0.1).rho(0.9));
    assert_eq!(misplaced, "rho is a setting of another optimizer; expected one of beta_1, beta_2, epsilon");
}

#[test]
fn one_pass_is_what_libtorch_composes() {
    let random = || Tensor::randn([1_003], (Kind::Float, tch::Device::Cpu));
    let (rule, gradient) = (native::RmsProp { rho: 0.9, epsilon: 1e-7 }, random());
    let mut tensors = [random(), random().abs()];
    let mut composed = tensors.each_ref().map(|tensor| tensor.to_kind(Kind::Double));
    let [parameters, averages] = &mut tensors;
    update::rms_prop(rule, parameters, averages, &gradient, 0.001).unwrap();
    let [parameters, averages] = &mut composed;
    // Of 64-bit floats there is no fast version.
    update::rms_prop(rule, parameters, averages, &gradient.to_kind(Kind::Double), 0.001).unwrap();
    for (found, expected) in tensors.iter().zip(&composed) {
        let error = (found - expected).abs().max().double_value(&[]);
        assert!(error < 1e-6, "{error}");
    }
}

#[test]
fn optimizers_are_read_with_defaults_and_as_earlier_versions_wrote_them() {
    let read = |json: &str| serde_json::from_str::<Optimizer>(json);
    assert_eq!(read("{}").unwrap(), Optimizer::default());
    assert_eq!(read(r#"{"learning_rate": 0.1, "rule": {"Adam": {}}}"#).unwrap(), Optimizer::adam(0.1));
    let nadam = read(r#"{"rule": {"Nadam": {"beta_1": 0.8}}, "weight_decay": 0.1, "clip_norm": 2.0}"#).unwrap();
    assert_eq!(nadam, Optimizer::nadam(0.001).beta_1(0.8).weight_decay(0.1).clip_norm(2.0));
    let old = read(r#"{"rule": {"Sgd": {"momentum": 0.8, "weight_decay": 0.005}}, "learning_rate": 0.1}"#).unwrap();
    assert_eq!(old, Optimizer::sgd(0.1).momentum(0.8).weight_decay(0.005));
    for optimizer in [old, nadam, Optimizer::sgd(0.2)] {
        assert_eq!(read(&serde_json::to_string(&optimizer).unwrap()).unwrap(), optimizer);
    }
    for wrong in [r#"{"rule": {"Adam": {"rho": 0.9}}}"#, r#"{"rule": {"Unheard": {}}}"#, r#"{"rate": 1.0}"#, "[]"] {
        assert!(read(wrong).unwrap_err().to_string().contains("unknown") || wrong == "[]", "{wrong}");
    }
}
