//! Reads and writes ONNX.

mod chain;
mod constants;
mod proto;
mod read;
mod write;

pub(crate) use read::load;
pub use write::Onnx;
