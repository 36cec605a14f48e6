//! Generic code that every cell needs, compiled once: rustc takes an instance of a generic function from a crate that
//! the cell depends on, if that crate is unoptimised and has it. Without this crate each cell would compile them
//! anew, most of its code.
//!
//! They are those of evcxr's store of variables, a map of boxed values, and what drops the library's types.

use std::{any::Any, collections::HashMap, hint::black_box};

use mnist_classification::{
    Error,
    metrics::calibration::Calibration,
    polars::prelude::{Column, DataFrame, PolarsError},
    prelude::*,
    tch::{Device, TchError, Tensor},
};

type Variables = HashMap<String, Box<dyn Any>>;

/// As evcxr does it for each of a cell's variables.
fn store<T: 'static>(variables: &mut Variables, value: T) -> Option<T> {
    variables.insert("name".to_owned(), Box::new(value));
    let kept = variables.get("name")?.downcast_ref::<T>().is_some();
    let value = variables.remove("name")?;
    kept.then_some(*value.downcast::<T>().ok()?)
}

/// Never called. It exists so that rustc compiles what it calls.
pub fn instances(values: Values) -> Option<()> {
    let mut variables = Variables::new();
    variables.extend(Variables::new().drain());
    macro_rules! store_each {
        ($($field:ident)*) => { $(
            let value = store(&mut variables, values.$field)?;
            black_box(store(&mut variables, vec![value]));
        )* };
    }
    store_each!(network dataset samples tensor device training history scores predictions confusion report);
    store_each!(calibration frame column text texts number numbers whole wholes size sizes byte flag);
    drop((values.failed, values.of_tensor, values.of_frame, values.of_file));
    Some(())
}

/// One of each type.
pub struct Values {
    network: Network,
    dataset: Dataset,
    samples: Samples,
    tensor: Tensor,
    device: Device,
    training: Training,
    history: History,
    scores: Scores,
    predictions: Predictions,
    confusion: ConfusionMatrix,
    report: ClassificationReport,
    calibration: Calibration,
    frame: DataFrame,
    column: Column,
    text: String,
    texts: Vec<String>,
    number: f64,
    numbers: Vec<f64>,
    whole: i64,
    wholes: Vec<i64>,
    size: usize,
    sizes: Vec<usize>,
    byte: u8,
    flag: bool,
    failed: Result<(), Error>,
    of_tensor: Result<(), TchError>,
    of_frame: Result<(), PolarsError>,
    of_file: Result<(), std::io::Error>,
}
