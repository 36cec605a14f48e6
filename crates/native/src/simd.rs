//! Loops over the values of tensors, compiled for sixteen or eight values at a time.

use std::{marker::PhantomData, ops::Range, slice};

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

/// Some columns of a matrix, to be changed.
pub(crate) struct Columns<'a> {
    start: *mut f32,
    rows: usize,
    stride: usize,
    width: usize,
    tensor: PhantomData<&'a mut Tensor>,
}

impl<'a> Columns<'a> {
    /// # Safety
    /// While this lives, nobody else reads or writes the matrix.
    ///
    /// # Errors
    /// As [`Columns::of`].
    pub(crate) unsafe fn all(tensor: &'a mut Tensor) -> Result<Self> {
        let columns = tensor.size().last().map_or(0, |&columns| columns as usize);
        // SAFETY: as the caller promises.
        unsafe { Self::of(tensor, 0..columns) }
    }

    /// # Safety
    /// While this lives, nobody else reads or writes these columns.
    ///
    /// # Errors
    /// [`Error::Mismatch`](crate::Error::Mismatch) for a tensor that is not plain.
    pub(crate) unsafe fn of(tensor: &'a mut Tensor, columns: Range<usize>) -> Result<Self> {
        check(&[tensor], &[])?;
        let stride = tensor.size().last().map_or(0, |&stride| stride as usize);
        assert!(columns.end <= stride, "columns beyond the last");
        let start = tensor.data_ptr().cast::<f32>().wrapping_add(columns.start);
        Ok(Self { start, rows: tensor.numel() / stride.max(1), stride, width: columns.len(), tensor: PhantomData })
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "a row beyond the last");
        // SAFETY: the row is there, and these columns of it are this value's alone.
        unsafe { slice::from_raw_parts_mut(self.start.add(row * self.stride), self.width) }
    }
}

/// Calls a function in a version compiled for as many lanes as the processor has. It must be `#[inline(always)]`: it is
/// compiled once more, as a part of that version. The number of lanes changes no bit.
macro_rules! dispatch_simd {
    ($function:path, $($argument:ident: $kind:ty),+) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        fn in_sixteen_lanes($($argument: $kind),+) {
            $function($($argument),+);
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn in_eight_lanes($($argument: $kind),+) {
            $function($($argument),+);
        }
        match $crate::simd::lanes() {
            // SAFETY: the processor was asked and has these instructions.
            #[cfg(target_arch = "x86_64")]
            16 => unsafe { in_sixteen_lanes($($argument),+) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            8 => unsafe { in_eight_lanes($($argument),+) },
            _ => $function($($argument),+),
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
}
