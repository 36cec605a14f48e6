//! The kernels of a network in eight bits a weight.

use base64::{Engine, engine::general_purpose::STANDARD};
use mnist_classification::{
    Result,
    model::{Layer, Model, Network},
};
use serde::{Serialize, Serializer};
use tch::{Kind, Tensor};

/// The largest of the numbers that stand for weights.
const LARGEST: f32 = 127.0;

/// A layer as it is stored in eight bits a weight; parts that it lacks are left out.
#[derive(Serialize)]
pub(crate) struct Quantised {
    layer: Layer,
    /// The numbers of the kernel, in the order of its weights.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_base64")]
    kernel: Vec<i8>,
    /// The factors of the numbers, one for each output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scales: Vec<f32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bias: Vec<f32>,
}

/// Writes numbers as their bytes in base64.
fn as_base64<S: Serializer>(numbers: &[i8], serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<_> = numbers.iter().map(|number| number.cast_unsigned()).collect();
    serializer.serialize_str(&STANDARD.encode(bytes))
}

/// Rounds each weight of a folded network's kernels to the nearest of 255 numbers, which the largest of its output
/// determines; biases stay as they are. A second time, nothing changes. Returns the layers as they can be stored.
pub(crate) fn quantise(network: &Network) -> Result<Vec<Quantised>> {
    let _guard = tch::no_grad_guard();
    let mut parameters = network.parameters().into_iter();
    let mut next = || parameters.next().map(|(_, tensor)| tensor);
    let layers = network.plan().layers.iter().map(|&layer| match layer {
        Layer::Dense(_) | Layer::Convolution { .. } => match (next(), next()) {
            (Some(kernel), Some(bias)) => quantised(layer, &kernel, &bias),
            _ => Ok(without_parameters(layer)),
        },
        _ => Ok(without_parameters(layer)),
    });
    layers.collect()
}

fn without_parameters(layer: Layer) -> Quantised {
    Quantised { layer, kernel: Vec::new(), scales: Vec::new(), bias: Vec::new() }
}

fn quantised(layer: Layer, kernel: &Tensor, bias: &Tensor) -> Result<Quantised> {
    // A dense kernel has its outputs last, a convolution's first.
    let others: &[i64] = if matches!(layer, Layer::Dense(_)) { &[0] } else { &[1, 2, 3] };
    let largest = kernel.f_abs()?.f_amax(others, true)?;
    let scales: Vec<f32> = Vec::<f32>::try_from(largest.f_reshape([-1])?)?.into_iter().map(scale).collect();
    let scale = Tensor::f_from_slice(&scales)?.f_reshape(largest.size())?;
    let numbers = kernel.f_div(&scale)?.f_round()?;
    kernel.shallow_clone().f_copy_(&(&numbers * scale))?;
    let kernel = Vec::try_from(numbers.f_to_kind(Kind::Int8)?.f_reshape([-1])?)?;
    Ok(Quantised { layer, kernel, scales, bias: Vec::try_from(bias)? })
}

/// Returns the scale of an output whose largest weight this is. With 16 bits in place of 24, its product with a number
/// is exact, and quantised weights have the same scale again.
fn scale(largest: f32) -> f32 {
    f32::from_bits((largest / LARGEST).max(f32::MIN_POSITIVE).to_bits() & !0xff)
}

#[cfg(test)]
mod tests {
    use mnist_classification::model::Layer::*;

    use super::*;

    #[test]
    fn weights_move_by_half_a_number_at_most_and_only_once() {
        let network = Network::new(
            [1, 8, 8],
            [Convolution { channels: 3, size: 3, stride: 1, padding: 1 }, Flatten, Dense(4)],
            5,
        )
        .unwrap();
        let values = || network.parameters().iter().map(|(_, tensor)| tensor.detach().copy()).collect::<Vec<_>>();
        let before = values();
        let first = quantise(&network).unwrap();
        let after = values();
        for (before, after) in before.iter().zip(&after) {
            let most = before.abs().max().double_value(&[]) / 127.0 * 0.501;
            assert!((before - after).abs().max().double_value(&[]) <= most);
        }
        let second = quantise(&network).unwrap();
        assert!(values().iter().zip(&after).all(|(again, once)| again.equal(once)));
        for (first, second) in first.iter().zip(&second) {
            assert_eq!((&first.kernel, &first.scales), (&second.kernel, &second.scales));
        }
        assert_eq!(first[0].kernel.iter().map(|number| number.unsigned_abs()).max(), Some(127));
    }
}
