//! The one logger of the test process. It records only while a test asks for it.

use super::is_own_process;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// What is logged by any thread, while a test records.
static RECORDS: Mutex<Option<Vec<String>>> = Mutex::new(None);

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        if let Some(records) = &mut *records() {
            records.push(format!("{} {}", record.target(), record.args()));
        }
    }

    fn flush(&self) {}
}

/// Runs work, and returns what this process logs meanwhile at any level: target and text, separated by a space. The process
/// must be the test's own, as a call logs from threads that do not know whose test it is.
pub fn recorded<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    static ONCE: Once = Once::new();
    assert!(is_own_process(), "other tests log too: in_own_process");
    ONCE.call_once(|| {
        log::set_logger(&Recorder).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    let before = records().replace(Vec::new());
    assert!(before.is_none(), "only one piece of work at a time");
    let result = work();
    (result, records().take().unwrap_or_default())
}

fn records() -> MutexGuard<'static, Option<Vec<String>>> {
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many attempts these records tell of.
pub fn attempts(records: &[String]) -> usize {
    let is_attempt = |record: &&String| record.starts_with("turso_api_tokens::call GET ");
    records.iter().filter(is_attempt).count()
}
