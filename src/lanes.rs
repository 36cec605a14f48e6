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

/// Runs a loop, compiled for eight lanes where the processor has them.
#[inline(always)]
pub(crate) fn in_lanes<Output>(run: impl FnOnce() -> Output) -> Output {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the processor was asked and has these instructions.
        return unsafe { in_eight_lanes(run) };
    }
    run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn in_eight_lanes<Output>(run: impl FnOnce() -> Output) -> Output {
    run()
}

/// A row of a matrix, and what it counts.
pub(crate) type Weighted = (usize, f32);

/// Adds rows of a matrix, each as often as it counts: the product of a row that is mostly zeros with the matrix.
pub(crate) fn add_rows(sum: &mut [f32], rows: &[Weighted], matrix: &[f32]) {
    /// As many numbers as a processor's registers hold.
    const TILE: usize = 64;
    let columns = sum.len();
    let (tiles, rest) = sum.as_chunks_mut::<TILE>();
    let start_of_rest = columns - rest.len();
    in_lanes(|| {
        for (index, tile) in tiles.iter_mut().enumerate() {
            let mut sums = *tile;
            for &(row, weight) in rows {
                let numbers = &matrix[row * columns + index * TILE..][..TILE];
                sums.iter_mut().zip(numbers).for_each(|(sum, number)| *sum = weight.mul_add(*number, *sum));
            }
            *tile = sums;
        }
    });
    for &(row, weight) in rows {
        let numbers = &matrix[row * columns + start_of_rest..];
        rest.iter_mut().zip(numbers).for_each(|(sum, number)| *sum = weight.mul_add(*number, *sum));
    }
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
            let matrix: Vec<f32> = (0..3 * columns).map(|number| number as f32).collect();
            let mut sum = vec![1.0; columns];
            add_rows(&mut sum, &[(0, 2.0), (2, -1.0)], &matrix);
            let expected = (0..columns).map(|column| 1.0 + 2.0 * matrix[column] - matrix[2 * columns + column]);
            assert!(sum.into_iter().eq(expected), "{columns} columns");
        }
    }
}
