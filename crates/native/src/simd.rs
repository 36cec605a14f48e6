//! Loops over the values of tensors, compiled for sixteen or eight values at a time.
//!
//! Composed of libtorch's operations, RMSprop's update goes over memory six times and takes a fifth of a training step;
//! as one loop it takes a twentieth. Products with blank pixels libtorch cannot leave out at all.

use std::slice;

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Tells whether a tensor is plain: contiguous 32-bit floats in main memory.
pub fn is_plain(tensor: &Tensor) -> bool {
    (tensor.device(), tensor.kind()) == (Device::Cpu, Kind::Float) && tensor.is_contiguous()
}

/// Checks what [`floats`] and [`floats_mut`] need of tensors that one loop uses together: all are plain, and what is
/// written shares no memory with the others.
///
/// # Errors
/// [`Error::Mismatch`] with the first tensor that cannot be used.
pub(crate) fn check(written: &[&Tensor], read: &[&Tensor]) -> Result<()> {
    if let Some(tensor) = written.iter().chain(read).find(|tensor| !is_plain(tensor)) {
        let found = format!("{:?} on {:?}, strides {:?}", tensor.kind(), tensor.device(), tensor.stride());
        return Err(Error::mismatch("a tensor", found, "contiguous 32-bit floats in main memory"));
    }
    let span = |tensor: &Tensor| {
        let start = tensor.data_ptr() as usize;
        start..start + tensor.numel() * size_of::<f32>()
    };
    for (index, one) in written.iter().enumerate() {
        let mut others = written[index + 1..].iter().chain(read).map(|other| span(other));
        if others.any(|other| other.start < span(one).end && span(one).start < other.end) {
            let found = "memory that another one shares";
            return Err(Error::mismatch("a tensor", found, "memory of its own, as it is written to"));
        }
    }
    Ok(())
}

/// Returns the values of a tensor.
///
/// # Safety
/// The tensor passed [`check`], and nobody writes to its memory while the slice lives.
pub(crate) unsafe fn floats(tensor: &Tensor) -> &[f32] {
    match tensor.numel() {
        0 => &[], // The tensor's own pointer is null.
        // SAFETY: a plain tensor has that many floats in a row, allocated as long as it lives.
        length => unsafe { slice::from_raw_parts(tensor.data_ptr().cast(), length) },
    }
}

/// Returns the values of a tensor, to be changed.
///
/// # Safety
/// The tensor passed [`check`], and nobody else reads or writes its memory while the slice lives.
pub(crate) unsafe fn floats_mut(tensor: &mut Tensor) -> &mut [f32] {
    match tensor.numel() {
        0 => &mut [],
        // SAFETY: as in `floats`.
        length => unsafe { slice::from_raw_parts_mut(tensor.data_ptr().cast(), length) },
    }
}

/// Calls a function in a version compiled for as many lanes as the processor has: the first for sixteen, the second for
/// eight or none. Both must be `#[inline(always)]`: they are compiled once more, as a part of that version. The number
/// of lanes changes no bit.
macro_rules! dispatch_simd {
    ($sixteen:path, $eight:path, $($argument:ident: $kind:ty),+) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        fn in_sixteen_lanes($($argument: $kind),+) {
            $sixteen($($argument),+);
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn in_eight_lanes($($argument: $kind),+) {
            $eight($($argument),+);
        }
        match $crate::simd::lanes() {
            // SAFETY: the processor was asked and has these instructions.
            #[cfg(target_arch = "x86_64")]
            16 => unsafe { in_sixteen_lanes($($argument),+) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            8 => unsafe { in_eight_lanes($($argument),+) },
            _ => $eight($($argument),+),
        }
    }};
}
pub(crate) use dispatch_simd;

/// Returns how many 32-bit floats the loops take at a time: 16 or 8, or 4, which is what any processor can.
pub(crate) fn lanes() -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        return 16;
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        return 8;
    }
    4
}

/// Returns the fraction of values other than 0 up to which [`sum_rows`] is faster than libtorch's product of all.
pub(crate) fn max_density() -> f64 {
    // Such a processor multiplies and adds in two instructions, which round otherwise: a function does both.
    let is_slow = cfg!(target_arch = "x86_64") && lanes() == 4;
    if is_slow { 0.0 } else { 0.4 }
}

/// A row of a matrix, and its factor.
pub(crate) type Weighted = (u32, f32);

