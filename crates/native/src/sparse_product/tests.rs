//! The products beside libtorch's.

use tch::{Device, Kind, Tensor};

use super::*;
use crate::FlushToZero;

const KERAS: RmsProp = RmsProp { rho: 0.9, epsilon: 1e-7 };

fn full(shape: [i64; 2], value: f64) -> Tensor {
    Tensor::full(shape, value, (Kind::Float, Device::Cpu))
}

/// A matrix of so many rows, no two values of which are the same, and sparse rows that meet three of them.
fn factors(rows: i64, columns: i64) -> (Tensor, [SparseRow<'static>; 2], Tensor) {
    let matrix = Tensor::arange(rows * columns, (Kind::Float, Device::Cpu)).reshape([rows, columns]);
    let sparse = SparseRow { positions: &[0, 2, 3], values: &[2.0, -1.0, 0.5] };
    let dense = Tensor::from_slice(&[2.0_f32, 0.0, -1.0, 0.5]).reshape([1, 4]).constant_pad_nd([0, rows - 4, 0, 1]);
    (matrix, [sparse, SparseRow { positions: &[], values: &[] }], dense)
}

#[test]
fn summed_rows_are_a_product() {
    for columns in [1, 64, 100, 128, 300] {
        let (matrix, rows, dense) = factors(300, columns);
        let parts = [rows.to_vec(), vec![SparseRow { positions: &[256], values: &[1.0] }; 2]];
        let _ = dense.narrow(1, 256, 1).fill_(1.0);
        let expected: Tensor = dense.matmul(&matrix) + 1.0;
        let mut sums = full([2, columns], 0.0);
        let bias = full([1, columns], 1.0).reshape([columns]);
        unsafe { sum_rows(&mut Columns::all(&mut sums).unwrap(), &bias, &parts, &matrix, 0) }.unwrap();
        assert!(sums.allclose(&expected, 1e-6, 0.0, false), "{columns} columns");
        let (start, mut some) = (columns / 2, full([2, columns], 0.0));
        let mut last = unsafe { Columns::of(&mut some, start as usize..columns as usize) }.unwrap();
        unsafe { sum_rows(&mut last, &bias, &parts, &matrix, start as usize) }.unwrap();
        assert_eq!(some.narrow(1, start, columns - start), sums.narrow(1, start, columns - start));
        assert_eq!(some.narrow(1, 0, start), full([2, start], 0.0));
    }
}

#[test]
fn a_masked_product_is_one_where_the_row_is_not_zero() {
    for columns in [10, 64, 150] {
        let (matrix, rows, dense) = factors(5, columns);
        let (after, mut before) = (full([2, columns], 0.25), full([2, 5], 9.0));
        let mut view = unsafe { Columns::all(&mut before) }.unwrap();
        unsafe { masked_product(&mut view, &after, &rows, &matrix) }.unwrap();
        let expected = after.matmul(&matrix.tr()) * dense.ne(0.0);
        assert!(before.allclose(&expected, 1e-6, 0.0, false), "{columns} columns");
    }
}

fn updated(value: f64, average: f64, rows: &[SparseRow], errors: &Tensor) -> [Tensor; 2] {
    let shape = [rows.len() as i64, errors.size()[1]];
    let (mut parameters, mut averages) = (full(shape, value), full(shape, average));
    let mut views = [&mut parameters, &mut averages].map(|tensor| unsafe { Columns::all(tensor) }.unwrap());
    unsafe { update_rows(KERAS, views.each_mut(), rows, errors, 0, 0.001) }.unwrap();
    [parameters, averages]
}

#[test]
fn an_update_of_rows_is_one_by_their_gradient() {
    for columns in [10, 64, 150] {
        let (errors, rows, dense) = factors(5, columns);
        let (mut parameters, mut averages) = (full([2, columns], 0.1), full([2, columns], 0.3));
        let gradient = dense.matmul(&errors);
        crate::rms_prop(KERAS, &mut parameters, &mut averages, &gradient, 0.001).unwrap();
        for (found, expected) in iter::zip(updated(0.1, 0.3, &rows, &errors), [parameters, averages]) {
            assert!(found.allclose(&expected, 1e-6, 0.0, false), "{columns} columns");
        }
    }
}

#[test]
fn no_average_stays_denormal_under_the_guard() {
    let (errors, row) = (full([4, 100], 0.0), SparseRow { positions: &[3], values: &[1.0] });
    let denormal = |rows: &[SparseRow]| {
        let averages = Vec::<f32>::try_from(updated(0.1, 1.2e-38, rows, &errors)[1].reshape([-1])).unwrap();
        averages.into_iter().filter(|value| value.is_subnormal()).count()
    };
    let empty = SparseRow { positions: &[], values: &[] };
    assert_eq!(denormal(&[row, empty]), 200, "what the guard prevents");
    let _guard = FlushToZero::begin();
    assert_eq!(denormal(&[row, empty]), 0);
}
