//! What is unsafe, or written for speed alone. It knows tensors, sizes and numbers, and nothing of this project.
//!
//! - [`MlpStep`]: the training step of a multi-layer perceptron, written out; [`uses_dense_input`] tells which form its
//!   first layer takes.
//! - [`rms_prop`]: RMSprop's update in one pass over memory, for tensors that [`is_plain`].
//! - [`FlushToZero`]: no denormal floats, while it lives.
//! - [`thread_count`]: libtorch's count of threads, also while a step is at work.
//! - [`keep_freed_memory`]: glibc keeps freed memory for the next step.
//! - [`load_cuda`]: libtorch's CUDA part, which a Rust program is not linked to.
//!
//! Each has a plain twin that a test of `mnist-classification` compares it with: autograd's step, the formula.

#![deny(missing_docs)]

mod cuda;
mod denormals;
mod error;
mod memory;
mod mlp;
mod one_thread;
mod rms_prop;
mod simd;
mod sparse_product;
mod threads;

pub use cuda::load as load_cuda;
pub use denormals::FlushToZero;
pub use error::{Error, Result};
pub use memory::keep_freed_memory;
pub use mlp::{LARGEST_BATCH, Labelled, MlpStep, uses_dense_input};
pub use one_thread::thread_count;
pub use rms_prop::{RmsProp, update as rms_prop};
pub use simd::is_plain;
