//! Products of a sparse matrix, which is given by its values that are not 0, and a dense one.

use std::iter;

use tch::Tensor;

use crate::{
    Result, RmsProp,
    rms_prop::{decay, update_floats},
    simd::{Columns, check, dispatch_simd, floats, lanes},
};

/// So many columns are summed at once, in four registers of sixteen lanes. Of a batch of 128, as many columns of the
/// errors fit into the first-level cache.
pub(crate) const TILE: usize = 64;

/// The most lanes of a register.
pub(crate) const LANES: usize = 16;

/// Returns the fraction of values other than 0 up to which these products are faster than libtorch's of all values.
pub(crate) fn max_density() -> f64 {
    // Such a processor has no instruction that multiplies and adds with one rounding; a slow function stands in for it.
    let is_slow = cfg!(target_arch = "x86_64") && lanes() == 4;
    if is_slow { 0.0 } else { 0.4 }
}

/// The values of a row that are not 0, and in which columns they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SparseRow<'a> {
    pub(crate) positions: &'a [u16],
    pub(crate) values: &'a [f32],
}

/// So many rows of a dense matrix are packed at a time, side by side. Where they lie, a power of two apart, they would
/// push each other out of the cache.
pub(crate) const GROUP: usize = 256;

/// Sets each row of `sums` to a bias, plus the product of a sparse row and a matrix: of both, the columns from `start`
/// on. The sparse rows come in parts, for [`GROUP`] rows of the matrix each.
///
/// # Safety
/// Nobody writes to bias and matrix meanwhile.
///
/// # Errors
/// [`Error::Mismatch`](crate::Error::Mismatch) for tensors that are not plain.
pub(crate) unsafe fn sum_rows(
    sums: &mut Columns,
    bias: &Tensor,
    parts: &[Vec<SparseRow>],
    matrix: &Tensor,
    start: usize,
) -> Result<()> {
    check(&[], &[bias, matrix])?;
    let stride = bias.numel();
    // SAFETY: both were checked just now, and the caller promises the rest.
    let (bias, matrix) = unsafe { (&floats(bias)[start..][..sums.width()], &floats(matrix)[start..]) };
    dispatch_simd!(sum_tiles, sums: &mut Columns, bias: &[f32], parts: &[Vec<SparseRow>], matrix: &[f32],
        stride: usize);
    Ok(())
}

#[inline(always)]
fn sum_tiles(sums: &mut Columns, bias: &[f32], parts: &[Vec<SparseRow>], matrix: &[f32], stride: usize) {
    let rows = parts.first().map_or(0, Vec::len);
    (0..rows).for_each(|row| sums.row(row).copy_from_slice(bias));
    let mut packed = Vec::new();
    for start in (0..bias.len()).step_by(TILE) {
        let width = TILE.min(bias.len() - start);
        for (number, rows) in parts.iter().enumerate() {
            let first = GROUP * number;
            pack(&mut packed, matrix[start..].chunks(stride).skip(first).take(GROUP), width);
            for (index, row) in rows.iter().enumerate() {
                let tile = product(*row, first, &packed);
                let sums = &mut sums.row(index)[start..][..width];
                // A whole tile stays in the registers.
                match sums.first_chunk_mut::<TILE>() {
                    Some(sums) => add(sums, &tile),
                    None => add(sums, &tile),
                }
            }
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f32], values: &[f32]) {
    iter::zip(sums, values).for_each(|(sum, value)| *sum += value);
}

/// Updates rows of parameters by RMSprop: the gradient of each is the product of a sparse row and the errors,
/// `[batch, any]`, whose columns from `start` on belong to these parameters. It goes from the registers into them.
///
/// # Safety
/// Nobody writes to the errors meanwhile.
///
/// # Errors
/// [`Error::Mismatch`](crate::Error::Mismatch) for errors that are not plain.
pub(crate) unsafe fn update_rows(
    rule: RmsProp,
    [parameters, averages]: [&mut Columns; 2],
    rows: &[SparseRow],
    errors: &Tensor,
    start: usize,
    learning_rate: f64,
) -> Result<()> {
    check(&[], &[errors])?;
    let stride = errors.size().last().map_or(0, |&stride| stride as usize);
    // SAFETY: checked just now, and the caller promises the rest.
    let errors = unsafe { &floats(errors)[start..] };
    let settings = rule.settings(learning_rate);
    dispatch_simd!(update_tiles, parameters: &mut Columns, averages: &mut Columns, rows: &[SparseRow],
        errors: &[f32], stride: usize, settings: [f32; 4]);
    Ok(())
}

#[inline(always)]
fn update_tiles(
    parameters: &mut Columns,
    averages: &mut Columns,
    rows: &[SparseRow],
    errors: &[f32],
    stride: usize,
    settings: [f32; 4],
) {
    let mut packed = Vec::new();
    for start in (0..parameters.width()).step_by(TILE) {
        let width = TILE.min(parameters.width() - start);
        pack(&mut packed, errors[start..].chunks(stride), width);
        for (number, row) in rows.iter().enumerate() {
            let averages = &mut averages.row(number)[start..][..width];
            if row.positions.is_empty() {
                decay(averages, settings);
                continue;
            }
            let tile = product(*row, 0, &packed);
            let parameters = &mut parameters.row(number)[start..][..width];
            match (parameters.first_chunk_mut::<TILE>(), averages.first_chunk_mut::<TILE>()) {
                (Some(parameters), Some(averages)) => update_floats(parameters, averages, &tile, settings),
                _ => update_floats(parameters, averages, &tile[..width], settings),
            }
        }
    }
}

/// Replaces what is packed by the first values of these rows.
#[inline(always)]
fn pack<'a>(packed: &mut Vec<[f32; TILE]>, rows: impl Iterator<Item = &'a [f32]>, width: usize) {
    packed.clear();
    for row in rows {
        match row.first_chunk::<TILE>() {
            Some(row) => packed.push(*row),
            None => {
                let mut tile = [0.0; TILE];
                tile[..width].copy_from_slice(&row[..width]);
                packed.push(tile);
            }
        }
    }
}

