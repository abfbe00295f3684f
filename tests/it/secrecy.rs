//! The credential never shows: not in `Debug`, not in an error, not in any log record at any level.

use crate::server::{FIRST, Server, Step, answer, ok};
use crate::support::{SECRET, builder};
use std::sync::{Mutex, Once};
use turso_api_tokens::{Client, Credential};

static RECORDS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        RECORDS.lock().unwrap().push(format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn record_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Recorder).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// The bytes that ureq's wire log shows: hexadecimal rows of sixteen, put together again.
fn wire_log(records: &[String]) -> Vec<u8> {
    let rows = records.iter().filter_map(|record| record.strip_prefix("ureq_proto::util "));
    let words = rows.flat_map(|row| row.split(' ').take(8));
    let digits: String = words.collect();
    let pairs = digits.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

#[test]
fn no_log_record_at_any_level_holds_any_part_of_it() {
    record_everything();
    let server = Server::script([
        answer("302 Found", "Location: /next\r\n", ""),
        answer("503 Service Unavailable", "", "busy"),
        ok(FIRST),
        answer("401 Unauthorized", "", "who"),
    ]);
    let client = builder(&server.url()).build().unwrap();
    client.list().unwrap();
    client.list().unwrap_err();
    assert!(server.requests().iter().all(|request| request.contains(SECRET)), "it was sent");
    let records = RECORDS.lock().unwrap().clone();
    let wire = String::from_utf8_lossy(&wire_log(&records)).into_owned();
    assert!(wire.contains("authorization: Bearer ****"), "the wire log is there, and shows a placeholder");
    for start in 0..SECRET.len() - 8 {
        let part = &SECRET[start..start + 8];
        assert!(!wire.contains(part), "{part} is in the wire log");
        assert!(!records.iter().any(|record| record.contains(part)), "{part} is in a record");
    }
    assert!(
        records.iter().any(|record| record.starts_with("turso_api_tokens::call GET ")),
        "the crate's own records are there"
    );
}

#[test]
fn debug_and_errors_show_none_of_it() {
    let credential = Credential::new(SECRET).unwrap();
    let server = Server::script([
        answer("401 x", "", ""),
        answer("403 x", "", ""),
        ok("{}"),
        answer("302 x", "Location: //h\r\n", ""),
        Step::Close,
    ]);
    let client = builder(&server.url()).retries(0).build().unwrap();
    let mut shown = format!(
        "{credential:?} {credential:#?} {client:?} {client:#?} {:?} {:#?}",
        builder("x"),
        Client::new(credential.clone())
    );
    for _ in 0..5 {
        let error = client.list().unwrap_err();
        shown += &format!("{error:?} {error:#?} {error:#}");
    }
    shown += &format!("{:?}", builder("https://a:b@h").build());
    for start in 0..SECRET.len() - 8 {
        assert!(!shown.contains(&SECRET[start..start + 8]), "{shown}");
    }
    assert!(shown.contains("Credential"));
}
