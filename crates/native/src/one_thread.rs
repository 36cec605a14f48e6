//! Keeps libtorch on one thread, while other threads share out the work.

use std::sync::Mutex;

use crate::threads::lock;

/// While any lives, each operation of libtorch stays on the thread that calls it. The count of libtorch's threads
/// belongs to the process: the first of several trainings keeps it, and the last one puts it back.
pub(crate) struct OneThread;

/// How many [`OneThread`] live, and libtorch's count of threads before the first.
static ONE_THREAD: Mutex<(usize, i32)> = Mutex::new((0, 0));

impl OneThread {
    pub(crate) fn begin() -> Self {
        let mut state = lock(&ONE_THREAD);
        if state.0 == 0 {
            state.1 = tch::get_num_threads();
            tch::set_num_threads(1);
        }
        state.0 += 1;
        Self
    }
}

/// Returns how many threads libtorch uses when no [`MlpStep`](crate::MlpStep) is at work, which keeps it on one.
pub fn thread_count() -> usize {
    let state = lock(&ONE_THREAD);
    let count = if state.0 == 0 { tch::get_num_threads() } else { state.1 };
    usize::try_from(count).unwrap_or(1).max(1)
}

impl Drop for OneThread {
    fn drop(&mut self) {
        let mut state = lock(&ONE_THREAD);
        state.0 -= 1;
        if state.0 == 0 {
            tch::set_num_threads(state.1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_trainings_puts_libtorchs_count_of_threads_back() {
        let before = thread_count();
        let (first, second) = (OneThread::begin(), OneThread::begin());
        assert_eq!((tch::get_num_threads(), thread_count()), (1, before));
        drop(first);
        // The second one still lives.
        assert_eq!((tch::get_num_threads(), thread_count()), (1, before));
        drop(second);
        assert_eq!(thread_count(), before);
    }
}
