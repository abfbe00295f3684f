//! The credential never shows: not in `Debug`, not in an error, not in any log record at any level.

use crate::server::{FIRST, Server, answer, ok};
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

/// One at a time: the records are those of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

/// Asserts that no part of the credential shows.
fn hidden(text: &str) {
    for start in 0..SECRET.len() - 8 {
        assert!(!text.contains(&SECRET[start..start + 8]), "{text}");
    }
}

/// This crate's own records so far.
fn own_records() -> Vec<String> {
    RECORDS.lock().unwrap().iter().filter(|record| record.starts_with("turso_api_tokens::")).cloned().collect()
}

#[test]
fn no_log_record_of_this_crate_or_ureqs_holds_it_but_for_the_dump_of_the_wire_that_the_docs_name() {
    let _alone = ALONE.lock().unwrap();
    record_everything();
    let before = RECORDS.lock().unwrap().len();
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
    let records = RECORDS.lock().unwrap()[before..].to_vec();
    let (dump, others): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.starts_with("ureq_proto::"));
    assert!(!dump.is_empty(), "the target is the one that the docs of Credential name");
    for record in others {
        hidden(record);
    }
    assert!(own_records().iter().any(|record| record.starts_with("turso_api_tokens::call GET ")));
}

#[test]
fn a_server_that_repeats_it_finds_it_masked_in_messages_errors_and_log_lines() {
    let _alone = ALONE.lock().unwrap();
    record_everything();
    let says = |text: &str| format!("{{\"error\":\"{text}\",\"code\":\"{text}\"}}");
    for step in [
        answer("401 x", "", &says(SECRET)),
        answer("404 x", "", &says(&format!("no such thing as {SECRET}"))),
        answer("500 x", "Content-Type: text/html\r\n", &format!("<html>{SECRET}</html>")),
        answer("404 x", "", &format!("{}{SECRET}", "x".repeat(100))),
        answer("302 x", &format!("Location: https://{SECRET}.example/\r\n"), ""),
        answer("302 x", &format!("Location: /{SECRET}\r\n"), ""),
        answer("302 x", &format!("Location: {SECRET}\r\n"), ""),
        answer("200 OK", &format!("Content-Type: {SECRET}\r\n"), "{}"),
        answer("200 OK", &format!("Content-Encoding: {SECRET}\r\n"), "{}"),
        answer("200 OK", &format!("Content-Type: text/plain; charset={SECRET}\r\n"), "{}"),
        ok(SECRET),
        ok(&format!("\"{SECRET}\"")),
        ok(&format!("{{\"tokens\":\"{SECRET}\"}}")),
        ok(&format!("{{\"tokens\":[{{\"name\":\"{SECRET}\",\"id\":1}}]}}")),
    ] {
        let server = Server::script([step]);
        let (lines, note) = crate::support::notes();
        let client = builder(&server.url()).retries(0).observer(note).build().unwrap();
        let error = match client.fetch() {
            Ok(answer) => {
                hidden(&format!("{answer:?} {answer:#?}"));
                answer.tokens().unwrap_err()
            }
            Err(error) => error,
        };
        hidden(&format!("{error} {error:#} {error:?} {error:#?}"));
        hidden(&lines.lock().unwrap().join("\n"));
    }
    hidden(&own_records().join("\n"));
}

#[test]
fn debug_shows_none_of_it() {
    let credential = Credential::new(SECRET).unwrap();
    let (base, client) = (builder("https://a:b@h"), Client::new(credential.clone()).unwrap());
    let mut shown = format!("{credential:?} {credential:#?} {client:?} {client:#?} {base:?}");
    shown += &format!("{:?}", base.build());
    for text in [SECRET.to_owned() + "\n\n ü", "ü".to_owned() + SECRET] {
        shown += &format!("{:?}", Credential::new(text).unwrap_err());
    }
    let (lines, note) = crate::support::notes();
    let gateway = builder(&format!("https://gateway.example/{SECRET}/")).observer(note).build();
    shown += &format!("{gateway:?} {:?}", lines.lock().unwrap());
    hidden(&shown);
    assert!(
        shown.contains("https://gateway.example/***/") && shown.contains("Credential") && !shown.contains("a:b"),
        "{shown}"
    );
}
