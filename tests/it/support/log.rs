//! The one logger of the test process. It records only while a test asks for it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

thread_local! {
    /// The records of this thread, while it records.
    static RECORDS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// How many threads record.
static RECORDING: AtomicUsize = AtomicUsize::new(0);

/// Records of threads that do not record themselves, such as those that the library starts. Other tests' are among them.
static ELSEWHERE: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata) -> bool {
        RECORDING.load(Ordering::Relaxed) > 0
    }

    fn log(&self, record: &log::Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        RECORDS.with_borrow_mut(|records| match records {
            Some(records) => records.push(format!("{} {}", record.target(), record.args())),
            // The dump of the wire, which is known to hold the credential.
            None if record.target().starts_with("ureq_proto::") => {}
            None => {
                ELSEWHERE
                    .lock()
                    .unwrap()
                    .push(format!("{} {}", record.target(), record.args()))
            }
        });
    }

    fn flush(&self) {}
}

/// Runs work, and returns what this thread logs meanwhile at any level: target and text, separated by a space.
pub fn recorded<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Recorder).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    RECORDS.set(Some(Vec::new()));
    RECORDING.fetch_add(1, Ordering::Relaxed);
    let result = work();
    RECORDING.fetch_sub(1, Ordering::Relaxed);
    (result, RECORDS.take().unwrap_or_default())
}

/// Takes what threads that do not record have logged while another one did.
pub fn take_recorded_elsewhere() -> Vec<String> {
    std::mem::take(&mut *ELSEWHERE.lock().unwrap())
}
