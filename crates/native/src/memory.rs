//! What glibc does with freed memory.

/// Makes glibc keep freed memory for what is allocated next; tells whether it does. By itself it hands large blocks
/// back to the system after each step, and clearing them anew takes a tenth of a convolution's training. Other
/// allocators stay as they are.
pub fn keep_freed_memory() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use std::ffi::c_int;

        // glibc's malloc.h.
        const M_TRIM_THRESHOLD: c_int = -1;
        const M_MMAP_THRESHOLD: c_int = -3;
        unsafe extern "C" {
            fn mallopt(parameter: c_int, value: c_int) -> c_int;
        }
        // Versions before 2.35 refuse a threshold above 32 MB (half of HEAP_MAX_SIZE), and a refused call must not be
        // followed by the other: setting either ends glibc's own adaptation.
        let accepts = |threshold: c_int| {
            // SAFETY: mallopt reads two numbers and may be called at any time.
            unsafe { mallopt(M_MMAP_THRESHOLD, threshold) == 1 }
        };
        // SAFETY: as above.
        (accepts(1 << 30) || accepts(32 << 20)) && unsafe { mallopt(M_TRIM_THRESHOLD, c_int::MAX) == 1 }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::{fs, hint::black_box};

    use super::*;

    /// Counts the pages that the system has given to this thread.
    fn pages() -> u64 {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let fields = stat.rsplit(')').next().unwrap();
        fields.split_whitespace().nth(7).unwrap().parse().unwrap()
    }

    #[test]
    fn freed_memory_serves_the_next_allocation() {
        assert!(keep_freed_memory());
        let allocate = || {
            let before = pages();
            drop(black_box(vec![1_u8; 16 << 20]));
            pages() - before
        };
        allocate();
        assert!(allocate() < 400, "16 MB are 4,096 pages");
    }
}
