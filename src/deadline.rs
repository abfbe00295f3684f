//! Runs work on a thread of its own until a deadline. Knows nothing of HTTP.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use std::{io, panic, thread};

const THREAD_NAME: &str = "turso-api-tokens";

/// What the work has come to so far. The thread writes it, the caller takes it.
#[derive(Debug, Default)]
pub(crate) struct Slot<T>(Mutex<T>);

impl<T> Slot<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        // Each write leaves a valid value, so a panic of the thread does not matter here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `work` and returns what is in its slot when it ends, or at the deadline if that is sooner.
///
/// A late thread is left behind: nothing can end a system call that it waits in. A panic of the
/// work is a panic of the caller, at once. Fails if the thread cannot be started.
pub(crate) fn run_until<T: Default + Send + 'static>(
    deadline: Instant,
    work: impl FnOnce(&Slot<T>) + Send + 'static,
) -> io::Result<T> {
    let slot = Arc::new(Slot::default());
    // Nothing is ever sent. The channel closes when the thread drops its end, even by a panic.
    let (end_of_work, work_ended) = mpsc::channel::<()>();

    let slot_of_thread = Arc::clone(&slot);
    let thread = thread::Builder::new()
        .name(THREAD_NAME.to_owned())
        .spawn(move || {
            let _end_of_work = end_of_work;
            work(&slot_of_thread);
        })?;

    let remaining = deadline.saturating_duration_since(Instant::now());
    if work_ended.recv_timeout(remaining) == Err(RecvTimeoutError::Disconnected) {
        if let Err(payload) = thread.join() {
            panic::resume_unwind(payload);
        }
    }

    let result = std::mem::take(&mut *slot.lock());
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn work_that_ends_in_time_gives_its_result_at_once() {
        let start = Instant::now();
        let result = run_until(in_seconds(60), |slot: &Slot<u8>| *slot.lock() = 7);
        assert_eq!(result.unwrap(), 7);
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn work_that_is_late_is_left_behind_with_what_it_has_come_to() {
        let (release, blocked) = mpsc::channel::<()>();
        let result = run_until(in_seconds(1), move |slot: &Slot<Vec<u8>>| {
            slot.lock().push(1);
            let _ = blocked.recv();
            slot.lock().push(2);
        });
        assert_eq!(result.unwrap(), [1]);
        drop(release);
    }

    #[test]
    fn work_has_a_thread_of_its_own_with_a_name() {
        let name = run_until(in_seconds(60), |slot: &Slot<Option<String>>| {
            *slot.lock() = thread::current().name().map(str::to_owned);
        });
        assert_eq!(name.unwrap().as_deref(), Some("turso-api-tokens"));
    }

    #[test]
    fn a_panic_of_the_work_is_a_panic_of_the_caller_at_once() {
        let start = Instant::now();
        let result = panic::catch_unwind(|| {
            run_until(in_seconds(60), |_: &Slot<u8>| {
                panic::resume_unwind(Box::new("the work's own"))
            })
        });
        let payload = result.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"the work's own"));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}
