//! Threads that last as long as a training: starting threads anew in every step would cost more than the step gains.

use std::{
    iter,
    sync::{Mutex, PoisonError},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::Result;

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

    /// Does all jobs: every thread takes the next one until none is left.
    ///
    /// # Errors
    /// A job's error, after which its thread takes no more.
    pub(super) fn work_through<Job: Send>(&self, jobs: &mut [Job], run: fn(&mut Job) -> Result<()>) -> Result<()> {
        let _alone = OneThread::begin();
        let jobs = Mutex::new(jobs.iter_mut());
        let next = || jobs.lock().ok().and_then(|mut jobs| jobs.next());
        let outcome = Mutex::new(Ok(()));
        let work = || {
            if let (Err(error), Ok(mut outcome)) = (iter::from_fn(next).try_for_each(run), outcome.lock()) {
                *outcome = Err(error);
            }
        };
        self.helpers.in_place_scope(|scope| {
            (1..self.count).for_each(|_| scope.spawn(|_| work()));
            work();
        });
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
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
    fn every_job_is_done_once_and_an_error_comes_back() {
        let threads = Threads::start().unwrap();
        let before = tch::get_num_threads();
        let mut jobs = [0; 100];
        let add = |job: &mut i32| {
            *job += 1;
            Ok(())
        };
        threads.work_through(&mut jobs, add).unwrap();
        assert_eq!(jobs, [1; 100]);
        let fail = |job: &mut i32| match job {
            1 => Err(Error::Figure("no".into())),
            _ => Ok(()),
        };
        assert!(threads.work_through(&mut jobs, fail).is_err());
        assert_eq!(tch::get_num_threads(), before);
    }
}
