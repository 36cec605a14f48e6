//! The last stage of a step: some rows of a kernel, or a bias. Their gradient is computed and applied at once, while it
//! lies in the cache.

use std::ops::Range;

use tch::{Kind, Tensor};

use super::{
    Buffers, Parameters,
    sparse::{Nonzero, STRIP, Shared, read},
};
use crate::{Result, RmsProp, rms_prop::update, simd::Columns, sparse_product::update_rows};

/// About so many parameters per block, in whole strips of rows: with its averages, a block of usual size fits into a
/// core's cache.
const PARAMETERS: usize = 1 << 14;

/// Rows of parameters that are updated together.
#[derive(Debug)]
pub(super) struct Block {
    inputs: Inputs,
    /// The error of the layer's outputs, `[batch, outputs]`.
    error: Tensor,
    parameters: Tensor,
    averages: Tensor,
    rule: RmsProp,
    pub(super) learning_rate: f64,
}

/// What the rows are multiplied with.
#[derive(Debug)]
enum Inputs {
    /// Of a kernel: these outputs of the layer before, or pixels, `[batch, rows]`.
    Kernel { rows: Tensor, sparse: Sparse },
    /// Of a bias: 1.
    One,
}

/// The same, of which most are 0.
#[derive(Debug)]
struct Sparse {
    strips: Range<usize>,
    columns: Range<usize>,
    /// Of each slice of the batch, all columns, where it holds them.
    slices: Vec<Shared<Nonzero>>,
    /// Room for the samples of each column.
    transposed: Nonzero,
}

impl Block {
    /// Cuts the kernel of a layer into blocks of whole rows. `inputs` are the outputs of the layer before, or all
    /// pixels, and `slices` what of them is not 0.
    pub(super) fn of_kernel(
        layer: usize,
        parameters: &Parameters,
        buffers: &Buffers,
        inputs: &Tensor,
        slices: &[Shared<Nonzero>],
        rule: RmsProp,
    ) -> Result<Vec<Self>> {
        let (kernel, averages) = (&parameters.kernels[layer], &parameters.kernel_averages[layer]);
        let rows = kernel.size()[0] as usize;
        let at_once = rows.div_ceil((kernel.numel() / PARAMETERS).clamp(1, rows)).next_multiple_of(STRIP);
        let block = |start: usize| {
            let columns = start..rows.min(start + at_once);
            let part = |tensor: &Tensor, dimension| tensor.f_narrow(dimension, start as i64, columns.len() as i64);
            let sparse = Sparse {
                strips: start / STRIP..columns.end.div_ceil(STRIP),
                columns: columns.clone(),
                slices: slices.to_vec(),
                transposed: Nonzero::default(),
            };
            let inputs = Inputs::Kernel { rows: part(inputs, 1)?, sparse };
            Ok(Self::new(inputs, layer, [part(kernel, 0)?, part(averages, 0)?], buffers, rule))
        };
        (0..rows).step_by(at_once).map(block).collect()
    }

    /// Returns the bias of a layer.
    pub(super) fn of_bias(layer: usize, parameters: &Parameters, buffers: &Buffers, rule: RmsProp) -> Self {
        let bias = [&parameters.biases, &parameters.bias_averages].map(|biases| biases[layer].shallow_clone());
        Self::new(Inputs::One, layer, bias, buffers, rule)
    }

    fn new(
        inputs: Inputs,
        layer: usize,
        [parameters, averages]: [Tensor; 2],
        buffers: &Buffers,
        rule: RmsProp,
    ) -> Self {
        let error = buffers.errors[layer].shallow_clone();
        Self { inputs, error, parameters, averages, rule, learning_rate: 0.0 }
    }

    pub(super) fn run(&mut self) -> Result<()> {
        let Self { inputs, error, parameters, averages, rule, learning_rate } = self;
        let gradient = match inputs {
            Inputs::Kernel { rows, sparse } => {
                if sparse.transpose() {
                    let rows: Vec<_> = sparse.transposed.rows().collect();
                    // SAFETY: each block has its own rows, which nobody else reads in this stage, and nobody writes to
                    // errors.
                    return unsafe {
                        let both = [&mut Columns::all(parameters)?, &mut Columns::all(averages)?];
                        update_rows(*rule, both, &rows, error, 0, *learning_rate)
                    };
                }
                rows.tr().f_mm(error)?
            }
            Inputs::One => error.f_sum_dim_intlist(0, false, Kind::Float)?,
        };
        update(*rule, parameters, averages, &gradient, *learning_rate)
    }
}

impl Sparse {
    /// Finds the samples in which each column is not 0; tells whether all slices hold theirs.
    fn transpose(&mut self) -> bool {
        let slices: Vec<_> = self.slices.iter().map(read).collect();
        if slices.is_empty() || !slices.iter().all(|slice| slice.is_held()) {
            return false;
        }
        let strips = &self.strips;
        let rows = slices.iter().flat_map(|slice| (0..slice.len()).map(|row| slice.part(row, strips.clone())));
        self.transposed.set_transposed(self.columns.clone(), rows);
        true
    }
}
