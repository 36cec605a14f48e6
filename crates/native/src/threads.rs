//! Threads that last as long as a training: starting threads anew in every step would cost more than the step gains.
//!
//! Each thread begins with the same jobs in every step, so that what they need lies in its core's cache, and takes over
//! others' jobs when its own are done.

use std::{
    any::Any,
    hint, mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Builder, JoinHandle},
};

use crate::{
    Error, FlushToZero, Result,
    one_thread::{OneThread, thread_count},
};

/// How many turns a thread spins for the others before it sleeps: some 0.1 milliseconds.
const SPINS: u32 = 4_000;

/// As many threads as libtorch would use, the calling one among them.
pub(crate) struct Threads {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    /// How many tasks the threads have begun.
    begun: usize,
}

/// What all threads do at once, each called with its number.
type Task = Arc<dyn Fn(usize) + Send + Sync>;

/// What the threads share.
#[derive(Default)]
struct Shared {
    /// The latest task; none tells the helpers to end.
    task: Mutex<Option<Task>>,
    begun: Counter,
    /// How often a helper has ended a task.
    ended: Counter,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Threads {
    /// # Errors
    /// [`Error::Threads`] when the system grants none.
    pub(crate) fn start() -> Result<Self> {
        Self::of(thread_count())
    }

    fn of(count: usize) -> Result<Self> {
        let mut threads = Self { shared: Arc::default(), helpers: Vec::new(), begun: 0 };
        for number in 1..count {
            let shared = threads.shared.clone();
            threads.helpers.push(Builder::new().spawn(move || shared.help(number)).map_err(Error::Threads)?);
        }
        Ok(threads)
    }

    pub(crate) fn count(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Does the jobs of all stages, one stage after the other; the threads meet in between.
    ///
    /// # Errors
    /// A job's error, after which its thread takes no more of that list, and no thread begins the next stage.
    pub(crate) fn work(&mut self, stages: Vec<Vec<Box<dyn Work>>>) -> Result<()> {
        let (count, outcome) = (self.count(), Arc::new(Mutex::new(Ok(()))));
        let meetings: Vec<_> = stages.iter().map(|_| Counter::default()).collect();
        let (has_panicked, result) = (AtomicBool::new(false), outcome.clone());
        self.run(Arc::new(move |thread| {
            let mut ahead = Ahead { meetings: &meetings, has_panicked: &has_panicked };
            for (stage, meeting) in stages.iter().zip(&meetings) {
                stage.iter().for_each(|list| list.work(thread, count, &result));
                ahead.arrive();
                meeting.wait_for(count);
                // After an error or a panic there is nothing to go on with.
                if has_panicked.load(Ordering::Relaxed) || lock(&result).is_err() {
                    return;
                }
            }
        }));
        mem::replace(&mut *lock(&outcome), Ok(()))
    }

    fn run(&mut self, task: Task) {
        let _alone = OneThread::begin();
        let _flush = FlushToZero::begin();
        *lock(&self.shared.task) = Some(task.clone());
        self.begun += 1;
        self.shared.begun.add(1);
        self.shared.take_part(&task, 0);
        self.shared.ended.wait_for(self.begun * self.helpers.len());
        if let Some(panic) = lock(&self.shared.panic).take() {
            resume_unwind(panic);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        *lock(&self.shared.task) = None;
        self.shared.begun.add(1);
        // Panics were passed on by `run`.
        self.helpers.drain(..).for_each(|helper| drop(helper.join()));
    }
}

impl Shared {
    fn help(&self, number: usize) {
        let _flush = FlushToZero::begin();
        for task in 1.. {
            self.begun.wait_for(task);
            let Some(task) = lock(&self.task).clone() else { return };
            self.take_part(&task, number);
            self.ended.add(1);
        }
    }

    /// Takes part in a task. A panic is kept until all threads have ended the task.
    fn take_part(&self, task: &Task, number: usize) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task(number))) {
            *lock(&self.panic) = Some(panic);
        }
    }
}

/// Jobs that any thread may do.
pub(crate) type Jobs<Job> = Arc<[Mutex<Job>]>;

/// A list of jobs that are done once, each by the thread that takes it.
struct List<Job> {
    jobs: Jobs<Job>,
    is_taken: Vec<AtomicBool>,
    run: fn(&mut Job) -> Result<()>,
}

/// A list of any jobs.
pub(crate) trait Work: Send + Sync {
    /// Does the jobs that no thread has taken yet, this thread's own first.
    fn work(&self, thread: usize, threads: usize, outcome: &Mutex<Result<()>>);
}

/// Returns a list of these jobs; each is run so.
pub(crate) fn list<Job: Send + 'static>(jobs: &Jobs<Job>, run: fn(&mut Job) -> Result<()>) -> Box<dyn Work> {
    Box::new(List { jobs: jobs.clone(), is_taken: jobs.iter().map(|_| AtomicBool::new(false)).collect(), run })
}

