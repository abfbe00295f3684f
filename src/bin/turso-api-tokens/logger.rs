//! `-v`: the library's log records, a line each.

use crate::messages::print_line;
use log::{LevelFilter, Log, Metadata, Record};

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("turso_api_tokens::")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            print_line(&record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Prints the library's log records from now on.
pub(crate) fn start() {
    // It fails only where there is a logger already, and this is the only one.
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}
