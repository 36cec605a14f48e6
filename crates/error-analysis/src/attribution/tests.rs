//! Maps that can be worked out by hand, what the methods leave behind, and inputs that do not fit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mnist_classification::{
    data::Classes,
    model::{Layer::*, Model, Network},
};
use tch::{Device, Kind, Tensor};

use super::*;
use crate::examples::Linear;

/// A model that never computes with gradients.
struct Fixed(Linear);

impl Model for Fixed {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        tch::no_grad(|| self.0.forward(inputs))
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.0.parameters()
    }
}

/// Two pictures of 3 × 3 pixels with two classes, and a linear model: class 1 counts the pixels' numbers, class 0
/// nothing.
fn example() -> (Linear, Samples) {
    let numbers = Tensor::arange(9, (Kind::Float, Device::Cpu));
    let weights = Tensor::stack(&[Tensor::zeros([9], (Kind::Float, Device::Cpu)), numbers.shallow_clone()], 1);
    let inputs = Tensor::stack(&[Tensor::ones([9], (Kind::Float, Device::Cpu)), numbers / 10.0], 0);
    let labels = Tensor::from_slice(&[1_i64, 0]);
    let (name, classes) = ("example".into(), Classes::numbered(2));
    (Linear(weights.set_requires_grad(true)), Samples { name, inputs, labels, shape: vec![3, 3], classes })
}

fn values(maps: &Tensor) -> Vec<f32> {
    Vec::try_from(maps.reshape([-1])).unwrap()
}

/// A network with convolutions for pictures of 3 × 3 pixels.
fn convolutional() -> Network {
    let layers =
        [Convolution { channels: 2, size: 3, stride: 1, padding: 1 }, BatchNorm, Relu, Flatten, Dropout(0.5), Dense(2)];
    Network::new([1, 3, 3], layers, 1).unwrap()
}

#[test]
fn maps_of_a_linear_model_are_its_weights() {
    let (model, samples) = example();
    let gradients = input_gradients(&model, &samples, &[1, 0]).unwrap();
    assert_eq!(gradients.size(), [2, 3, 3]);
    let expected: Vec<f32> = (0..9).map(|pixel| pixel as f32).chain([0.0; 9]).collect();
    assert_eq!(values(&gradients), expected);
    // Their sum is what the logit gains over an empty picture: 0 + 1 + … + 8.
    let integrated = integrated_gradients(&model, &samples, &[1, 1], 3).unwrap();
    assert!((values(&integrated)[..9].iter().sum::<f32>() - 36.0).abs() < 1e-4);
    assert!((values(&integrated)[17] - 6.4).abs() < 1e-5);
}

/// Windows of two pixels, two apart, on a side of three: the second covers the last pixel alone.
#[test]
fn the_last_window_of_an_occlusion_ends_at_the_border() {
    let (model, samples) = example();
    let maps = occlusion(&model, &samples, &[1, 0], 2, 2).unwrap();
    // The sums of the pixels' numbers within 0 1 3 4, within 2 5, within 6 7, and 8 alone.
    assert_eq!(values(&maps)[..9], [8.0, 8.0, 7.0, 8.0, 8.0, 7.0, 13.0, 13.0, 8.0]);
    // One apart, the middle lies within all four windows: the mean of 8, 12, 20 and 24.
    let maps = occlusion(&model, &samples, &[1, 0], 2, 1).unwrap();
    assert_eq!(values(&maps)[4], 16.0);
}

/// By hand: two channels that copy the picture, once as it is and once negated, seen through known weights.
#[test]
fn grad_cam_weighs_the_channels_by_their_mean_gradient() {
    let network =
        Network::new([1, 2, 2], [Convolution { channels: 2, size: 1, stride: 1, padding: 0 }, Flatten, Dense(2)], 0)
            .unwrap();
    let set = |name: &str, values: &[f32]| {
        let (_, tensor) = network.parameters().into_iter().find(|(other, _)| other == name).unwrap();
        tch::no_grad(|| tensor.shallow_clone().copy_(&Tensor::from_slice(values).reshape(tensor.size())));
    };
    set("conv2d_1.kernel", &[1.0, -1.0]);
    // Of class 0: the weights 1, 2, 3, 6 on the first channel, whose mean is 3, and 1 on the second. Class 1: the
    // opposite.
    let weights = [1.0, 2.0, 3.0, 6.0, 1.0, 1.0, 1.0, 1.0];
    set("dense_1.kernel", &weights.iter().flat_map(|&weight| [weight, -weight]).collect::<Vec<_>>());
    let inputs = Tensor::from_slice(&[0.5_f32, 0.0, 1.0, -1.0]).repeat([2, 1]);
    let samples = Samples { inputs, shape: vec![2, 2], ..example().1 };
    let maps = grad_cam(&network, &samples, &[0, 1], 0).unwrap();
    // 3 · x + 1 · (−x), and nothing below 0.
    assert_eq!(values(&maps), [1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0]);
}

