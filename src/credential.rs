//! The bearer token that authenticates the caller: its sources and its redaction.

use crate::error::{CredentialSource, Error};
use crate::{env::first_set_os, input, json, json::Settings};
use std::io::{self, ErrorKind, Read};
use std::{fmt, path::Path, path::PathBuf, sync::Arc};

const VARIABLES: [&str; 2] = ["TURSO_API_TOKEN", "TURSO_TOKEN"];

/// No credential is anywhere near as long. Whatever is longer is something else.
const MAX_LENGTH: u64 = 64 * 1024;
/// The official CLI keeps caches in its settings.
const MAX_SETTINGS_SIZE: u64 = 8 * 1024 * 1024;
/// The shortest beginning of the credential that is redacted at the end of a text. A shorter one is in many words.
const MIN_REDACTED: usize = 4;

/// The bearer token that authenticates the caller.
///
/// It never shows: `Debug` prints a placeholder, there is no `Display` and no comparison, and no error or log record
/// of this crate holds it, not even where a server repeats it. There is no way to read it back.
///
/// ureq gets it in a header marked sensitive, which its own records leave out. But at trace level, under the log target
/// `ureq_proto`, the protocol crate below ureq dumps every byte that goes over the wire. A program that logs at trace
/// level must keep that target down, for example with `RUST_LOG=trace,ureq_proto=debug`.
///
/// ```
/// use turso_api_tokens::Credential;
///
/// let credential = Credential::new("eyJhbGciOi\n")?;
/// assert!(!format!("{credential:?}").contains("eyJ"));
/// # Ok::<(), turso_api_tokens::Error>(())
/// ```
#[derive(Clone)]
pub struct Credential {
    text: Arc<str>,
    source: Option<CredentialSource>,
}

