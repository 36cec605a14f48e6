//! Batch normalisation's statistics, taken anew from samples of another kind than a network was trained on.

use tch::Tensor;

use super::{network::Network, plan::Layer};
use crate::{Error, Result};

impl Network {
    /// Returns the same network with the means and variances of its batch normalisations taken from these samples,
    /// `[count, features]`, in place of those from training. No label is needed: where pictures are corrupted, foggy
    /// for example, this alone makes many of them readable (S. Schneider and others, 2020). Without batch normalisation
    /// nothing changes.
    ///
    /// On these same samples the network then computes what PyTorch's does with a batch's own statistics. They go
    /// through the layers together: a few hundred to a few thousand are enough, and all that memory holds.
    ///
    /// ```
    /// use mnist_classification::{model::Layer::*, prelude::*};
    /// let network = Network::new(&[784], &[Dense(32), BatchNorm, Relu, Dense(10)], 0)?;
    /// let digits = Dataset::drawn(0)?.test.preprocess();
    /// let foggy = Samples { inputs: &digits.inputs * 0.25 + 0.75, ..digits };
    /// let adapted = network.with_statistics_of(&foggy.inputs)?;
    /// let scores = evaluate(&adapted, &foggy)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Mismatch`] for fewer than two samples, whose variance says nothing; [`Error::Torch`] when network and
    /// samples do not fit.
    pub fn with_statistics_of(&self, inputs: &Tensor) -> Result<Self> {
        let count = inputs.size().first().copied().unwrap_or_default();
        if count < 2 {
            let (found, expected) = (format!("{count} samples"), "at least 2, better hundreds");
            return Err(Error::mismatch("samples to take statistics from", found, expected));
        }
        let _no_gradients = tch::no_grad_guard();
        let network = self.clone();
        let mut inputs = network.shaped(inputs)?;
        for layer in &network.layers {
            if layer.layer == Layer::BatchNorm {
                // All axes but the channels'.
                let axes: Vec<i64> = (0..inputs.dim() as i64).filter(|&axis| axis != 1).collect();
                let (variance, mean) = inputs.f_var_mean_correction(axes.as_slice(), 0, false)?;
                for ((_, old), new) in layer.statistics.iter().zip([mean, variance]) {
                    old.shallow_clone().f_copy_(&new)?;
                }
            }
            inputs = layer.forward(&inputs, None)?;
        }
        Ok(network)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::{
        model::{Layer::*, Model},
        random::{Purpose, generator, uniform},
    };

    fn drawn(shape: &[i64]) -> Tensor {
        uniform(shape, [0.0, 1.0], Device::Cpu, &mut generator(0, Purpose::DrawnDigits)).unwrap()
    }

    fn network() -> Network {
        let layers = [
            Convolution { channels: 4, size: 3, stride: 1, padding: 1 },
            BatchNorm,
            Relu,
            MaxPool(2),
            Flatten,
            Dense(8),
            BatchNorm,
        ];
        Network::new([1, 6, 6], layers, 1).unwrap()
    }

    #[test]
    fn on_its_own_samples_it_computes_what_training_does() {
        let (network, inputs) = (network(), drawn(&[50, 36]) * 3.0 + 1.0);
        let before: Vec<_> = network.tensors().iter().map(|(_, tensor)| tensor.copy()).collect();
        let adapted = network.with_statistics_of(&inputs).unwrap();
        assert!(network.tensors().iter().zip(&before).all(|((_, now), before)| now.equal(before)));
        assert!(network.parameters().iter().chain(&adapted.parameters()).all(|(_, tensor)| !tensor.grad().defined()));
        let logits = adapted.forward(&inputs).unwrap();
        let expected = network.forward_training(&inputs, &mut generator(0, Purpose::Noise(1))).unwrap();
        assert!((logits - expected).abs().max().double_value(&[]) < 1e-4);
    }

    #[test]
    fn it_takes_at_least_two_samples_of_the_right_shape() {
        for few in [drawn(&[0, 36]), drawn(&[1, 36])] {
            let error = network().with_statistics_of(&few).unwrap_err().to_string();
            assert!(error.starts_with("samples to take statistics from: found "), "{error}");
        }
        assert!(network().with_statistics_of(&drawn(&[4, 35])).is_err());
    }
}