#[test]
fn the_model_is_left_as_it_was_also_where_gradients_are_off() {
    let (linear, samples) = example();
    let network = convolutional();
    let state = |model: &dyn Model| -> Vec<Vec<f32>> {
        let tensors = model.tensors().into_iter();
        tensors.map(|(_, tensor)| values(&tensor.detach())).collect()
    };
    for model in [&linear as &dyn Model, &network] {
        let before = state(model);
        let maps = || {
            let classes = [1, 0];
            [
                input_gradients(model, &samples, &classes),
                integrated_gradients(model, &samples, &classes, 2),
                occlusion(model, &samples, &classes, 2, 1),
                grad_cam(&network, &samples, &classes, 0),
            ]
            .map(|maps| maps.unwrap())
        };
        let (with, without) = (maps(), tch::no_grad(maps));
        assert!(with.iter().all(|maps| !maps.requires_grad()));
        assert_eq!(with.map(|maps| values(&maps)), without.map(|maps| values(&maps)));
        assert_eq!(state(model), before);
        assert!(model.parameters().iter().all(|(_, tensor)| !tensor.grad().defined() && tensor.requires_grad()));
        assert!(!samples.inputs.requires_grad());
    }
}

#[test]
fn samples_beyond_a_batch_have_their_own_maps() {
    let (_, samples) = example();
    let many = samples.select(&Tensor::arange(250, (Kind::Int64, Device::Cpu)).remainder(2)).unwrap();
    let classes: Vec<_> = (0..250).map(|index| index % 2).collect();
    let maps = input_gradients(&convolutional(), &many, &classes).unwrap();
    assert_eq!(maps.size(), [250, 3, 3]);
    let difference = maps.narrow(0, 248, 2) - input_gradients(&convolutional(), &samples, &[0, 1]).unwrap();
    assert!(difference.abs().max().double_value(&[]) < 1e-6);
}

/// Of ten pixels one is blanked; the model looks at the last one alone.
#[test]
fn an_answer_falls_without_the_pixel_that_it_needs() {
    let weights = Tensor::zeros([10, 2], (Kind::Float, Device::Cpu));
    let _ = weights.get(9).get(1).fill_(4.0);
    let inputs = Tensor::ones([1, 10], (Kind::Float, Device::Cpu));
    let samples = Samples { inputs, labels: Tensor::from_slice(&[1_i64]), shape: vec![2, 5], ..example().1 };
    let map = weights.select(1, 1).reshape([1, 2, 5]);
    let drops = |map: &Tensor| probability_drops(&Linear(weights.shallow_clone()), &samples, &[1], map, 1).unwrap()[0];
    let all = 1.0 / (1.0 + (-4.0_f64).exp()) - 0.5;
    assert!((drops(&map).marked - all).abs() < 1e-6 && drops(&-&map).marked.abs() < 1e-6);
    // Each of the twenty draws takes this pixel or leaves the answer as it is.
    let hits = drops(&map).random / all * 20.0;
    assert!((hits - hits.round()).abs() < 1e-4 && (1.0..=7.0).contains(&hits.round()), "{hits}");
    assert_eq!(drops(&map), drops(&map));
    // Where a map marks paper alone, no ink is blanked at random either.
    let _ = samples.inputs.get(0).get(3).fill_(0.0);
    let paper = Tensor::zeros([10], (Kind::Float, Device::Cpu));
    let _ = paper.get(3).fill_(1.0);
    let ProbabilityDrop { marked, random } = drops(&paper.reshape([1, 2, 5]));
    assert!(marked.abs() < 1e-6 && random.abs() < 1e-6, "{marked} {random}");
    // A smaller map is enlarged: its right column is the highest.
    let small = Tensor::from_slice(&[0.0_f32, 0.0, 0.0, 1.0]).reshape([1, 2, 2]);
    assert!((drops(&small).marked - all).abs() < 1e-6);
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let (model, samples) = example();
    let network = convolutional();
    let flat = Samples { shape: vec![9], ..samples.shallow_clone() };
    let none =
        Samples { inputs: samples.inputs.narrow(0, 0, 0), labels: samples.labels.narrow(0, 0, 0), ..example().1 };
    let map = Tensor::zeros([2, 3, 3], (Kind::Float, Device::Cpu));
    for (samples, classes, begin) in [
        (&samples, &[1, 2][..], "class: found 2, expected 0 to 1, the classes of the model"),
        (&samples, &[1, usize::MAX], "class: found 9223372036854775807, expected 0 to 1"),
        (&samples, &[1], "number of classes: found 1, expected 2, one per sample"),
        (&flat, &[1, 0], "shape of a sample: found [9], expected [height, width] of a picture"),
        (&none, &[], "the data set \"example\" is empty"),
    ] {
        let mut errors = vec![
            input_gradients(&model, samples, classes).err(),
            integrated_gradients(&model, samples, classes, 2).err(),
            occlusion(&model, samples, classes, 2, 2).err(),
        ];
        if samples.len() == 2 {
            errors.push(probability_drops(&model, samples, classes, &map, 0).err());
        }
        if samples.shape.len() == 2 {
            errors.push(grad_cam(&network, samples, classes, 0).err());
        }
        for error in errors {
            let error = error.expect(begin).to_string();
            assert!(error.starts_with(begin), "{error}");
        }
    }
    assert!(probability_drops(&model, &none, &[], &map.narrow(0, 0, 0), 0).is_err());
    let fixed = Fixed(example().0);
    assert!(matches!(input_gradients(&fixed, &samples, &[0, 1]), Err(Error::NoGradient)));
    assert!(occlusion(&fixed, &samples, &[0, 1], 2, 2).is_ok());
}

