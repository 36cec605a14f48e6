//! Chooses where to compute: on the processor, or on a GPU that libtorch can use.

use tch::{Cuda, Device};

use crate::{Error, Result};

/// Returns the device of this name: `cpu`, `cuda`, or `auto` for the GPU where there is one that libtorch can use.
///
/// ```
/// use mnist_classification::prelude::*;
/// let device = choose_device("auto")?;
/// let mut model = Network::mlp([784, 32, 10], 0)?;
/// model.to_device(device)?;
/// let train = Dataset::drawn(0)?.train.preprocess().to_device(device);
/// fit(&mut model, &train, &Training { epochs: 1, ..Training::default() })?;
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`] for another name, or where `cuda` is not to be had, with the reason.
pub fn choose_device(name: &str) -> Result<Device> {
    let usable =
        || native::load_cuda().and_then(|()| Cuda::is_available().then_some(()).ok_or("it finds no GPU".into()));
    let expected = match name {
        "cpu" => return Ok(Device::Cpu),
        "auto" => return Ok(if usable().is_ok() { Device::Cuda(0) } else { Device::Cpu }),
        "cuda" => match usable() {
            Ok(()) => return Ok(Device::Cuda(0)),
            Err(reason) => format!("auto or cpu, because libtorch can use no GPU here ({reason})"),
        },
        _ => "auto, cpu or cuda".into(),
    };
    Err(Error::invalid_setting("device", name, expected))
}