impl Credential {
    /// Creates a credential from its text. ASCII white space around it is trimmed, as files end in a newline.
    ///
    /// # Errors
    /// [`Error::Credential`] if the text is empty, is longer than 64 KiB, or holds anything but visible ASCII characters.
    /// The error gives the position (the first byte is 1), never the value.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
        Self::parse(text.as_ref().as_bytes(), None)
    }

    /// Reads `TURSO_API_TOKEN`, the official CLI's variable, else `TURSO_TOKEN`, the API documentation's. An empty variable
    /// counts as unset.
    ///
    /// # Errors
    /// [`Error::Credential`] if both are unset, or if the first that is set is invalid.
    pub fn from_env() -> Result<Self, Error> {
        Self::find_in_env()?
            .map_err(|missing| Error::credential(format!("no credential: {missing}")))
    }

    /// Reads a file that holds nothing but the credential: up to 64 KiB, with or without a UTF-8 byte order mark and white
    /// space around it.
    ///
    /// # Errors
    /// [`Error::Credential`] if the file cannot be read, is larger than 64 KiB, or does not hold a valid credential.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = input::read_file(path, MAX_LENGTH)
            .map_err(|error| unreadable(&input::shown(path), error))?;
        Self::parse(&bytes, Some(CredentialSource::File(path.to_owned())))
    }

    /// Reads the credential to its end from a reader, in the same way as [`from_file`](Self::from_file). `source` is what
    /// messages call it, such as `"standard input"`.
    ///
    /// # Errors
    /// Those of [`from_file`](Self::from_file).
    pub fn from_reader(reader: impl Read, source: impl Into<String>) -> Result<Self, Error> {
        let source = source.into();
        let bytes = input::read(reader, MAX_LENGTH).map_err(|error| unreadable(&source, error))?;
        Self::parse(&bytes, Some(CredentialSource::Named(source)))
    }

    /// Reads the login that the official `turso` CLI stored: the string at `token` in its `settings.json`, which lies in
    /// `TURSO_CONFIG_FOLDER`, else in the folder `turso` of the user's configuration folder. Up to 8 MiB are read. Such a
    /// login expires after about a week; `turso auth login` renews it.
    ///
    /// # Errors
    /// [`Error::Credential`] if there is no login, if it cannot be read, or if it is invalid.
    pub fn from_turso_cli() -> Result<Self, Error> {
        Self::find_cli_login()?.map_err(|missing| {
            Error::credential(format!("no credential: {missing}; run `turso auth login`"))
        })
    }

    /// Tries [`from_env`](Self::from_env), then [`from_turso_cli`](Self::from_turso_cli).
    ///
    /// # Errors
    /// [`Error::Credential`] that names every place it looked in, or says what is wrong with the first that is not empty.
    pub fn discover() -> Result<Self, Error> {
        Self::find_in_env()?.or_else(|no_variable| {
            Self::find_cli_login()?.map_err(|no_login| {
                Error::credential(format!(
                    "no credential: {no_variable}, and {no_login}; set TURSO_API_TOKEN or run `turso auth login`"
                ))
            })
        })
    }

    /// Returns where the credential was found; `None` after [`new`](Self::new).
    pub fn source(&self) -> Option<&CredentialSource> {
        self.source.as_ref()
    }

    /// The text that goes into the request, and nowhere else.
    pub(crate) fn secret(&self) -> &str {
        &self.text
    }

    /// Replaces the credential with `***`: in full anywhere, in any case, as host names are lower case, and cut off at the
    /// end of the text.
    pub(crate) fn redact(&self, text: &str) -> String {
        let (folded, secret) = (text.to_ascii_lowercase(), self.text.to_ascii_lowercase());
        let mut redacted = String::with_capacity(text.len());
        let mut end = 0;
        for (start, found) in folded.match_indices(&secret) {
            redacted.push_str(text.get(end..start).unwrap_or_default());
            redacted.push_str("***");
            end = start + found.len();
        }
        let rest = text.get(end..).unwrap_or_default();
        let cut = (MIN_REDACTED..secret.len().min(rest.len() + 1)).rev();
        let cut = cut
            .filter_map(|length| secret.get(..length))
            .find(|start| folded.ends_with(start));
        let kept = rest.len() - cut.map_or(0, str::len);
        redacted.push_str(rest.get(..kept).unwrap_or_default());
        redacted + if cut.is_some() { "***" } else { "" }
    }

    /// The first variable's credential, or a text that says that there is none.
    fn find_in_env() -> Result<Result<Self, String>, Error> {
        let Some((name, value)) = first_set_os(&VARIABLES) else {
            return Ok(Err("TURSO_API_TOKEN and TURSO_TOKEN are not set".to_owned()));
        };
        Self::parse(
            value.as_encoded_bytes(),
            Some(CredentialSource::Variable(name)),
        )
        .map(Ok)
    }

    /// The CLI's login, or a text that says where there is none.
    fn find_cli_login() -> Result<Result<Self, String>, Error> {
        let Some(path) = settings_path() else {
            return Ok(Err(format!(
                "the folder of the turso CLI's login is unknown, as {} is not set",
                CLI_FOLDER.0
            )));
        };
        let shown = input::shown(&path);
        let missing = Ok(Err(format!(
            "there is no login of the turso CLI in {shown}"
        )));
        let bytes = match input::read_file(&path, MAX_SETTINGS_SIZE) {
            Ok(bytes) => bytes,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return missing;
            }
            Err(error) => return Err(unreadable(&shown, error)),
        };
        let settings: Settings = std::str::from_utf8(&bytes)
            .ok()
            .and_then(json::from_object)
            .ok_or_else(|| {
                Error::credential(format!(
                    "{shown} does not hold the turso CLI's settings; run `turso auth login`"
                ))
            })?;
        let Some(token) = settings.token.filter(|token| !token.is_empty()) else {
            return missing;
        };
        Self::parse(token.as_bytes(), Some(CredentialSource::TursoCli(path))).map(Ok)
    }

    fn parse(bytes: &[u8], source: Option<CredentialSource>) -> Result<Self, Error> {
        let from = source
            .as_ref()
            .map(|source| format!(" from {source}"))
            .unwrap_or_default();
        let start = bytes.len() - bytes.trim_ascii_start().len();
        let trimmed = bytes.trim_ascii();
        let problem = match trimmed.iter().position(|byte| !byte.is_ascii_graphic()) {
            _ if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => {
                "it is UTF-16; write it in UTF-8".to_owned()
            }
            _ if trimmed.len() as u64 > MAX_LENGTH => "it is longer than 64 KiB".to_owned(),
            Some(index) => {
                let what = if trimmed.get(index) == Some(&b' ') {
                    "a space"
                } else {
                    "not a visible ASCII character"
                };
                let is_bearer = trimmed
                    .get(..7)
                    .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
                let advice = if is_bearer {
                    "; leave out \"Bearer \" and give the token alone"
                } else {
                    ""
                };
                format!("byte {} is {what}{advice}", start + index + 1)
            }
            None if trimmed.is_empty() => {
                return Err(Error::credential(format!("the credential{from} is empty")));
            }
            None => {
                return Ok(Self {
                    text: String::from_utf8_lossy(trimmed).into(),
                    source,
                });
            }
        };
        Err(Error::credential(format!(
            "invalid credential{from}: {problem}"
        )))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

fn unreadable(source: &str, error: io::Error) -> Error {
    Error::Credential {
        problem: format!("could not read the credential from {source}"),
        source: Some(error.into()),
    }
}

/// The variable that locates the user's own folder, and the official CLI's folder below it.
const CLI_FOLDER: (&str, &str) = if cfg!(windows) {
    ("APPDATA", "turso")
} else if cfg!(target_os = "macos") {
    ("HOME", "Library/Application Support/turso")
} else {
    ("HOME", ".config/turso")
};

/// Where the official CLI keeps its settings, as its configdir library resolves it.
fn settings_path() -> Option<PathBuf> {
    let below = |name, folder| Some(PathBuf::from(first_set_os(&[name])?.1).join(folder));
    let xdg = if cfg!(any(windows, target_os = "macos")) {
        None
    } else {
        below("XDG_CONFIG_HOME", "turso")
    };
    let folder = below("TURSO_CONFIG_FOLDER", "")
        .or(xdg)
        .or_else(|| below(CLI_FOLDER.0, CLI_FOLDER.1))?;
    Some(folder.join("settings.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Credential::new(text).unwrap_err().to_string()
    }

    #[test]
    fn white_space_around_it_is_trimmed() {
        assert_eq!(Credential::new(" \ttoken\r\n").unwrap().secret(), "token");
    }

    #[test]
    fn an_invalid_credential_is_reported_by_position_and_never_repeated() {
        for (text, expected) in [
            (
                "se\ncret",
                "invalid credential: byte 3 is not a visible ASCII character",
            ),
            ("  se cret", "invalid credential: byte 5 is a space"),
            (
                "secret\u{0}x",
                "invalid credential: byte 7 is not a visible ASCII character",
            ),
            (
                "sécret",
                "invalid credential: byte 2 is not a visible ASCII character",
            ),
            (
                "\u{feff}secret",
                "invalid credential: byte 1 is not a visible ASCII character",
            ),
            ("", "the credential is empty"),
            (" \n", "the credential is empty"),
        ] {
            assert_eq!(error(text), expected);
        }
        assert!(!format!("{:?}", Credential::new("se cret").unwrap_err()).contains("cret"));
    }

    #[test]
    fn a_credential_with_its_scheme_is_told_to_leave_it_out() {
        let expected =
            "invalid credential: byte 7 is a space; leave out \"Bearer \" and give the token alone";
        assert_eq!(error("Bearer secret"), expected);
        assert_eq!(error("bearer secret"), expected);
        assert_eq!(error(" Bearer secret"), expected.replace('7', "8"));
        assert_eq!(
            error("Bearers secret"),
            "invalid credential: byte 8 is a space"
        );
        assert_eq!(
            error("BEARE secret"),
            "invalid credential: byte 6 is a space"
        );
        assert_eq!(
            error("Secret secret"),
            "invalid credential: byte 7 is a space"
        );
    }

    #[test]
    fn a_credential_may_have_64_kib_and_no_more() {
        assert_eq!(
            Credential::new("x".repeat(65_536)).unwrap().secret().len(),
            65_536
        );
        assert_eq!(
            error(&"x".repeat(65_537)),
            "invalid credential: it is longer than 64 KiB"
        );
    }

    #[test]
    fn utf_16_is_named() {
        for bytes in [b"\xff\xfea\0", b"\xfe\xff\0a"] {
            let error = Credential::from_reader(&bytes[..], "standard input").unwrap_err();
            assert_eq!(
                error.to_string(),
                "invalid credential from standard input: it is UTF-16; write it in UTF-8"
            );
        }
    }

    #[test]
    fn the_credential_is_redacted_in_full_in_any_case_and_cut_off_at_the_end() {
        let credential = Credential::new("Secret-0123").unwrap();
        for (text, expected) in [
            ("", ""),
            ("nothing", "nothing"),
            ("Secret-0123", "***"),
            (
                "a Secret-0123, secret-0123 and SECRET-0123é",
                "a ***, *** and ***é",
            ),
            ("é Secret-012", "é ***"),
            ("Secret-0123 sEcR", "*** ***"),
            ("a sec", "a sec"),
            ("Secret-012 is cut", "Secret-012 is cut"),
            ("Secret-0123Secret-0123", "******"),
            ("secr", "***"),
        ] {
            assert_eq!(credential.redact(text), expected, "{text}");
        }
        assert_eq!(Credential::new("x").unwrap().redact("axb"), "a***b");
        assert_eq!(Credential::new("abcd").unwrap().redact("abc"), "abc");
        assert_eq!(
            Credential::new("aaaaaa").unwrap().redact("aaaaaaaaaaa"),
            "******"
        );
    }

    #[test]
    fn debug_shows_the_source_alone() {
        let credential = Credential::from_reader(&b"secret"[..], "standard input").unwrap();
        assert_eq!(
            format!("{credential:?}"),
            r#"Credential { source: Some(Named("standard input")), .. }"#
        );
    }
}
