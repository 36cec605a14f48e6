//! The table of a network's layers, in the form in which Keras prints it.

use std::fmt;

use super::layer::BuiltLayer;
use crate::{decimals::with_commas, notebook::show};

/// A network's layers with their output shapes and numbers of weights; shows itself as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    rows: Vec<[String; 3]>,
    trainable: usize,
    non_trainable: usize,
}

impl Summary {
    /// Lists these layers.
    pub(super) fn new<'a>(layers: impl Iterator<Item = &'a BuiltLayer>) -> Self {
        let (mut trainable, mut non_trainable, mut rows) = (0, 0, Vec::new());
        for BuiltLayer { layer, name, output, parameters, statistics } in layers {
            let tensors = parameters.iter().chain(statistics).map(|(_, tensor)| tensor);
            let (changed, kept): (Vec<_>, Vec<_>) = tensors.partition(|tensor| tensor.requires_grad());
            let [changed, kept] =
                [changed, kept].map(|tensors| tensors.iter().map(|tensor| tensor.numel()).sum::<usize>());
            (trainable, non_trainable) = (trainable + changed, non_trainable + kept);
            let shape: Vec<_> = output.iter().map(usize::to_string).collect();
            let title = format!("{name} ({})", layer.names().0);
            rows.push([title, format!("(None, {})", shape.join(", ")), with_commas(changed + kept)]);
        }
        Self { rows, trainable, non_trainable }
    }

    /// Returns the number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.trainable
    }

    /// Shows the table in a notebook: evcxr calls this for the last value of a cell.
    pub fn evcxr_display(&self) {
        show(&[("text/plain", &self.to_string())]);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        const WIDTHS: [usize; 3] = [33, 24, 15];
        let rule = |left: char, fill: &str, middle: &str, right: char| {
            format!("{left}{}{right}", WIDTHS.map(|width| fill.repeat(width)).join(middle))
        };
        let [layer, shape, count] = WIDTHS.map(|width| width - 2);
        writeln!(formatter, "{}", rule('┏', "━", "┳", '┓'))?;
        writeln!(formatter, "┃ {:<layer$} ┃ {:<shape$} ┃ {:>count$} ┃", "Layer (type)", "Output Shape", "Param #")?;
        writeln!(formatter, "{}", rule('┡', "━", "╇", '┩'))?;
        for (index, [title, output, weights]) in self.rows.iter().enumerate() {
            if index > 0 {
                writeln!(formatter, "{}", rule('├', "─", "┼", '┤'))?;
            }
            // A title that is too long for a line has two.
            let (name, keras_type) = title.split_once(' ').filter(|_| title.len() > layer).unwrap_or((title, ""));
            writeln!(formatter, "│ {name:<layer$} │ {output:<shape$} │ {weights:>count$} │")?;
            if !keras_type.is_empty() {
                writeln!(formatter, "│ {keras_type:<layer$} │ {:<shape$} │ {:>count$} │", "", "")?;
            }
        }
        writeln!(formatter, "{}", rule('└', "─", "┴", '┘'))?;
        let Self { trainable, non_trainable, .. } = *self;
        writeln!(formatter, " Total params: {}", with_size(trainable + non_trainable))?;
        writeln!(formatter, " Trainable params: {}", with_size(trainable))?;
        write!(formatter, " Non-trainable params: {}", with_size(non_trainable))
    }
}

/// Writes a number of weights and what they take, each a 32-bit float.
fn with_size(weights: usize) -> String {
    let bytes = (weights * 4) as f64;
    let (kilobytes, megabytes) = (bytes / 1024.0, bytes / f64::from(1 << 20));
    let size = match () {
        () if kilobytes < 1.0 => format!("{bytes:.2} B"),
        () if megabytes < 1.0 => format!("{kilobytes:.2} KB"),
        () => format!("{megabytes:.2} MB"),
    };
    format!("{} ({size})", with_commas(weights))
}

#[cfg(test)]
mod tests {
    use crate::model::{Layer::*, Network};

    #[test]
    fn summaries_are_those_of_keras() {
        let mlp = Network::mlp([784, 512, 256, 128, 10], 0).unwrap();
        let convolution = |channels, stride, padding| Convolution { channels, size: 3, stride, padding };
        let first = [convolution(8, 1, 1), MaxPool(2), BatchNorm, Relu];
        let layers = [&first[..], &[convolution(4, 2, 0), Flatten, Dropout(0.5), Dense(10)]].concat();
        let mut cnn = Network::new([1, 28, 28], layers, 0).unwrap();
        cnn.set_trainable("conv2d_1", false).unwrap();
        let expected = include_str!("../../tests/reference/keras/summaries.txt");
        assert_eq!(format!("{}\n{}\n", mlp.summary(), cnn.summary()), expected);
    }
}
