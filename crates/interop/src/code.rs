//! A plan in Python: the model whose weights are written and read here.

use std::iter::once;

use mnist_classification::{
    Result,
    model::{Layer, Plan},
};

/// Writes a plan as PyTorch's `nn.Sequential`. Samples are `[features]` or `[channels, height, width]`, as here.
///
/// ```
/// let plan = mnist_classification::model::Plan::mlp(&[784, 32, 10])?;
/// let expected = "nn.Sequential(\n    nn.Linear(784, 32),\n    nn.ReLU(),\n    nn.Linear(32, 10),\n)";
/// assert_eq!(interop::pytorch_code(&plan)?, expected);
/// # Ok::<(), mnist_classification::Error>(())
/// ```
///
/// # Errors
/// As [`Plan::shapes`].
pub fn pytorch_code(plan: &Plan) -> Result<String> {
    let before = once(plan.input.clone()).chain(plan.shapes()?);
    let lines = plan.layers.iter().zip(before).map(|(layer, before)| {
        let inputs = before[0];
        let module = match *layer {
            Layer::Dense(outputs) => format!("Linear({inputs}, {outputs})"),
            Layer::Convolution { channels, size, stride, padding } => {
                format!("Conv2d({inputs}, {channels}, {size}, stride={stride}, padding={padding})")
            }
            Layer::MaxPool(size) => format!("MaxPool2d({size})"),
            Layer::Flatten => "Flatten()".into(),
            Layer::Relu => "ReLU()".into(),
            Layer::Dropout(fraction) => format!("Dropout({fraction})"),
            Layer::BatchNorm => format!("BatchNorm{}d({inputs})", if before.len() == 3 { 2 } else { 1 }),
        };
        format!("    nn.{module},\n")
    });
    Ok(format!("nn.Sequential(\n{})", lines.collect::<String>()))
}

/// Writes a plan as `keras.Sequential`. Its pictures are `[height, width, channels]`, Keras' default.
///
/// ```
/// let plan = mnist_classification::model::Plan::mlp(&[784, 10])?;
/// let expected = "keras.Sequential([\n    keras.layers.Input((784,)),\n    keras.layers.Dense(10),\n])";
/// assert_eq!(interop::keras_code(&plan), expected);
/// # Ok::<(), mnist_classification::Error>(())
/// ```
pub fn keras_code(plan: &Plan) -> String {
    let input = match plan.input[..] {
        [channels, height, width] => format!("Input(({height}, {width}, {channels}))"),
        _ => format!("Input(({},))", plan.input.iter().product::<usize>()),
    };
    let layers = plan.layers.iter().flat_map(|layer| match *layer {
        Layer::Dense(outputs) => vec![format!("Dense({outputs})")],
        Layer::Convolution { channels, size, stride, padding } => {
            // With a stride, Keras' "same" pads one side more than the other.
            let is_same = stride == 1 && size % 2 == 1 && padding == size / 2;
            let kind = if is_same { "same" } else { "valid" };
            let convolution = format!("Conv2D({channels}, {size}, strides={stride}, padding=\"{kind}\")");
            let is_padded = !is_same && padding > 0;
            is_padded.then(|| format!("ZeroPadding2D({padding})")).into_iter().chain([convolution]).collect()
        }
        Layer::MaxPool(size) => vec![format!("MaxPooling2D({size})")],
        Layer::Flatten => vec!["Flatten()".into()],
        Layer::Relu => vec!["ReLU()".into()],
        Layer::Dropout(fraction) => vec![format!("Dropout({fraction})")],
        Layer::BatchNorm => vec!["BatchNormalization()".into()],
    });
    let lines = once(input).chain(layers).map(|layer| format!("    keras.layers.{layer},\n"));
    format!("keras.Sequential([\n{}])", lines.collect::<String>())
}
