//! Loads libtorch's CUDA part. The linker drops it from Rust programs, because they call nothing in it by name;
//! libtorch itself finds a GPU only where it was loaded before the first question for one.

use std::mem;

use libloading::Library;

/// The NVIDIA driver's library, then libtorch's: without the first, there is no need to wait for the second.
#[cfg(not(windows))]
const LIBRARIES: [&str; 2] = ["libcuda.so.1", "libtorch_cuda.so"];
#[cfg(windows)]
const LIBRARIES: [&str; 2] = ["nvcuda.dll", "torch_cuda.dll"];

/// Loads what a GPU needs, or says what could not be loaded.
///
/// # Errors
/// The system's reason, as text.
pub fn load() -> Result<(), String> {
    for name in LIBRARIES {
        // SAFETY: both only register themselves when loaded, as every C++ program that is linked to them has them do.
        let library = unsafe { Library::new(name) }.map_err(|error| error.to_string())?;
        mem::forget(library); // Unloading would pull the code from under libtorch.
    }
    Ok(())
}
