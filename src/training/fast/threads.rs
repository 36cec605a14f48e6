//! Threads that last as long as a training: starting threads anew in every step would cost more than the step gains.

use std::{
    hint, iter, slice,
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Result;

/// How many turns a thread spins for the others before it sleeps: some 0.1 milliseconds.
const SPINS: u32 = 4_000;

/// As many threads as libtorch would use, the calling one among them.
#[derive(Debug)]
pub(super) struct Threads {
    helpers: ThreadPool,
    count: usize,
}

impl Threads {
    pub(super) fn start() -> Result<Self> {
        let count = usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1);
        // Asked for no threads, a pool starts one per core.
        Ok(Self { helpers: ThreadPoolBuilder::new().num_threads((count - 1).max(1)).build()?, count })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Does all jobs of two stages: every thread takes the next job of the first until none is left, waits until all are
    /// done, and goes on with the second.
    ///
    /// # Errors
    /// A job's error, after which its thread takes no more of that stage, and none of the second.
    pub(super) fn work_in_two_stages<First: Send, Second: Send>(
        &self,
        first: &mut [First],
        run_first: fn(&mut First) -> Result<()>,
        second: &mut [Second],
        run_second: fn(&mut Second) -> Result<()>,
    ) -> Result<()> {
        let _alone = OneThread::begin();
        let (first, second) = (Mutex::new(first.iter_mut()), Mutex::new(second.iter_mut()));
        let (stage, outcome) = (Stage::of(self.count), Mutex::new(Ok(())));
        let note = |result| {
            if let (Err(error), Ok(mut outcome)) = (result, outcome.lock()) {
                *outcome = Err(error);
            }
        };
        let work = || {
            {
                let _at_work = AtWork(&stage);
                note(work_through(&first, run_first));
            }
            stage.wait();
            // After an error there is nothing to go on with.
            if outcome.lock().is_ok_and(|outcome| outcome.is_ok()) {
                note(work_through(&second, run_second));
            }
        };
        self.helpers.in_place_scope(|scope| {
            (1..self.count).for_each(|_| scope.spawn(|_| work()));
            work();
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first stage, at whose end the threads meet.
struct Stage {
    at_work: AtomicUsize,
    asleep: Mutex<()>,
    is_over: Condvar,
}

impl Stage {
    fn of(threads: usize) -> Self {
        Self { at_work: AtomicUsize::new(threads), asleep: Mutex::new(()), is_over: Condvar::new() }
    }

    /// Waits until no thread is at work. The stages are short: a thread that sleeps at once would wake too late. On a busy
    /// machine the others may need this one's core.
    fn wait(&self) {
        let is_at_work = || self.at_work.load(Ordering::Acquire) > 0;
        for _ in 0..SPINS {
            if !is_at_work() {
                return;
            }
            hint::spin_loop();
        }
        let asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        // A poisoned lock guards nothing that could be wrong.
        drop(self.is_over.wait_while(asleep, |()| is_at_work()));
    }
}

/// A thread in the first stage; it leaves by a panic, too, or the others would wait for ever.
struct AtWork<'a>(&'a Stage);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        if self.0.at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Under the lock: a thread that has just looked and is about to sleep must not miss it.
            drop(self.0.asleep.lock());
            self.0.is_over.notify_all();
        }
    }
}

fn work_through<Job>(jobs: &Mutex<slice::IterMut<Job>>, run: fn(&mut Job) -> Result<()>) -> Result<()> {
    iter::from_fn(|| jobs.lock().ok().and_then(|mut jobs| jobs.next())).try_for_each(run)
}

/// While it lives, each operation of libtorch stays on the thread that calls it.
struct OneThread {
    before: i32,
}

impl OneThread {
    fn begin() -> Self {
        let before = tch::get_num_threads();
        tch::set_num_threads(1);
        Self { before }
    }
}

impl Drop for OneThread {
    fn drop(&mut self) {
        tch::set_num_threads(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn every_job_is_done_once_the_second_stage_after_the_first_and_an_error_comes_back() {
        static FIRST: AtomicUsize = AtomicUsize::new(0);
        let threads = Threads::start().unwrap();
        let before = tch::get_num_threads();
        let count = |_: &mut ()| {
            FIRST.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let look = |seen: &mut usize| {
            *seen += FIRST.load(Ordering::Relaxed);
            Ok(())
        };
        let mut seen = [0; 100];
        threads.work_in_two_stages(&mut [(); 100], count, &mut seen, look).unwrap();
        assert_eq!(seen, [100; 100]);
        let fail = |_: &mut ()| Err(Error::Figure("no".into()));
        assert!(threads.work_in_two_stages(&mut [()], fail, &mut seen, look).is_err());
        assert!(threads.work_in_two_stages(&mut seen, look, &mut [()], fail).is_err());
        assert_eq!(tch::get_num_threads(), before);
    }
}
