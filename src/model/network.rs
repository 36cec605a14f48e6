//! A network: layers one after the other, made from a plan.

use std::path::Path;

use tch::Tensor;

use super::{
    Model, Summary,
    layer::{BuiltLayer, Named},
    plan::{Layer, Plan},
    weights,
};
use crate::{
    Error, Result,
    random::{Purpose, Random, generator},
};

/// Layers one after the other. A clone has tensors of its own.
///
/// ```
/// use mnist_classification::{model::Layer::*, prelude::*};
/// let model = Network::new([784], [Dense(512), Relu, Dense(10)], 0)?;
/// let convolution = Convolution { channels: 8, size: 3, stride: 1, padding: 1 };
/// let cnn = Network::new([1, 28, 28], [convolution, MaxPool(2), Relu, Flatten, Dense(10)], 0)?;
/// assert_eq!(cnn.summary().parameters(), (9 + 1) * 8 + (8 * 14 * 14 + 1) * 10);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    pub(super) plan: Plan,
    pub(super) layers: Vec<BuiltLayer>,
}

impl Network {
    /// Makes a network for samples of the shape `[features]` or `[channels, height, width]`.
    ///
    /// # Errors
    /// As [`Network::from_plan`].
    pub fn new(input: impl Into<Vec<usize>>, layers: impl Into<Vec<Layer>>, seed: u64) -> Result<Self> {
        Self::from_plan(&Plan { input: input.into(), layers: layers.into() }, seed)
    }

    /// Makes a multi-layer perceptron, the original's kind of network: dense layers with ReLU between them. `sizes` are
    /// the number of inputs, then that of each layer's outputs.
    ///
    /// ```
    /// use mnist_classification::prelude::*;
    /// let model = Network::mlp([784, 512, 256, 128, 10], 0)?;
    /// assert_eq!(model.summary().parameters(), 567_434);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for fewer than two sizes, or a size of zero.
    pub fn mlp(sizes: impl AsRef<[usize]>, seed: u64) -> Result<Self> {
        Self::from_plan(&Plan::mlp(sizes.as_ref())?, seed)
    }

    /// Makes the network of a plan. Its parameters start as Keras starts them: Glorot-uniform kernels (X. Glorot,
    /// Y. Bengio, 2010: uniform within ±√(6 / (inputs + outputs))), drawn from `seed`, and zero biases.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the first layer that cannot take what the one before gives.
    pub fn from_plan(plan: &Plan, seed: u64) -> Result<Self> {
        let shapes = plan.shapes()?;
        let mut random = generator(seed, Purpose::Weights);
        let mut layers: Vec<BuiltLayer> = Vec::new();
        for (&layer, output) in plan.layers.iter().zip(shapes) {
            let (_, prefix) = layer.names();
            let before = layers.iter().filter(|other| other.layer.names().1 == prefix).count();
            let name = format!("{prefix}_{}", before + 1);
            let input = layers.last().map_or(&plan.input, |before| &before.output);
            layers.push(BuiltLayer::new(layer, name, input, output, &mut random)?);
        }
        Ok(Self { plan: plan.clone(), layers })
    }

    /// Returns what the network was made from.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Lists the layers with their output shapes and numbers of parameters, as Keras prints them.
    pub fn summary(&self) -> Summary {
        // Keras writes the ReLU of a multi-layer perceptron into its dense layers.
        let is_shown = |built: &&BuiltLayer| !(self.plan.is_mlp() && built.layer == Layer::Relu);
        Summary::new(self.layers.iter().filter(is_shown))
    }

    /// Freezes the layer of this name, as [`Network::summary`] prints it, or lets it be trained again. Training leaves
    /// a frozen layer's parameters and running statistics as they are.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a name that no layer has.
    pub fn set_trainable(&mut self, layer: &str, trainable: bool) -> Result<()> {
        let Some(built) = self.layers.iter().find(|built| built.name == layer) else {
            let names: Vec<_> = self.layers.iter().map(|built| built.name.as_str()).collect();
            return Err(Error::invalid_setting("a layer's name", layer, format!("one of {}", names.join(", "))));
        };
        built.parameters.iter().for_each(|(_, parameter)| drop(parameter.set_requires_grad(trainable)));
        Ok(())
    }

    /// Reads a network that [`Model::save`] wrote. Files of earlier versions, which lack the plan, are read as well:
    /// it comes from `network.json` beside them, or is a multi-layer perceptron's.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::Malformed`] with what the file holds
    /// instead: another format, other layers, parameters that are NaN.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let file = weights::file(path.as_ref());
        let stored = weights::Stored::read(&file)?;
        let plan = stored.plan()?;
        stored.check_size(&plan)?;
        let network = Self::from_plan(&plan, 0).map_err(|error| stored.malformed_plan(&error))?;
        stored.copy_into(&network.tensors())?;
        Ok(network)
    }

    /// Computes the output of each layer outside training, the first layer's first; the last one is the logits.
    ///
    /// # Errors
    /// As [`Model::forward`].
    pub fn layer_outputs(&self, inputs: &Tensor) -> Result<Vec<Tensor>> {
        let mut outputs: Vec<Tensor> = Vec::with_capacity(self.layers.len());
        let inputs = self.shaped(inputs)?;
        for layer in &self.layers {
            outputs.push(layer.forward(outputs.last().unwrap_or(&inputs), None)?);
        }
        Ok(outputs)
    }

    /// Runs all layers; `random` is there in training only.
    fn run_layers(&self, inputs: &Tensor, mut random: Option<&mut Random>) -> Result<Tensor> {
        let forward = |inputs: Tensor, layer: &BuiltLayer| layer.forward(&inputs, random.as_deref_mut());
        self.layers.iter().try_fold(self.shaped(inputs)?, forward)
    }

    /// Samples in the shape that the first layer takes.
    pub(super) fn shaped(&self, inputs: &Tensor) -> Result<Tensor> {
        // Every sample must be whole: reshaping alone would take two halves for one.
        let samples = inputs.size().first().copied().unwrap_or_default();
        let shape: Vec<_> = [samples].into_iter().chain(self.plan.input.iter().map(|&size| size as i64)).collect();
        Ok(inputs.f_reshape(shape)?)
    }

    fn named(&self, tensors: impl Fn(&BuiltLayer) -> &Named) -> Vec<(String, Tensor)> {
        let with_names = |built: &BuiltLayer| -> Vec<_> {
            let name = |part: &str| format!("{}.{part}", built.name);
            tensors(built).iter().map(|(part, tensor)| (name(part), tensor.shallow_clone())).collect()
        };
        self.layers.iter().flat_map(with_names).collect()
    }
}

impl Model for Network {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.run_layers(inputs, None)
    }

    fn forward_training(&self, inputs: &Tensor, random: &mut Random) -> Result<Tensor> {
        self.run_layers(inputs, Some(random))
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.named(|built| &built.parameters)
    }

    fn buffers(&self) -> Vec<(String, Tensor)> {
        self.named(|built| &built.statistics)
    }

    fn plan(&self) -> Option<&Plan> {
        Some(&self.plan)
    }
}
