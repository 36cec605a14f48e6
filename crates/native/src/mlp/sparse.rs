//! Matrices without their zeros. Four in five pixels of a digit are blank, and most hidden units are at rest: what is 0
//! adds nothing to the next layer's outputs and nothing to its gradient.

use std::{
    iter,
    ops::Range,
    panic::resume_unwind,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread,
};

use tch::Tensor;

use crate::{
    Result,
    one_thread::thread_count,
    sparse_product::{GROUP, SparseRow, max_density},
};

/// Columns that are found together.
pub(super) const STRIP: usize = 64;
const _: () = assert!(GROUP.is_multiple_of(STRIP));

/// More columns or rows have no place in 16 bits.
pub(super) const MOST: usize = 1 << 16;

/// Samples per chunk.
const CHUNK: usize = 1_024;

/// What one stage writes and several jobs of a later one read.
pub(super) type Shared<T> = Arc<RwLock<T>>;

pub(super) fn read<T>(shared: &Shared<T>) -> RwLockReadGuard<'_, T> {
    shared.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn write<T>(shared: &Shared<T>) -> RwLockWriteGuard<'_, T> {
    shared.write().unwrap_or_else(PoisonError::into_inner)
}

/// The values of a matrix that are not 0, row by row.
#[derive(Debug, Default)]
pub(super) struct Nonzero {
    strips: usize,
    positions: Vec<u16>,
    values: Vec<f32>,
    /// Where each strip of each row begins, and where the last one ends; empty where no values are held.
    starts: Vec<u32>,
}

impl Nonzero {
    /// Holds the values of these rows that are not 0, unless they are too many to leave out the others.
    pub(super) fn set_if_sparse(&mut self, rows: &[f32], columns: usize) {
        let count = count(rows);
        if count as f64 <= max_density() * rows.len() as f64 {
            self.set(rows, columns, count);
        } else {
            self.starts.clear();
        }
    }

    /// Holds the values of these rows that are not 0, so many.
    fn set(&mut self, rows: &[f32], columns: usize, count: usize) {
        self.strips = columns.div_ceil(STRIP);
        self.starts.clear();
        // The zeros behind the last value are written, too, each in the same place.
        self.positions.resize(count + 1, 0);
        self.values.resize(count + 1, 0.0);
        let mut end = 0;
        for row in rows.chunks(columns) {
            for (strip, values) in row.chunks(STRIP).enumerate() {
                self.starts.push(end as u32);
                // A slice for the strip: no place in it needs to be looked up in the whole.
                let last = self.values.len().min(end + STRIP);
                let (places, kept) = (&mut self.positions[end..last], &mut self.values[end..last]);
                let mut found = 0;
                for (column, &value) in values.iter().enumerate() {
                    if let (Some(place), Some(kept)) = (places.get_mut(found), kept.get_mut(found)) {
                        (*place, *kept) = ((STRIP * strip + column) as u16, value);
                    }
                    found += usize::from(value != 0.0);
                }
                end += found;
            }
        }
        self.starts.push(end as u32);
    }

    /// Turns a matrix of so many columns, whose rows these are, on its side.
    pub(super) fn set_transposed<'a>(
        &mut self,
        columns: Range<usize>,
        rows: impl Iterator<Item = SparseRow<'a>> + Clone,
    ) {
        self.strips = 1;
        self.starts.clear();
        self.starts.resize(columns.len() + 2, 0);
        // One place further than the counts belong: filling moves each start to where the next column's is.
        let place = |position: u16| usize::from(position) - columns.start + 2;
        rows.clone().for_each(|row| row.positions.iter().for_each(|&position| self.starts[place(position)] += 1));
        for column in 2..self.starts.len() {
            self.starts[column] += self.starts[column - 1];
        }
        let count = self.starts[columns.len() + 1] as usize;
        self.positions.resize(count, 0);
        self.values.resize(count, 0.0);
        for (number, row) in rows.enumerate() {
            for (&position, &value) in iter::zip(row.positions, row.values) {
                let end = &mut self.starts[place(position) - 1];
                self.positions[*end as usize] = number as u16;
                self.values[*end as usize] = value;
                *end += 1;
            }
        }
        self.starts.pop();
    }

    pub(super) fn is_held(&self) -> bool {
        !self.starts.is_empty()
    }

    /// Returns how many rows there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1) / self.strips.max(1)
    }

    /// Returns all rows, cut for each [`GROUP`] of columns.
    pub(super) fn parts(&self) -> Vec<Vec<SparseRow<'_>>> {
        groups(self.strips).map(|strips| (0..self.len()).map(|row| self.part(row, strips.clone())).collect()).collect()
    }

    /// Returns all rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = SparseRow<'_>> {
        (0..self.len()).map(|row| self.part(row, 0..self.strips))
    }

    /// Returns the strips of a row.
    pub(super) fn part(&self, row: usize, strips: Range<usize>) -> SparseRow<'_> {
        let [start, end] = [strips.start, strips.end].map(|strip| self.starts[row * self.strips + strip] as usize);
        SparseRow { positions: &self.positions[start..end], values: &self.values[start..end] }
    }
}

