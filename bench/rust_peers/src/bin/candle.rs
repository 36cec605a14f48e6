//! The same network and training with candle. It has no RMSprop of its own; this one follows Keras' rule, as its
//! optimizers are written.

use candle_core::{DType, Device, Result as Candle, Tensor, Var, backprop::GradStore};
use candle_nn::{Optimizer, loss::cross_entropy};
use rust_peers::{
    BATCH, Digits, EPSILON, LEARNING_RATE, Layer, RHO, Result, VALIDATION_BATCH, layers, mnist, report, takes_pictures,
};

/// Each layer's kernel and bias, where it has them.
type Weights = Vec<Option<(Var, Var)>>;

/// Starts each kernel as Keras does.
fn start(layers: &[Layer], device: &Device) -> Candle<Weights> {
    let (mut channels, mut side, mut inputs) = (1, 28, 784);
    let parameters = |shape: &[usize], fan: usize, outputs: usize| -> Candle<(Var, Var)> {
        let limit = (6.0 / fan as f64).sqrt();
        Ok((Var::rand_f64(-limit, limit, shape, DType::F32, device)?, Var::zeros(outputs, DType::F32, device)?))
    };
    let weights = layers.iter().map(|layer| {
        Ok(match *layer {
            Layer::Convolution { channels: outputs, size } => {
                let fan = (channels + outputs) * size * size;
                let made = parameters(&[outputs, channels, size, size], fan, outputs)?;
                channels = outputs;
                Some(made)
            }
            Layer::Dense(outputs) => {
                let made = parameters(&[outputs, inputs], inputs + outputs, outputs)?;
                inputs = outputs;
                Some(made)
            }
            Layer::MaxPool(size) => {
                side /= size;
                None
            }
            Layer::Flatten => {
                inputs = channels * side * side;
                None
            }
            Layer::Relu => None,
        })
    });
    weights.collect()
}

fn forward(layers: &[Layer], weights: &Weights, inputs: &Tensor) -> Candle<Tensor> {
    let mut values = if takes_pictures(layers) { inputs.reshape(((), 1, 28, 28))? } else { inputs.clone() };
    for (layer, weights) in layers.iter().zip(weights) {
        values = match (layer, weights) {
            (Layer::Convolution { size, .. }, Some((kernel, bias))) => {
                let sums = values.conv2d(kernel, size / 2, 1, 1, 1)?;
                sums.broadcast_add(&bias.reshape((1, (), 1, 1))?)?
            }
            (Layer::Dense(_), Some((kernel, bias))) => values.matmul(&kernel.t()?)?.broadcast_add(bias)?,
            (Layer::MaxPool(size), _) => values.max_pool2d(*size)?,
            (Layer::Flatten, _) => values.flatten_from(1)?,
            _ => values.relu()?,
        };
    }
    Ok(values)
}

struct RmsProp {
    /// Each with the mean square of its gradients, a variable as in candle's own optimizers: a tensor would keep what
    /// it was computed from.
    variables: Vec<(Var, Var)>,
    learning_rate: f64,
}

impl Optimizer for RmsProp {
    type Config = f64;

    fn new(variables: Vec<Var>, learning_rate: f64) -> Candle<Self> {
        let averaged =
            variables.into_iter().map(|variable| Ok((variable.clone(), Var::from_tensor(&variable.zeros_like()?)?)));
        Ok(Self { variables: averaged.collect::<Candle<_>>()?, learning_rate })
    }

    fn step(&mut self, gradients: &GradStore) -> Candle<()> {
        for (variable, average) in &self.variables {
            if let Some(gradient) = gradients.get(variable) {
                let next = ((average.as_tensor() * RHO)? + (gradient.sqr()? * (1.0 - RHO))?)?;
                let update = (gradient / (&next + EPSILON)?.sqrt()?)?;
                average.set(&next)?;
                variable.set(&variable.sub(&(update * self.learning_rate)?)?)?;
            }
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }
}

fn tensors(digits: Digits, device: &Device) -> Candle<(Tensor, Tensor)> {
    let count = digits.labels.len();
    let labels: Vec<u32> = digits.labels.into_iter().map(u32::from).collect();
    Ok((Tensor::from_vec(digits.pixels, (count, 784), device)?, Tensor::from_vec(labels, count, device)?))
}

fn right(logits: &Tensor, labels: &Tensor) -> Candle<f64> {
    Ok(f64::from(logits.argmax(1)?.eq(labels)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?))
}

fn evaluate(layers: &[Layer], weights: &Weights, (inputs, labels): &(Tensor, Tensor)) -> Candle<f64> {
    let count = labels.elem_count();
    let mut sum = 0.0;
    for start in (0..count).step_by(VALIDATION_BATCH) {
        let length = VALIDATION_BATCH.min(count - start);
        let (inputs, labels) = (inputs.narrow(0, start, length)?, labels.narrow(0, start, length)?);
        let logits = forward(layers, weights, &inputs)?.detach();
        assert!(cross_entropy(&logits, &labels)?.to_scalar::<f32>()?.is_finite());
        sum += right(&logits, &labels)?;
    }
    Ok(sum / count as f64)
}

fn main() -> Result<()> {
    let layers = layers()?;
    let device = Device::Cpu;
    let [train, validation, test] = mnist()?;
    let count = train.labels.len();
    let train = tensors(train, &device)?;
    let (validation, test) = (tensors(validation, &device)?, tensors(test, &device)?);
    let weights = start(&layers, &device)?;
    let variables = weights.iter().flatten().flat_map(|(kernel, bias)| [kernel.clone(), bias.clone()]).collect();
    let optimizer = RmsProp::new(variables, LEARNING_RATE)?;
    let epoch = |optimizer: &mut RmsProp, order: &[u32]| -> Result<()> {
        for positions in order.chunks(BATCH) {
            let positions = Tensor::new(positions, &device)?;
            let (inputs, labels) = (train.0.index_select(&positions, 0)?, train.1.index_select(&positions, 0)?);
            let logits = forward(&layers, &weights, &inputs)?;
            let loss = cross_entropy(&logits, &labels)?;
            optimizer.backward_step(&loss)?;
            assert!(loss.to_scalar::<f32>()?.is_finite() && right(&logits, &labels)? >= 0.0);
        }
        evaluate(&layers, &weights, &validation)?;
        Ok(())
    };
    report(optimizer, count, epoch, |_| Ok(evaluate(&layers, &weights, &test)?))
}
