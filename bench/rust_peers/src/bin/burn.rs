//! The same network and training with burn, on the backend that its documentation recommends for processors: Flex.
//!
//! Its RMSprop adds epsilon outside the root, Keras' inside: the cost is the same.

use burn::{
    module::{Initializer, Module},
    nn::{
        Linear, LinearConfig, PaddingConfig2d,
        conv::{Conv2d, Conv2dConfig},
        loss::CrossEntropyLossConfig,
        pool::{MaxPool2d, MaxPool2dConfig},
    },
    optim::{GradientsParams, ModuleOptimizer, RmsPropConfig},
    tensor::{Device, Int, Tensor, TensorData, activation::relu},
};
use rust_peers::{
    BATCH, Digits, EPSILON, LEARNING_RATE, Layer, RHO, Result, VALIDATION_BATCH, layers, mnist, number, report,
    takes_pictures,
};

/// The layers with parameters; `layers` says what comes in between.
#[derive(Module, Debug)]
struct Network {
    convolutions: Vec<Conv2d>,
    pool: MaxPool2d,
    dense: Vec<Linear>,
}

impl Network {
    fn new(layers: &[Layer], device: &Device) -> Self {
        let glorot = Initializer::XavierUniform { gain: 1.0 };
        let (mut convolutions, mut dense) = (Vec::new(), Vec::new());
        let (mut channels, mut side) = (1, 28);
        let mut inputs = 784;
        for layer in layers {
            match *layer {
                Layer::Convolution { channels: outputs, size } => {
                    let config =
                        Conv2dConfig::new([channels, outputs], [size, size]).with_padding(PaddingConfig2d::Same);
                    convolutions.push(config.with_initializer(glorot.clone()).init(device));
                    channels = outputs;
                }
                Layer::MaxPool(size) => side /= size,
                Layer::Flatten => inputs = channels * side * side,
                Layer::Dense(outputs) => {
                    dense.push(LinearConfig::new(inputs, outputs).with_initializer(glorot.clone()).init(device));
                    inputs = outputs;
                }
                Layer::Relu => {}
            }
        }
        let pool = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
        Self { convolutions, pool, dense }
    }

    /// Logits of a batch of rows of pixels.
    fn forward(&self, layers: &[Layer], rows: Tensor<2>) -> Tensor<2> {
        let (mut convolutions, mut dense) = (self.convolutions.iter(), self.dense.iter());
        let mut rows = rows;
        let mut pictures = takes_pictures(layers).then(|| {
            let [count, _] = rows.dims();
            rows.clone().reshape([count, 1, 28, 28])
        });
        for layer in layers {
            match layer {
                Layer::Convolution { .. } => {
                    pictures = pictures.zip(convolutions.next()).map(|(pictures, layer)| layer.forward(pictures));
                }
                Layer::MaxPool(_) => pictures = pictures.map(|pictures| self.pool.forward(pictures)),
                Layer::Flatten => {
                    if let Some(pictures) = pictures.take() {
                        rows = pictures.flatten(1, 3);
                    }
                }
                Layer::Relu if pictures.is_some() => pictures = pictures.map(relu),
                Layer::Relu => rows = relu(rows),
                Layer::Dense(_) => {
                    if let Some(layer) = dense.next() {
                        rows = layer.forward(rows);
                    }
                }
            }
        }
        rows
    }
}

/// Digits on a device.
struct Samples {
    inputs: Tensor<2>,
    labels: Tensor<1, Int>,
}

impl Samples {
    fn new(digits: Digits, device: &Device) -> Self {
        let count = digits.labels.len();
        let labels: Vec<i32> = digits.labels.into_iter().map(i32::from).collect();
        Self {
            inputs: Tensor::from_data(TensorData::new(digits.pixels, [count, 784]), device),
            labels: Tensor::from_data(TensorData::new(labels, [count]), device),
        }
    }
}

/// The mean loss and the number of right answers of a batch.
fn measured(logits: Tensor<2>, labels: Tensor<1, Int>) -> (Tensor<1>, i64) {
    let right = logits.clone().argmax(1).flatten::<1>(0, 1).equal(labels.clone()).int().sum().into_scalar();
    (CrossEntropyLossConfig::new().init(&logits.device()).forward(logits, labels), right)
}

fn evaluate(network: &Network, layers: &[Layer], samples: &Samples) -> f64 {
    let network = network.valid();
    let count = samples.labels.dims()[0];
    let right: i64 = (0..count)
        .step_by(VALIDATION_BATCH)
        .map(|start| {
            let part = start..(start + VALIDATION_BATCH).min(count);
            let logits = network.forward(layers, samples.inputs.clone().slice([part.clone(), 0..784]));
            let (loss, right) = measured(logits, samples.labels.clone().slice([part]));
            assert!(loss.into_scalar::<f32>().is_finite());
            right
        })
        .sum();
    right as f64 / count as f64
}

fn main() -> Result<()> {
    let layers = layers()?;
    let [train, validation, test] = mnist()?;
    let plain = Device::flex();
    plain.seed(number("SEED", 0)? as u64);
    let device = plain.clone().autodiff();
    let count = train.labels.len();
    let train = Samples::new(train, &device);
    let [validation, test] = [validation, test].map(|digits| Samples::new(digits, &plain));
    let config = RmsPropConfig::new().with_alpha(RHO as f32).with_momentum(0.0).with_epsilon(EPSILON as f32);
    let state = (Network::new(&layers, &device), config.init());
    let epoch = |(network, optimizer): &mut (Network, ModuleOptimizer), order: &[u32]| {
        for positions in order.chunks(BATCH) {
            let positions: Vec<i32> = positions.iter().map(|&position| position as i32).collect();
            let positions = Tensor::<1, Int>::from_data(TensorData::new(positions.clone(), [positions.len()]), &device);
            let inputs = train.inputs.clone().select(0, positions.clone());
            let labels = train.labels.clone().select(0, positions);
            let (loss, _) = measured(network.forward(&layers, inputs), labels);
            assert!(loss.clone().into_scalar::<f32>().is_finite());
            let gradients = GradientsParams::from_grads(loss.backward(), network);
            *network = optimizer.step(LEARNING_RATE, network.clone(), gradients);
        }
        evaluate(network, &layers, &validation);
        Ok(())
    };
    report(state, count, epoch, |(network, _)| Ok(evaluate(network, &layers, &test)))
}
