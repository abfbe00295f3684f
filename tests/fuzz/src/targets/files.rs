//! What is read from files: a credential, PEM certificates, and the settings of the official CLI.

use super::{CREDENTIAL, assert_message, assert_secret};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::{env, fs, process};
use turso_api_tokens::{Client, Credential, Error};

/// # Panics
/// If a promise is broken.
pub fn check(data: &[u8]) {
    credential(data);
    settings(data);
    certificates(data);
}

fn credential(data: &[u8]) {
    let result = Credential::from_reader(data, "standard input");
    assert_secret(&format!("{result:?}"));
    let text = data
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(data)
        .trim_ascii();
    match result {
        Ok(credential) => {
            assert!(!text.is_empty() && text.iter().all(u8::is_ascii_graphic));
            // The same text is the same credential, and may be sent.
            let same =
                Credential::new(std::str::from_utf8(text).expect("ASCII")).expect("a credential");
            Client::new(same).expect("a client");
            assert_eq!(
                credential.source().map(ToString::to_string).as_deref(),
                Some("standard input")
            );
        }
        Err(error) => {
            assert!(matches!(error, Error::Credential { .. }), "{error:?}");
            assert_message(&format!("{error:#}"));
            assert!(
                text.is_empty() || text.len() > 65_536 || !text.iter().all(u8::is_ascii_graphic),
                "{error}"
            );
        }
    }
}

fn settings(data: &[u8]) {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let folder = env::temp_dir().join(format!("fuzz-settings-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        // SAFETY: there is one thread, and it reads the variable after this.
        unsafe { env::set_var("TURSO_CONFIG_FOLDER", &folder) };
        folder.join("settings.json")
    });
    fs::write(file, data).expect("a file");
    let result = Credential::from_turso_cli();
    assert_secret(&format!("{result:?}"));
    match result {
        Ok(_) => {
            let json = data.strip_prefix("\u{feff}".as_bytes()).unwrap_or(data);
            assert!(
                serde_json::from_slice::<serde_json::Value>(json)
                    .is_ok_and(|json| json["token"].is_string())
            );
        }
        Err(error) => {
            assert!(matches!(error, Error::Credential { .. }), "{error:?}");
            assert_message(&format!("{error:#}"));
        }
    }
}

fn certificates(data: &[u8]) {
    let credential = Credential::new(CREDENTIAL).expect("a credential");
    match Client::builder(credential)
        .root_certificates_pem(data)
        .build()
    {
        Ok(_) => assert!(
            data.windows(27)
                .any(|line| line == b"-----BEGIN CERTIFICATE-----")
        ),
        Err(error) => {
            assert!(matches!(error, Error::Config { .. }), "{error:?}");
            assert_message(&format!("{error:#}"));
        }
    }
}
