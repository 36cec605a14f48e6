//! Denormal floats, those below 1e-38: processors compute with them many times slower than with others. Running
//! averages of pixels that are always blank fade into them. Treating them as 0 changes no digit of a loss; TensorFlow's
//! threads do so.

/// While it lives, this thread takes denormal floats for 0, in what it reads and in what it computes. Threads that
/// start meanwhile inherit that on x86-64.
#[derive(Debug)]
pub struct FlushToZero {
    before: Register,
    /// The register belongs to a thread: the guard must not leave it.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl FlushToZero {
    /// Switches it on; elsewhere than on x86-64 and aarch64 nothing changes.
    #[must_use]
    pub fn begin() -> Self {
        let before = read();
        write(before | BITS);
        Self { before, _not_send: std::marker::PhantomData }
    }
}

impl Drop for FlushToZero {
    /// Puts these bits back as they were.
    fn drop(&mut self) {
        write((read() & !BITS) | (self.before & BITS));
    }
}

#[cfg(target_arch = "x86_64")]
type Register = u32;
#[cfg(not(target_arch = "x86_64"))]
type Register = u64;

/// MXCSR's FTZ (bit 15) and DAZ (bit 6); FPCR's FZ (bit 24). Intel SDM 1, 10.2.3; Arm ARM, FPCR.
#[cfg(target_arch = "x86_64")]
const BITS: Register = 1 << 15 | 1 << 6;
#[cfg(not(target_arch = "x86_64"))]
const BITS: Register = 1 << 24;

#[cfg(target_arch = "x86_64")]
fn read() -> Register {
    let mut register: Register = 0;
    // SAFETY: stmxcsr writes the 32 bits of MXCSR to this place; every x86-64 processor has it.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut register, options(nostack, preserves_flags)) };
    register
}

#[cfg(target_arch = "x86_64")]
fn write(register: Register) {
    // SAFETY: the value is MXCSR's own but for FTZ and DAZ, which change how denormal floats compute and nothing else.
    unsafe {
        std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const register, options(nostack, preserves_flags, readonly))
    };
}

#[cfg(target_arch = "aarch64")]
fn read() -> Register {
    let register: Register;
    // SAFETY: reads a register.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) register, options(nomem, nostack, preserves_flags)) };
    register
}

#[cfg(target_arch = "aarch64")]
fn write(register: Register) {
    // SAFETY: the value is FPCR's own but for FZ, which changes how denormal floats compute and nothing else.
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) register, options(nomem, nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn read() -> Register {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn write(_: Register) {}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn half_of_the_smallest() -> f32 {
        black_box(f32::MIN_POSITIVE) * black_box(0.5)
    }

    #[test]
    fn denormal_floats_are_zero_while_the_guard_lives_and_not_after() {
        assert!(half_of_the_smallest() > 0.0);
        {
            let _guard = FlushToZero::begin();
            assert_eq!(half_of_the_smallest(), 0.0);
            {
                let _inner = FlushToZero::begin();
            }
            assert_eq!(half_of_the_smallest(), 0.0, "an inner guard puts back what it found");
        }
        assert!(half_of_the_smallest() > 0.0);
    }
}