/// Sets each row of `sums`, `[rows, columns]`, to a bias, `[columns]`, or 0, plus a weighted sum of rows of a matrix,
/// `[any, at least columns]`: a matrix product whose first factor is mostly zeros.
///
/// # Errors
/// [`Error::Mismatch`] for tensors that are not plain, or share memory.
pub(crate) fn sum_rows(
    sums: &mut Tensor,
    bias: Option<&Tensor>,
    rows: &[Vec<Weighted>],
    matrix: &Tensor,
) -> Result<()> {
    let read: Vec<_> = bias.into_iter().chain([matrix]).collect();
    check(&[sums], &read)?;
    let stride = matrix.size().last().map_or(0, |&stride| stride as usize);
    // SAFETY: all were checked just now, and the loop between here and their end uses nothing else.
    let (sums, bias, matrix) = unsafe { (floats_mut(sums), bias.map(|bias| floats(bias)), floats(matrix)) };
    sum_rows_in_lanes(sums, bias, rows, matrix, stride);
    Ok(())
}

/// Tile by tile, the matrix stays in the cache; a tile has as many columns as eight registers hold.
fn sum_rows_in_lanes(sums: &mut [f32], bias: Option<&[f32]>, rows: &[Vec<Weighted>], matrix: &[f32], stride: usize) {
    dispatch_simd!(sum_tiles::<128>, sum_tiles::<64>,
        sums: &mut [f32], bias: Option<&[f32]>, rows: &[Vec<Weighted>], matrix: &[f32], stride: usize);
}

#[inline(always)]
fn sum_tiles<const TILE: usize>(
    sums: &mut [f32],
    bias: Option<&[f32]>,
    rows: &[Vec<Weighted>],
    matrix: &[f32],
    stride: usize,
) {
    let columns = sums.len() / rows.len().max(1);
    for start in (0..columns).step_by(TILE) {
        let width = TILE.min(columns - start);
        let mut begin = [0.0; TILE];
        if let Some(bias) = bias {
            begin[..width].copy_from_slice(&bias[start..][..width]);
        }
        let matrix = &matrix[start..];
        for (sum, rows) in sums.chunks_mut(columns).zip(rows) {
            if let Some(sum) = sum[start..].first_chunk_mut::<TILE>() {
                let mut tile = begin;
                rows.iter().for_each(|&(row, weight)| add(&mut tile, weight, &matrix[row as usize * stride..][..TILE]));
                *sum = tile;
            } else {
                let sum = &mut sum[start..];
                sum.copy_from_slice(&begin[..width]);
                rows.iter().for_each(|&(row, weight)| add(sum, weight, &matrix[row as usize * stride..]));
            }
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f32], weight: f32, values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = weight.mul_add(*value, *sum));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(shape: &[i64]) -> Tensor {
        Tensor::zeros(shape, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn only_plain_tensors_that_share_nothing_are_used() {
        let matrix = zeros(&[4, 3]);
        let error = |written: &Tensor, read: &Tensor| check(&[written], &[read]).unwrap_err().to_string();
        assert!(check(&[&matrix.narrow(0, 0, 2)], &[&matrix.narrow(0, 2, 2)]).is_ok());
        assert!(error(&matrix.narrow(0, 0, 3), &matrix.narrow(0, 2, 2)).contains("memory that another one shares"));
        assert!(error(&matrix.tr(), &zeros(&[1])).contains("strides [1, 3]"));
        assert!(error(&matrix, &zeros(&[1]).to_kind(Kind::Double)).contains("found Double on Cpu"));
    }

    #[test]
    fn summed_rows_are_a_product() {
        for columns in [1, 64, 100, 128, 300] {
            let stride = columns + 3;
            let matrix = Tensor::arange(3 * stride, (Kind::Float, Device::Cpu)).reshape([3, stride]);
            let rows = [vec![(0, 2.0), (2, -1.0)], vec![]];
            let mut sums = zeros(&[2, columns]);
            sum_rows(&mut sums, Some(&(zeros(&[columns]) + 1.0)), &rows, &matrix).unwrap();
            let product: Tensor = matrix.get(0) * 2.0 - matrix.get(2) + 1.0;
            let expected = Tensor::stack(&[product.narrow(0, 0, columns), zeros(&[columns]) + 1.0_f64], 0);
            assert_eq!(sums, expected, "{columns} columns");
            sum_rows(&mut sums, None, &rows, &matrix).unwrap();
            assert_eq!(sums, expected - 1.0, "{columns} columns without a bias");
        }
        sum_rows(&mut zeros(&[0, 3]), None, &[], &zeros(&[1, 3])).unwrap();
    }
}
