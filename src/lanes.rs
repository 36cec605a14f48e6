//! The numbers of tensors as slices, and loops over them compiled for eight numbers at a time.
//!
//! Composed of libtorch's operations, the update of the weights goes over memory six times and takes a fifth of a
//! training step; as one loop it takes a twentieth. Products with blank pixels libtorch cannot leave out at all.

#![allow(unsafe_code)]

use std::{ptr::NonNull, slice};

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// Whether a tensor is 32-bit floats in a row in main memory.
pub(crate) fn is_plain(tensor: &Tensor) -> bool {
    (tensor.device(), tensor.kind()) == (Device::Cpu, Kind::Float) && tensor.is_contiguous()
}

/// The numbers of a tensor of 32-bit floats in main memory.
///
/// # Errors
/// [`Error::Mismatch`] where it is of another kind, on another device or has gaps.
pub(crate) fn floats(tensor: &Tensor) -> Result<&[f32]> {
    let (start, length) = place(tensor)?;
    // SAFETY: `place` gives that many floats in a row, allocated as long as the tensor lives. Tensors can share memory:
    // while callers hold this slice, nobody writes to it.
    Ok(unsafe { slice::from_raw_parts(start, length) })
}

/// The numbers of a tensor, as [`floats`], to be changed.
///
/// # Errors
/// As [`floats`].
pub(crate) fn floats_mut(tensor: &mut Tensor) -> Result<&mut [f32]> {
    let (start, length) = place(tensor)?;
    // SAFETY: as in `floats`; while callers hold this slice, nobody else reads or writes there.
    Ok(unsafe { slice::from_raw_parts_mut(start, length) })
}

/// Where the numbers lie, and how many they are.
fn place(tensor: &Tensor) -> Result<(*mut f32, usize)> {
    if !is_plain(tensor) {
        let found = format!("{:?} on {:?}, strides {:?}", tensor.kind(), tensor.device(), tensor.stride());
        return Err(Error::Mismatch { what: "a tensor", found, expected: "floats in a row on the processor".into() });
    }
    match tensor.numel() {
        0 => Ok((NonNull::dangling().as_ptr(), 0)), // The tensor's own pointer is null.
        length => Ok((tensor.data_ptr().cast(), length)),
    }
}

/// Calls a function in a version compiled for eight lanes where the processor has them. `$anywhere` must be
/// `#[inline(always)]`: it is compiled once more, as a part of that version.
macro_rules! in_lanes {
    ($anywhere:path, $($argument:ident: $kind:ty),+) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn in_eight_lanes($($argument: $kind),+) {
            $anywhere($($argument),+);
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the processor was asked and has these instructions.
            return unsafe { in_eight_lanes($($argument),+) };
        }
        $anywhere($($argument),+);
    }};
}
pub(crate) use in_lanes;

/// A row of a matrix, and what it counts.
pub(crate) type Weighted = (u32, f32);

/// Adds to each of the sums, which are rows of equal length, some rows of a matrix, each as often as it counts: a matrix
/// product whose first factor is mostly zeros. A row of the matrix begins `stride` numbers after the one before.
pub(crate) fn add_rows(sums: &mut [f32], rows: &[Vec<Weighted>], matrix: &[f32], stride: usize) {
    in_lanes!(add_rows_anywhere, sums: &mut [f32], rows: &[Vec<Weighted>], matrix: &[f32], stride: usize);
}

/// As many numbers as a processor's registers hold. Tile by tile, the matrix stays in the cache.
const TILE: usize = 64;

#[inline(always)]
fn add_rows_anywhere(sums: &mut [f32], rows: &[Vec<Weighted>], matrix: &[f32], stride: usize) {
    let columns = sums.len() / rows.len();
    for start in (0..columns).step_by(TILE) {
        for (sum, rows) in sums.chunks_mut(columns).zip(rows) {
            let numbers = |row: u32| &matrix[row as usize * stride + start..];
            if let Some(tile) = sum[start..].first_chunk_mut::<TILE>() {
                let mut sums = *tile;
                for &(row, weight) in rows {
                    add(&mut sums, weight, &numbers(row)[..TILE]);
                }
                *tile = sums;
            } else {
                rows.iter().for_each(|&(row, weight)| add(&mut sum[start..], weight, numbers(row)));
            }
        }
    }
}

#[inline(always)]
fn add(sums: &mut [f32], weight: f32, numbers: &[f32]) {
    sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum = weight.mul_add(*number, *sum));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_floats_are_a_slice() {
        let mut matrix = Tensor::arange(6, (Kind::Float, Device::Cpu)).reshape([2, 3]);
        floats_mut(&mut matrix).unwrap()[5] = 7.0;
        assert_eq!(floats(&matrix.get(1)).unwrap(), [3.0, 4.0, 7.0]);
        assert!(floats(&matrix.narrow(0, 0, 0)).unwrap().is_empty());
        assert!(floats(&matrix.tr()).is_err());
        assert!(floats(&matrix.to_kind(Kind::Double)).is_err());
    }

    #[test]
    fn added_rows_are_a_product() {
        for columns in [1, 64, 100] {
            let stride = columns + 3;
            let matrix: Vec<f32> = (0..3 * stride).map(|number| number as f32).collect();
            let mut sums = vec![1.0; 2 * columns];
            add_rows(&mut sums, &[vec![(0, 2.0), (2, -1.0)], vec![]], &matrix, stride);
            let expected = (0..columns).map(|column| 1.0 + 2.0 * matrix[column] - matrix[2 * stride + column]);
            assert!(sums.into_iter().eq(expected.chain(vec![1.0; columns])), "{columns} columns");
        }
    }
}
