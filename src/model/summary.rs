//! The table of a network's layers, in the form in which Keras prints it.

use std::fmt;

/// A network's layers with their output shapes and numbers of weights; shows itself as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    rows: Vec<[String; 3]>,
    parameters: usize,
}

impl Summary {
    /// From the shapes of the layers' kernels, each `[inputs, outputs]`.
    pub(super) fn new(kernels: impl Iterator<Item = Vec<i64>>) -> Self {
        let mut parameters = 0;
        let mut rows = Vec::new();
        for (index, kernel) in kernels.enumerate() {
            let (inputs, outputs) = (kernel[0] as usize, kernel[1] as usize);
            let weights = (inputs + 1) * outputs;
            parameters += weights;
            rows.push([format!("dense_{} (Dense)", index + 1), format!("(None, {outputs})"), with_commas(weights)]);
        }
        Self { rows, parameters }
    }

    /// How many numbers training adjusts.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// Shows the table in a notebook: evcxr calls this for the last value of a cell.
    pub fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/plain\n{self}\nEVCXR_END_CONTENT");
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        const WIDTHS: [usize; 3] = [33, 24, 15];
        let line = |left: char, fill: &str, middle: &str, right: char| {
            format!("{left}{}{right}", WIDTHS.map(|width| fill.repeat(width)).join(middle))
        };
        let [layer, shape, count] = WIDTHS.map(|width| width - 2);
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
        // Each is a 32-bit float.
        let size = format!("{:.2} MB", (self.parameters * 4) as f64 / f64::from(1 << 20));
        let total = with_commas(self.parameters);
        writeln!(formatter, " Total params: {total} ({size})")?;
        writeln!(formatter, " Trainable params: {total} ({size})")?;
        write!(formatter, " Non-trainable params: 0 (0.00 B)")
    }
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_original() {
        let kernels = [[784, 512], [512, 256], [256, 128], [128, 10]].map(Vec::from);
        let text = Summary::new(kernels.into_iter()).to_string();
        for count in ["401,920", "131,328", "32,896", "1,290", "Total params: 567,434 (2.16 MB)"] {
            assert!(text.contains(count), "{text}");
        }
        let widths: Vec<_> = text.lines().take(11).map(|line| line.chars().count()).collect();
        assert_eq!(widths, [76; 11]);
    }
}
