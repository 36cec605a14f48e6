//! Which samples a network fails on, why, and what of it is the label's fault.
//!
//! - [`attribution`]: the pixels that speak for a class, by four methods, and a test of what such a map is worth.
//! - [`components`]: a network's last hidden layer, seen in two dimensions.
//! - [`labels`]: labels that the predictions contradict, and what people said of MNIST's.
//! - [`stability`]: which mistakes every training makes, and which depend on the seed.

pub mod attribution;
pub mod components;
pub mod labels;
pub mod stability;
