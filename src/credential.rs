//! The bearer token that authenticates the caller: where it is found, and where it must not show.

use crate::env::variable;
use crate::error::{CredentialSource, Error};
use crate::input;
use crate::json::{self, Settings};
use crate::redact::{redact, redact_lookalikes};
use std::ffi::OsString;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fmt};

/// The official CLI's variable, then the API documentation's.
const VARIABLES: [&str; 2] = ["TURSO_API_TOKEN", "TURSO_TOKEN"];

/// Far longer than any credential; longer input is a mistake.
pub(crate) const MAX_LENGTH: usize = 64 * 1024;
/// The official CLI keeps caches in its settings.
const MAX_SETTINGS_SIZE: u64 = 8 * 1024 * 1024;

/// The bearer token that authenticates the caller.
///
/// It never shows: `Debug` prints a placeholder, there is no `Display` and no comparison, and no
/// error or log record of this crate holds it, not even where a server repeats it. There is no way
/// to read it back.
///
/// ureq gets it in a header marked sensitive, which its own records leave out. But at trace level,
/// under the log target `ureq_proto`, the protocol crate below ureq dumps every byte that goes over
/// the wire. A program that logs at trace level must keep that target down, for example with
/// `RUST_LOG=trace,ureq_proto=debug`.
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

/// The result of looking in one place.
enum Found {
    Credential(Credential),
    /// Says what is missing, for a message.
    Nothing(String),
}