/// Returns the product of a sparse row and a matrix whose packed rows are those from the first on.
#[inline(always)]
fn product(row: SparseRow, first: usize, packed: &[[f32; TILE]]) -> [f32; TILE] {
    let mut tile = [0.0; TILE];
    for (&position, &factor) in iter::zip(row.positions, row.values) {
        let values = &packed[usize::from(position) - first];
        iter::zip(&mut tile, values).for_each(|(sum, value)| *sum = factor.mul_add(*value, *sum));
    }
    tile
}

/// Sets each row of `before` to the product of a row of `after` and a transposed matrix: in the positions of the sparse
/// row, and elsewhere to 0.
///
/// # Safety
/// Nobody writes to `after` and the matrix meanwhile.
///
/// # Errors
/// [`Error::Mismatch`](crate::Error::Mismatch) for tensors that are not plain.
pub(crate) unsafe fn masked_product(
    before: &mut Columns,
    after: &Tensor,
    rows: &[SparseRow],
    matrix: &Tensor,
) -> Result<()> {
    check(&[], &[after, matrix])?;
    let columns = matrix.size().last().map_or(0, |&columns| columns as usize);
    // SAFETY: both were checked just now, and the caller promises the rest.
    let (after, matrix) = unsafe { (floats(after), floats(matrix)) };
    dispatch_simd!(multiply_rows, before: &mut Columns, after: &[f32], rows: &[SparseRow], matrix: &[f32],
        columns: usize);
    Ok(())
}

#[inline(always)]
fn multiply_rows(before: &mut Columns, after: &[f32], rows: &[SparseRow], matrix: &[f32], columns: usize) {
    for (number, (row, after)) in iter::zip(rows, after.chunks(columns)).enumerate() {
        let before = before.row(number);
        before.fill(0.0);
        for &position in row.positions {
            let position = usize::from(position);
            before[position] = dot(after, &matrix[position * columns..][..columns]);
        }
    }
}

#[inline(always)]
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0; TILE];
    let (tiles, rest) = one.as_chunks::<TILE>();
    let (other_tiles, other_rest) = other.as_chunks::<TILE>();
    for (one, other) in iter::zip(tiles, other_tiles) {
        for index in 0..TILE {
            sums[index] = one[index].mul_add(other[index], sums[index]);
        }
    }
    // In halves: a sum in one order would wait for each addition.
    let mut half = TILE / 2;
    while half > 0 {
        for index in 0..half {
            sums[index] += sums[index + half];
        }
        half /= 2;
    }
    iter::zip(rest, other_rest).fold(sums[0], |sum, (one, other)| one.mul_add(*other, sum))
}

#[cfg(test)]
mod tests;
