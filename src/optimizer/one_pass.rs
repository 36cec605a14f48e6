//! RMSprop in one pass over weights, averages and gradient.

#![allow(unsafe_code)] // What `in_lanes!` expands to.

use super::RmsProp;
use crate::lanes::in_lanes;

impl RmsProp {
    /// One step of these weights against their gradient.
    pub(crate) fn pass(&self, weights: &mut [f32], averages: &mut [f32], gradient: &[f32], learning_rate: f64) {
        let numbers = [learning_rate, self.rho, 1.0 - self.rho, self.epsilon].map(|number| number as f32);
        in_lanes!(anywhere, weights: &mut [f32], averages: &mut [f32], gradient: &[f32], numbers: [f32; 4]);
    }

    /// One step of weights whose gradient is 0: they stay, only their averages fade.
    pub(crate) fn rest(&self, averages: &mut [f32]) {
        averages.iter_mut().for_each(|average| *average *= self.rho as f32);
    }
}

#[inline(always)]
fn anywhere(weights: &mut [f32], averages: &mut [f32], gradient: &[f32], [rate, rho, rest, epsilon]: [f32; 4]) {
    for ((weight, average), gradient) in weights.iter_mut().zip(averages).zip(gradient) {
        *average = rho * *average + rest * gradient * gradient;
        *weight -= rate * gradient / (*average + epsilon).sqrt();
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::lanes::{floats, floats_mut};

    #[test]
    fn one_pass_is_what_libtorch_composes() {
        let random = || Tensor::randn([1_003], (Kind::Float, Device::Cpu));
        let (rule, gradient) = (RmsProp::default(), random());
        let (mut weights, mut averages) = (random(), random().abs());
        let [mut composed, mut composed_averages] = [&weights, &averages].map(|tensor| tensor.to_kind(Kind::Double));
        rule.compose(&mut composed, &mut composed_averages, &gradient.to_kind(Kind::Double), 0.001).unwrap();

        let (new_weights, new_averages) = (floats_mut(&mut weights).unwrap(), floats_mut(&mut averages).unwrap());
        rule.pass(new_weights, new_averages, floats(&gradient).unwrap(), 0.001);
        for (found, expected) in [(&weights, &composed), (&averages, &composed_averages)] {
            let error = (found - expected).abs().max().double_value(&[]);
            assert!(error < 1e-6, "{error}");
        }
    }

    #[test]
    fn to_rest_is_a_pass_without_gradient() {
        let (mut weights, mut averages, mut rested) = (vec![0.1; 100], vec![0.3; 100], vec![0.3; 100]);
        RmsProp::default().pass(&mut weights, &mut averages, &[0.0; 100], 0.001);
        RmsProp::default().rest(&mut rested);
        assert_eq!((weights, averages), (vec![0.1; 100], rested));
    }
}