impl Credential {
    /// Creates a credential from its text. ASCII white space around it is trimmed, as files end in
    /// a newline.
    ///
    /// # Errors
    /// [`Error::Credential`] if the text is empty, is longer than 64 KiB, or holds anything but
    /// visible ASCII characters; also if it stands in quotes, or begins with `Bearer ` or with the
    /// name of its variable and `=`. The error gives the position (the first byte is 1), never the
    /// value.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
        Self::parse(text.as_ref().as_bytes(), None)
    }

    /// Reads `TURSO_API_TOKEN`, the official CLI's variable, else `TURSO_TOKEN`, the API
    /// documentation's.
    ///
    /// # Errors
    /// [`Error::Credential`] if both are unset, or if the first that is set is empty or invalid.
    pub fn from_env() -> Result<Self, Error> {
        match Self::find_in_env()? {
            Found::Credential(credential) => Ok(credential),
            Found::Nothing(missing) => Err(Error::credential(format!("no credential: {missing}"))),
        }
    }

    /// Reads a file that holds nothing but the credential: up to 64 KiB, with or without a UTF-8
    /// byte order mark and white space around it.
    ///
    /// # Errors
    /// [`Error::Credential`] if the file cannot be read, is larger than 64 KiB, or does not hold a
    /// valid credential.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = match input::read_file(path, MAX_LENGTH as u64) {
            Ok(bytes) => bytes,
            Err(error) => return Err(unreadable(&shown_file(path), error)),
        };
        Self::parse(&bytes, Some(CredentialSource::File(path.to_owned())))
    }

    /// Reads the credential to its end from a reader, in the same way as
    /// [`from_file`](Self::from_file). `source` is what messages call it, such as
    /// `"standard input"`.
    ///
    /// # Errors
    /// Those of [`from_file`](Self::from_file).
    pub fn from_reader(reader: impl Read, source: impl Into<String>) -> Result<Self, Error> {
        let source = CredentialSource::Named(source.into());
        let bytes = match input::read(reader, MAX_LENGTH as u64) {
            Ok(bytes) => bytes,
            Err(error) => return Err(unreadable(&source.to_string(), error)),
        };
        Self::parse(&bytes, Some(source))
    }

    /// Reads the login that the official `turso` CLI stored: the string at `token` in its
    /// `settings.json`, which lies in `TURSO_CONFIG_FOLDER`, else in the folder `turso` of the
    /// user's configuration folder. Up to 8 MiB are read. Such a login expires after about a week;
    /// `turso auth login` renews it.
    ///
    /// # Errors
    /// [`Error::Credential`] if there is no login, if it cannot be read, or if it is invalid.
    pub fn from_turso_cli() -> Result<Self, Error> {
        match Self::find_cli_login()? {
            Found::Credential(credential) => Ok(credential),
            Found::Nothing(missing) => Err(Error::credential(format!(
                "no credential: {missing}; run `turso auth login`"
            ))),
        }
    }

    /// Tries [`from_env`](Self::from_env), then [`from_turso_cli`](Self::from_turso_cli).
    ///
    /// # Errors
    /// [`Error::Credential`] that names every place it looked in, or says what is wrong with the
    /// first that holds something. A variable that is set but empty is an error, too: a secret
    /// whose name was misspelt must not lead to somebody's login.
    pub fn discover() -> Result<Self, Error> {
        let no_variable = match Self::find_in_env()? {
            Found::Credential(credential) => return Ok(credential),
            Found::Nothing(missing) => missing,
        };
        let no_login = match Self::find_cli_login()? {
            Found::Credential(credential) => return Ok(credential),
            Found::Nothing(missing) => missing,
        };
        Err(Error::credential(format!(
            "no credential: {no_variable}, and {no_login}; \
             set TURSO_API_TOKEN or run `turso auth login`"
        )))
    }

    /// Returns where the credential was found; `None` after [`new`](Self::new).
    pub fn source(&self) -> Option<&CredentialSource> {
        self.source.as_ref()
    }

    /// Replaces the credential with `***`, and whatever else looks like one. For this crate's
    /// binary.
    #[doc(hidden)]
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        redact(text, &self.text)
    }

    /// The text that goes into the request, and nowhere else.
    pub(crate) fn secret(&self) -> &str {
        &self.text
    }

    fn find_in_env() -> Result<Found, Error> {
        for name in VARIABLES {
            let Some(value) = env::var_os(name) else {
                continue;
            };
            if value.is_empty() {
                return Err(Error::credential(format!(
                    "{name} is set but empty; unset it to use the login of the turso CLI"
                )));
            }

            let source = CredentialSource::Variable(name);
            let credential = Self::parse(value.as_encoded_bytes(), Some(source))?;
            return Ok(Found::Credential(credential));
        }
        Ok(Found::Nothing(
            "TURSO_API_TOKEN and TURSO_TOKEN are not set".to_owned(),
        ))
    }

    fn find_cli_login() -> Result<Found, Error> {
        let Some(path) = System::HERE.settings_path(variable) else {
            return Ok(Found::Nothing(format!(
                "the folder of the turso CLI's login is unknown, as {} is not set",
                System::HERE.home_variable()
            )));
        };
        let shown = redact_lookalikes(&path.display().to_string());
        let no_login = format!("there is no login of the turso CLI in {shown}");

        let bytes = match input::read_file(&path, MAX_SETTINGS_SIZE) {
            Ok(bytes) => bytes,
            Err(error) if is_missing(&error) => return Ok(Found::Nothing(no_login)),
            Err(error) => return Err(unreadable(&shown, error)),
        };

        let settings = std::str::from_utf8(&bytes).ok().and_then(json::from_object);
        let Some(Settings { token }) = settings else {
            return Err(Error::credential(format!(
                "{shown} does not hold the turso CLI's settings; run `turso auth login`"
            )));
        };
        let token = token.unwrap_or_default();
        if token.is_empty() {
            return Ok(Found::Nothing(no_login));
        }

        let source = CredentialSource::TursoCli(path);
        let credential = Self::parse(token.as_bytes(), Some(source))?;
        Ok(Found::Credential(credential))
    }

    fn parse(bytes: &[u8], source: Option<CredentialSource>) -> Result<Self, Error> {
        let from = match &source {
            Some(source) => format!(" from {source}"),
            None => String::new(),
        };

        let trimmed = bytes.trim_ascii();
        if trimmed.is_empty() {
            return Err(Error::credential(format!("the credential{from} is empty")));
        }
        if let Some(problem) = problem(bytes) {
            return Err(Error::credential(format!(
                "invalid credential{from}: {problem}"
            )));
        }
        Ok(Self {
            // Only ASCII is left, so nothing is lost.
            text: String::from_utf8_lossy(trimmed).into(),
            source,
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a credential's text; `None` if nothing is. Never repeats it.
fn problem(bytes: &[u8]) -> Option<String> {
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Some("it is UTF-16; write it in UTF-8".to_owned());
    }
    let trimmed = bytes.trim_ascii();
    if trimmed.len() > MAX_LENGTH {
        return Some("it is longer than 64 KiB".to_owned());
    }

    // Positions count from 1, in the text as it was given.
    let start = bytes.len() - bytes.trim_ascii_start().len() + 1;

    if let [quote @ (b'"' | b'\''), .., last] = trimmed {
        if quote == last {
            return Some(format!(
                "byte {start} is a quotation mark; leave out the quotes and give the token alone"
            ));
        }
    }
    for name in VARIABLES {
        let assignment = format!("{name}=");
        if trimmed.starts_with(assignment.as_bytes()) {
            return Some(format!(
                "byte {start} begins \"{assignment}\"; leave that out and give the token alone"
            ));
        }
    }

    let index = trimmed.iter().position(|byte| !byte.is_ascii_graphic())?;
    let position = start + index;
    if trimmed.get(index) != Some(&b' ') {
        return Some(format!("byte {position} is not a visible ASCII character"));
    }
    let is_bearer = trimmed
        .get(..index)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"));
    if is_bearer {
        return Some(format!(
            "byte {position} is a space; leave out \"Bearer \" and give the token alone"
        ));
    }
    Some(format!("byte {position} is a space"))
}

/// A file for messages. If its name looks like a credential, that is where the credential is.
fn shown_file(path: &Path) -> String {
    let name = path.display().to_string();
    let shown = redact_lookalikes(&name);
    if shown == name {
        return shown;
    }
    format!(
        "{shown}; its name looks like a credential, which belongs in the file or in TURSO_API_TOKEN"
    )
}

fn unreadable(source: &str, error: io::Error) -> Error {
    Error::Credential {
        problem: format!("could not read the credential from {source}"),
        source: Some(error.into()),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// A system, by where the official CLI keeps its settings there.
#[derive(Debug, Clone, Copy)]
enum System {
    Windows,
    MacOs,
    Other,
}

impl System {
    const HERE: Self = if cfg!(windows) {
        Self::Windows
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Other
    };

    /// The variable that locates the user's own folder.
    fn home_variable(self) -> &'static str {
        match self {
            Self::Windows => "APPDATA",
            Self::MacOs | Self::Other => "HOME",
        }
    }

    /// Where the official CLI keeps its settings, as its configdir library resolves it. `variable`
    /// is the environment.
    fn settings_path(self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        const SETTINGS: &str = "settings.json";

        if let Some(folder) = variable("TURSO_CONFIG_FOLDER") {
            return Some(Path::new(&folder).join(SETTINGS));
        }
        if let (Self::Other, Some(config)) = (self, variable("XDG_CONFIG_HOME")) {
            return Some(Path::new(&config).join("turso").join(SETTINGS));
        }

        let home = variable(self.home_variable())?;
        let folder = match self {
            Self::Windows => "turso",
            Self::MacOs => "Library/Application Support/turso",
            Self::Other => ".config/turso",
        };
        Some(Path::new(&home).join(folder).join(SETTINGS))
    }
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
    fn a_credential_in_quotes_is_told_to_leave_them_out() {
        let expected = "invalid credential: byte 1 is a quotation mark; leave out the quotes and give the token alone";
        assert_eq!(error("\"secret\""), expected);
        assert_eq!(error("'secret'"), expected);
        assert_eq!(error("'Bearer secret'"), expected);
        assert_eq!(error("\n\"secret\"\n"), expected.replace('1', "2"));
        assert!(Credential::new("\"secret'").is_ok());
    }

    #[test]
    fn a_line_of_an_env_file_is_told_to_leave_the_variable_out() {
        for name in ["TURSO_API_TOKEN", "TURSO_TOKEN"] {
            let expected = format!(
                "invalid credential: byte 1 begins \"{name}=\"; leave that out and give the token alone"
            );
            assert_eq!(error(&format!("{name}=secret")), expected);
            assert_eq!(error(&format!("{name}=\"secret\"")), expected);
        }
        assert!(Credential::new("OTHER_TOKEN=secret").is_ok());
    }

    #[test]
    fn the_credential_and_what_looks_like_one_are_redacted() {
        let credential = Credential::new("Secret-0123").unwrap();
        assert_eq!(
            credential.redact("secret-0123 in eyJhbGciOiJFZ by Secret"),
            "*** in *** by ***"
        );
    }

    #[test]
    fn a_missing_file_whose_name_looks_like_a_credential_is_not_named() {
        let error = Credential::from_file("/missing/eyJhbGciOiJFZ").unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not read the credential from /missing/***; its name looks like a credential, \
             which belongs in the file or in TURSO_API_TOKEN"
        );
        let error = Credential::from_file("/missing/monkeyJar.pem").unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not read the credential from /missing/monkeyJar.pem"
        );
    }

    #[test]
    fn the_clis_settings_are_where_each_system_keeps_them() {
        let variables = [
            ("TURSO_CONFIG_FOLDER", "/folder"),
            ("XDG_CONFIG_HOME", "/config"),
            ("HOME", "/home"),
            ("APPDATA", "/roaming"),
        ];
        let path = |system: System, set: &[&str]| {
            let variable = |name: &str| {
                let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
                if set.contains(&name) {
                    Some(OsString::from(value))
                } else {
                    None
                }
            };
            let path = system.settings_path(variable)?;
            Some(path.to_string_lossy().replace('\\', "/"))
        };
        let all = ["TURSO_CONFIG_FOLDER", "XDG_CONFIG_HOME", "HOME", "APPDATA"];
        for (system, set, expected) in [
            (System::Other, &all[..], Some("/folder/settings.json")),
            (System::MacOs, &all, Some("/folder/settings.json")),
            (System::Windows, &all, Some("/folder/settings.json")),
            (
                System::Other,
                &all[1..],
                Some("/config/turso/settings.json"),
            ),
            (
                System::Other,
                &["HOME"],
                Some("/home/.config/turso/settings.json"),
            ),
            (
                System::MacOs,
                &all[1..],
                Some("/home/Library/Application Support/turso/settings.json"),
            ),
            (
                System::Windows,
                &all[1..],
                Some("/roaming/turso/settings.json"),
            ),
            (System::Other, &["APPDATA"], None),
            (System::Windows, &["HOME"], None),
        ] {
            assert_eq!(path(system, set).as_deref(), expected, "{system:?} {set:?}");
        }
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
