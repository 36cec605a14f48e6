//! The table of a network's layers, in the form in which Keras prints it.

use std::fmt;

use crate::{decimals::with_commas, notebook::show};

/// A network's layers with their output shapes and numbers of weights; shows itself as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    rows: Vec<[String; 3]>,
    trained: usize,
    untrained: usize,
}

impl Summary {
    /// From each layer's title, output shape, and numbers of weights: those that are trained, and those that are not.
    pub(super) fn new(layers: impl Iterator<Item = (String, Vec<usize>, usize, usize)>) -> Self {
        let (mut trained, mut untrained) = (0, 0);
        let mut rows = Vec::new();
        for (title, output, layer_trained, layer_untrained) in layers {
            trained += layer_trained;
            untrained += layer_untrained;
            let shape: Vec<_> = output.iter().map(usize::to_string).collect();
            rows.push([title, format!("(None, {})", shape.join(", ")), with_commas(layer_trained + layer_untrained)]);
        }
        Self { rows, trained, untrained }
    }

    /// The number of trainable parameters.
    pub fn parameters(&self) -> usize {
        self.trained
    }

    /// Shows the table in a notebook: evcxr calls this for the last value of a cell.
    pub fn evcxr_display(&self) {
        show(&[("text/plain", &self.to_string())]);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let longest = self.rows.iter().map(|[title, ..]| title.len() + 2).max().unwrap_or_default();
        let widths = [longest.max(33), 24, 15];
        let line = |left: char, fill: &str, middle: &str, right: char| {
            format!("{left}{}{right}", widths.map(|width| fill.repeat(width)).join(middle))
        };
        let [layer, shape, count] = widths.map(|width| width - 2);
        writeln!(formatter, "{}", line('┏', "━", "┳", '┓'))?;
        writeln!(formatter, "┃ {:<layer$} ┃ {:<shape$} ┃ {:>count$} ┃", "Layer (type)", "Output Shape", "Param #")?;
        writeln!(formatter, "{}", line('┡', "━", "╇", '┩'))?;
        for (index, [name, output, weights]) in self.rows.iter().enumerate() {
            if index > 0 {
                writeln!(formatter, "{}", line('├', "─", "┼", '┤'))?;
            }
            writeln!(formatter, "│ {name:<layer$} │ {output:<shape$} │ {weights:>count$} │")?;
        }
        writeln!(formatter, "{}", line('└', "─", "┴", '┘'))?;
        let Self { trained, untrained, .. } = *self;
        writeln!(formatter, " Total params: {}", with_size(trained + untrained))?;
        writeln!(formatter, " Trainable params: {}", with_size(trained))?;
        write!(formatter, " Non-trainable params: {}", with_size(untrained))
    }
}

/// A number of weights and what they take, each a 32-bit float.
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
    use super::*;

    #[test]
    fn counts_are_those_of_the_original() {
        let layer = |[inputs, outputs]: [usize; 2]| ("dense".into(), vec![outputs], (inputs + 1) * outputs, 0);
        let layers = [[784, 512], [512, 256], [256, 128], [128, 10]].map(layer);
        let text = Summary::new(layers.into_iter()).to_string();
        let last = ["Total params: 567,434 (2.16 MB)", "Non-trainable params: 0 (0.00 B)"];
        for count in ["401,920", "131,328", "32,896", "1,290"].into_iter().chain(last) {
            assert!(text.contains(count), "{text}");
        }
        let widths: Vec<_> = text.lines().take(11).map(|line| line.chars().count()).collect();
        assert_eq!(widths, [76; 11]);
    }
}