/// Returns the strips of each [`GROUP`].
fn groups(strips: usize) -> impl Iterator<Item = Range<usize>> {
    (0..strips).step_by(GROUP / STRIP).map(move |start| start..strips.min(start + GROUP / STRIP))
}

fn count(values: &[f32]) -> usize {
    values.iter().filter(|value| **value != 0.0).count()
}

/// The pixels of samples that are not 0.
#[derive(Debug)]
pub(super) struct SparsePixels {
    /// How many pixels a sample has.
    pub(super) count: usize,
    chunks: Vec<Nonzero>,
}

impl SparsePixels {
    /// Finds those of samples that are rows of pixels. Each thread looks through a part of the samples.
    pub(super) fn new(inputs: &Tensor) -> Result<Self> {
        let pixels = inputs.size()[1] as usize;
        let mut rows = inputs.f_split(CHUNK as i64, 0)?;
        let threads = thread_count();
        let part = rows.len().div_ceil(threads);
        let parts: Vec<Result<Vec<Nonzero>>> = thread::scope(|scope| {
            let look = |part: Vec<Tensor>| part.iter().map(|rows| chunk(rows, pixels)).collect();
            let parts = (0..threads).map(|_| rows.drain(..part.min(rows.len())).collect());
            let started: Vec<_> = parts.map(|part| scope.spawn(move || look(part))).collect();
            started.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        let chunks = parts.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        Ok(Self { count: pixels, chunks })
    }

    /// Returns the pixels of these samples, cut for each [`GROUP`].
    pub(super) fn parts(&self, samples: &[usize]) -> Vec<Vec<SparseRow<'_>>> {
        let part = |strips: Range<usize>| samples.iter().map(|&sample| self.part(sample, strips.clone())).collect();
        groups(self.count.div_ceil(STRIP)).map(part).collect()
    }

    /// Returns a sample's pixels in these strips.
    pub(super) fn part(&self, sample: usize, strips: Range<usize>) -> SparseRow<'_> {
        self.chunks[sample / CHUNK].part(sample % CHUNK, strips)
    }
}

fn chunk(rows: &Tensor, pixels: usize) -> Result<Nonzero> {
    let (mut nonzero, values) = (Nonzero::default(), Vec::<f32>::try_from(rows.f_reshape([-1])?)?);
    nonzero.set(&values, pixels, count(&values));
    Ok(nonzero)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(row: SparseRow) -> Vec<(u16, f32)> {
        iter::zip(row.positions, row.values).map(|(&position, &value)| (position, value)).collect()
    }

    #[test]
    fn what_is_not_zero_is_found_once_with_its_value_and_from_the_side() {
        let mut rows = [[0.0; 200]; 3];
        for (row, column, value) in [(0, 5, 9.0), (1, 0, 0.5), (1, 63, 1.0), (1, 64, -1.0), (1, 199, 2.0)] {
            rows[row][column] = value;
        }
        let mut nonzero = Nonzero::default();
        nonzero.set_if_sparse(rows.as_flattened(), 200);
        let found: Vec<_> = nonzero.rows().map(pairs).collect();
        assert_eq!(found, [vec![(5, 9.0)], vec![(0, 0.5), (63, 1.0), (64, -1.0), (199, 2.0)], vec![]]);
        assert_eq!(pairs(nonzero.part(1, 1..2)), [(64, -1.0)]);
        assert_eq!(pairs(nonzero.part(1, 2..4)), [(199, 2.0)]);

        let mut transposed = Nonzero::default();
        for _ in 0..2 {
            transposed.set_transposed(0..64, (0..3).map(|row| nonzero.part(row, 0..1)));
            let found: Vec<_> = transposed.rows().map(pairs).collect();
            assert_eq!(found.len(), 64);
            let of = [0, 1, 5, 63].map(|column| found[column].clone());
            assert_eq!(of, [vec![(1, 0.5)], vec![], vec![(0, 9.0)], vec![(1, 1.0)]]);
        }
        transposed.set_transposed(192..200, (0..3).map(|row| nonzero.part(row, 3..4)));
        assert_eq!(pairs(transposed.rows().nth(7).unwrap()), [(1, 2.0)]);
    }
}
