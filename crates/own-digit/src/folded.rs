//! A trained network without the layers that only training needs.

use mnist_classification::{
    Error, Result,
    model::{Layer, Model, Network, Plan},
    support::BATCH_NORM_EPSILON,
};
use tch::Tensor;

/// Returns a network that computes the same outside training, without dropout and batch normalisation: the latter is a
/// factor and an offset for each channel then, which the kernel and the bias before it take over.
///
/// # Errors
/// [`Error::Mismatch`] for a batch normalisation that no dense layer or convolution can take over: there is a ReLU
/// between them, or pooling, whose largest value a factor below 0 would make the smallest.
pub(crate) fn folded(network: &Network) -> Result<Network> {
    let _guard = tch::no_grad_guard();
    let detached = |(name, tensor): (String, Tensor)| (name, tensor.detach());
    let mut parameters = network.parameters().into_iter().map(detached);
    let mut buffers = network.buffers().into_iter().map(detached);
    let mut layers: Vec<(Layer, Vec<Tensor>)> = Vec::new();
    for &layer in &network.plan().layers {
        match layer {
            Layer::Dropout(_) => {}
            Layer::BatchNorm => {
                let normalisation: Vec<_> = parameters.by_ref().take(2).chain(buffers.by_ref().take(2)).collect();
                take_over(&mut layers, &normalisation)?;
            }
            Layer::Dense(_) | Layer::Convolution { .. } => {
                layers.push((layer, parameters.by_ref().take(2).map(|(_, tensor)| tensor).collect()));
            }
            Layer::MaxPool(_) | Layer::Flatten | Layer::Relu => layers.push((layer, Vec::new())),
        }
    }
    let input = network.plan().input.clone();
    let (layers, values): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
    let folded = Network::from_plan(&Plan { input, layers }, 0)?;
    for ((_, mut parameter), value) in folded.parameters().into_iter().zip(values.iter().flatten()) {
        parameter.f_copy_(value)?;
    }
    Ok(folded)
}

/// Folds a batch normalisation, [scale, offset, mean, variance], into the last layer that has parameters.
fn take_over(layers: &mut [(Layer, Vec<Tensor>)], normalisation: &[(String, Tensor)]) -> Result<()> {
    let [(name, gamma), (_, beta), (_, mean), (_, variance)] = normalisation else { return Ok(()) };
    let factor = gamma / (variance + BATCH_NORM_EPSILON).f_sqrt()?;
    let is_pool = |layer: &Layer| matches!(layer, Layer::MaxPool(_));
    let pools = layers.iter().rev().take_while(|(layer, _)| is_pool(layer)).count();
    let place = layers.len().checked_sub(pools + 1).filter(|_| pools == 0 || factor.min().double_value(&[]) >= 0.0);
    let Some((layer, parameters)) = place.map(|place| &mut layers[place]).filter(|(_, values)| values.len() == 2)
    else {
        let expected = "a dense layer or a convolution before it, and only pooling and factors from 0 between";
        return Err(Error::mismatch("batch normalisation to fold", name.trim_end_matches(".gamma"), expected));
    };
    // A dense kernel has its outputs last, a convolution's first.
    let shape: &[i64] = if matches!(layer, Layer::Dense(_)) { &[1, -1] } else { &[-1, 1, 1, 1] };
    let bias = (&parameters[1] - mean) * &factor + beta;
    *parameters = vec![&parameters[0] * factor.f_reshape(shape)?, bias];
    Ok(())
}

#[cfg(test)]
mod tests {
    use mnist_classification::{
        model::Layer::*,
        support::{Purpose, generator, uniform},
    };
    use tch::Device;

    use super::*;

    /// Makes a network whose running statistics, scales and offsets are no longer those of the start.
    fn network(layers: &[Layer]) -> Network {
        let network = Network::new([1, 6, 6], layers, 1).unwrap();
        let _guard = tch::no_grad_guard();
        let mut random = generator(2, Purpose::DrawnDigits);
        for (_, mut tensor) in network.tensors() {
            let _ = tensor.f_add_(&uniform(&tensor.size(), [0.0, 0.5], Device::Cpu, &mut random).unwrap()).unwrap();
        }
        network
    }

    #[test]
    fn a_folded_network_computes_the_same() {
        let convolution = Convolution { channels: 4, size: 3, stride: 1, padding: 1 };
        let network = network(&[convolution, MaxPool(2), BatchNorm, Relu, Flatten, Dense(5), BatchNorm, Dropout(0.5)]);
        let folded = folded(&network).unwrap();
        assert_eq!(folded.plan().layers, [convolution, MaxPool(2), Relu, Flatten, Dense(5)]);
        let inputs = uniform(&[20, 36], [0.0, 1.0], Device::Cpu, &mut generator(3, Purpose::DrawnDigits)).unwrap();
        let [expected, found] = [&network, &folded].map(|network| network.forward(&inputs).unwrap());
        let [difference, largest] = [&expected - found, expected].map(|values| values.abs().max().double_value(&[]));
        assert!(difference < 1e-6 * largest, "{difference} of {largest}");
    }

    #[test]
    fn a_normalisation_that_cannot_be_folded_is_an_error() {
        let convolution = Convolution { channels: 4, size: 3, stride: 1, padding: 1 };
        for layers in [vec![BatchNorm], vec![convolution, Relu, BatchNorm]] {
            let error = folded(&network(&layers)).unwrap_err().to_string();
            assert!(error.starts_with("batch normalisation to fold: found batch_norm_1"), "{error}");
        }
        let pooled = network(&[convolution, MaxPool(2), BatchNorm]);
        let _ = tch::no_grad(|| pooled.parameters()[2].1.shallow_clone().fill_(-1.0));
        assert!(folded(&pooled).is_err());
    }
}