#[test]
fn settings_that_cannot_work_are_errors_and_no_panic() {
    let (model, samples) = example();
    let network = convolutional();
    let error = |maps: Result<Tensor>| maps.unwrap_err().to_string();
    assert_eq!(error(integrated_gradients(&model, &samples, &[0, 1], 0)), "steps is 0; expected at least 1");
    for (window, stride, text) in [
        (0, 1, "window is 0; expected 1 to 3"),
        (4, 1, "window is 4; expected 1 to 3"),
        (2, 0, "stride is 0; expected 1 to 2"),
        (2, 3, "stride is 3; expected 1 to 2"),
    ] {
        assert_eq!(error(occlusion(&model, &samples, &[0, 1], window, stride)), text);
    }
    let layer = "expected the position of a layer whose output is [channels, height, width]";
    assert_eq!(error(grad_cam(&network, &samples, &[0, 1], 3)), format!("layer is 3, whose output is [18]; {layer}"));
    assert_eq!(error(grad_cam(&network, &samples, &[0, 1], 6)), format!("layer is 6 of 6; {layer}"));
    let maps = Tensor::zeros([1, 3, 3], (Kind::Float, Device::Cpu));
    let text = "shape of the maps: found [1, 3, 3], expected [2, height, width], one per sample";
    assert_eq!(probability_drops(&model, &samples, &[0, 1], &maps, 0).unwrap_err().to_string(), text);
    // Models and samples that do not fit, and samples whose shape is not that of their pixels.
    let other = Network::mlp([4, 2], 0).unwrap();
    let wrong = Samples { shape: vec![2, 5], ..example().1 };
    let integers = Samples { inputs: samples.inputs.to_kind(Kind::Int64), ..example().1 };
    let tried = catch_unwind(AssertUnwindSafe(|| {
        assert!(input_gradients(&model, &integers, &[0, 1]).is_err());
        for (model, samples) in [(&other as &dyn Model, &samples), (&model, &wrong)] {
            assert!(input_gradients(model, samples, &[0, 1]).is_err());
            assert!(integrated_gradients(model, samples, &[0, 1], 2).is_err());
            assert!(occlusion(model, samples, &[0, 1], 2, 2).is_err());
            assert!(
                probability_drops(model, samples, &[0, 1], &Tensor::zeros([2, 3, 3], (Kind::Float, Device::Cpu)), 0)
                    .is_err()
            );
        }
        assert!(grad_cam(&other, &samples, &[0, 1], 0).is_err());
        assert!(enlarged(&Tensor::from(1.0), [3, 3]).is_err() && enlarged(&maps, [0, 3]).is_err());
    }));
    assert!(tried.is_ok());
}