impl<Job: Send> Work for List<Job> {
    fn work(&self, thread: usize, threads: usize, outcome: &Mutex<Result<()>>) {
        let (before, own) = self.jobs.split_at(self.jobs.len() * thread / threads);
        let (taken_before, taken_own) = self.is_taken.split_at(before.len());
        for (job, is_taken) in own.iter().zip(taken_own).chain(before.iter().zip(taken_before)) {
            if !is_taken.swap(true, Ordering::Relaxed)
                && let Err(error) = (self.run)(&mut lock(job))
            {
                *lock(outcome) = Err(error);
                return;
            }
        }
    }
}

/// A count on which threads wait.
#[derive(Default)]
struct Counter {
    count: AtomicUsize,
    asleep: Mutex<()>,
    changed: Condvar,
}

impl Counter {
    fn add(&self, count: usize) {
        self.count.fetch_add(count, Ordering::AcqRel);
        // Under the lock: a thread that has just looked and is about to sleep must not miss it.
        drop(lock(&self.asleep));
        self.changed.notify_all();
    }

    /// Waits until the count is at least this. The stages are short: a thread that sleeps at once would wake too late.
    /// On a busy machine the others may need this one's core.
    fn wait_for(&self, count: usize) {
        let is_below = || self.count.load(Ordering::Acquire) < count;
        for _ in 0..SPINS {
            if !is_below() {
                return;
            }
            hint::spin_loop();
        }
        // A poisoned lock guards nothing that could be wrong.
        drop(self.changed.wait_while(lock(&self.asleep), |()| is_below()));
    }
}

/// The meetings that a thread has not come to yet. It comes to all of them when it ends, by a panic, too: the other
/// threads would wait for ever.
struct Ahead<'a> {
    meetings: &'a [Counter],
    has_panicked: &'a AtomicBool,
}

impl Ahead<'_> {
    fn arrive(&mut self) {
        if let Some((next, later)) = self.meetings.split_first() {
            self.meetings = later;
            next.add(1);
        }
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // The others see it: they look behind a meeting, and this comes before.
            self.has_panicked.store(true, Ordering::Relaxed);
        }
        self.meetings.iter().for_each(|meeting| meeting.add(1));
    }
}

/// Locks; what a panic left half done is not used again.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn jobs<Job: Clone>(count: usize, job: Job) -> Jobs<Job> {
        vec![job; count].into_iter().map(Mutex::new).collect()
    }

    #[test]
    fn every_job_is_done_once_the_second_stage_after_the_first_and_an_error_comes_back() {
        static FIRST: AtomicUsize = AtomicUsize::new(0);
        let mut threads = Threads::start().unwrap();
        let before = thread_count();
        let count = |_: &mut ()| {
            FIRST.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let look = |seen: &mut usize| {
            *seen += FIRST.load(Ordering::Relaxed);
            Ok(())
        };
        let seen = jobs(100, 0);
        for round in 1..=50 {
            threads
                .work(vec![vec![list(&jobs(90, ()), count), list(&jobs(9, ()), count)], vec![list(&seen, look)]])
                .unwrap();
            assert!(seen.iter().all(|seen| mem::take(&mut *lock(seen)) == 99 * round));
        }
        let fail = |_: &mut ()| Err(Error::Stopped);
        assert!(
            threads
                .work(vec![vec![list(&jobs(1, ()), fail)], vec![list(&seen, look)], vec![list(&seen, look)]])
                .is_err()
        );
        assert!(seen.iter().all(|seen| *lock(seen) == 0));
        assert!(threads.work(vec![vec![list(&seen, look)], vec![list(&jobs(1, ()), fail)]]).is_err());
        assert_eq!(thread_count(), before);
    }

    #[test]
    fn a_panic_comes_back_no_later_stage_begins_and_the_threads_go_on() {
        let mut threads = Threads::of(4).unwrap();
        let panic = |number: &mut usize| {
            // The others are still at work when one panics.
            if *number > 0 {
                thread::sleep(Duration::from_millis(5));
                return Ok(());
            }
            panic!("a job");
        };
        let note = |is_done: &mut bool| {
            *is_done = true;
            Ok(())
        };
        let numbers: Jobs<usize> = (0..4).map(Mutex::new).collect();
        for before in 0..3 {
            let later = jobs(8, false);
            let mut stages: Vec<_> = (0..before).map(|_| vec![list(&jobs(8, false), note)]).collect();
            stages.extend([vec![list(&numbers, panic)], vec![list(&later, note)], vec![list(&later, note)]]);
            let run = AssertUnwindSafe(|| threads.work(stages));
            assert!(catch_unwind(run).is_err());
            assert!(later.iter().all(|is_done| !*lock(is_done)));
        }
        let last = jobs(4, false);
        threads.work(vec![vec![list(&last, note)]]).unwrap();
        assert!(last.iter().all(|is_done| *lock(is_done)));
    }
}
