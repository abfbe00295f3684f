//! The bearer token that authenticates the caller: where it comes from, and that it never shows.

use crate::error::Error;
use crate::json::{self, Settings};
use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fmt, fs, io};

const VARIABLES: [&str; 2] = ["TURSO_API_TOKEN", "TURSO_TOKEN"];

/// No credential is anywhere near as long; a file that is larger is another file.
const LONGEST_FILE: u64 = 64 * 1024;
/// The official CLI keeps caches in its settings.
const LONGEST_SETTINGS: u64 = 8 * 1024 * 1024;

/// The bearer token that authenticates the caller.
///
/// It never shows: `Debug` prints a placeholder, there is no `Display` and no comparison, and no error or log record
/// of this crate holds it, not even where a server repeats it. What is left out on purpose: a way to read it back.
///
/// ureq gets it in a header marked sensitive, which its own records leave out; but at trace level, under the log target
/// `ureq_proto`, the protocol crate below it dumps every byte that goes over the wire. A program that logs at trace
/// level keeps that target down, as in `RUST_LOG=trace,ureq_proto=debug`.
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
    place: Option<Arc<str>>,
}

impl Credential {
    /// Takes the credential itself; ASCII white space around it is dropped, as a file ends in a newline.
    ///
    /// # Errors
    /// [`Error::Credential`] if it is empty, or has anything but visible ASCII characters inside. The error names the
    /// position (the first byte is 1), never the value.
    pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
        Self::check(text.as_ref().as_bytes(), None)
    }

    /// Reads `TURSO_API_TOKEN`, the variable of the official CLI, then `TURSO_TOKEN`, that of the API's documentation.
    /// An empty variable counts as unset.
    ///
    /// # Errors
    /// [`Error::Credential`] if both are unset, or the first that is set cannot be a credential.
    pub fn from_env() -> Result<Self, Error> {
        Self::search_env()?.ok_or_else(|| {
            let [first, second] = VARIABLES;
            Error::credential(format!("no credential: neither {first} nor {second} is set"))
        })
    }

    /// Reads the credential from a file that holds nothing else. A UTF-8 byte order mark, which some editors write, is
    /// dropped, and white space as by [`new`](Self::new).
    ///
    /// # Errors
    /// [`Error::Credential`] if the file cannot be read, is larger than 64 KiB, or cannot be a credential.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = read(path, LONGEST_FILE).map_err(|source| unreadable(path, source))?;
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            let problem = format!("the credential in {} is UTF-16; write it in UTF-8", path.display());
            return Err(Error::credential(problem));
        }
        let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        Self::check(text, Some(path.display().to_string()))
    }

    /// Reads the login that the official `turso` CLI stored: the string at `token` of its `settings.json`, in
    /// `TURSO_CONFIG_FOLDER` or the folder `turso` of the user's configuration folder. Such a login expires after about a
    /// week; `turso auth login` renews it.
    ///
    /// # Errors
    /// [`Error::Credential`] if there is none, or it cannot be read, or the settings are larger than 8 MiB.
    pub fn from_turso_cli() -> Result<Self, Error> {
        let path = settings_path();
        Self::search_login(path.as_deref())?.ok_or_else(|| {
            Error::credential(format!("no credential: {}; run `turso auth login`", no_login(path.as_deref())))
        })
    }

    /// Tries [`from_env`](Self::from_env), then [`from_turso_cli`](Self::from_turso_cli).
    ///
    /// # Errors
    /// [`Error::Credential`] that says every place it looked in, or what is wrong with the first that is filled.
    pub fn discover() -> Result<Self, Error> {
        if let Some(found) = Self::search_env()? {
            return Ok(found);
        }
        let path = settings_path();
        Self::search_login(path.as_deref())?.ok_or_else(|| {
            let ([first, second], login) = (VARIABLES, no_login(path.as_deref()));
            Error::credential(format!(
                "no credential: {first} and {second} are not set, and {login}; set {first} or run `turso auth login`"
            ))
        })
    }

    /// The text that goes into the request, and nowhere else.
    pub(crate) fn secret(&self) -> &str {
        &self.text
    }

    /// Where it was found, for messages.
    pub(crate) fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// A server's words without the credential.
    pub(crate) fn mask(&self, text: &str) -> String {
        text.replace(&*self.text, "***")
    }

    fn search_env() -> Result<Option<Self>, Error> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let found = VARIABLES.into_iter().find_map(|name| Some((name, set(name)?)));
        found.map(|(name, value)| Self::check(value.as_encoded_bytes(), Some(name.to_owned()))).transpose()
    }

    fn search_login(path: Option<&Path>) -> Result<Option<Self>, Error> {
        let Some(path) = path else { return Ok(None) };
        let bytes = match read(path, LONGEST_SETTINGS) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(unreadable(path, error)),
        };
        let shown = path.display();
        let settings: Settings = std::str::from_utf8(&bytes).ok().and_then(json::object).ok_or_else(|| {
            Error::credential(format!("{shown} does not hold the turso CLI's settings; run `turso auth login`"))
        })?;
        let place = format!("the turso CLI's login in {shown}, which `turso auth login` renews");
        let token = settings.token.filter(|token| !token.is_empty());
        token.map(|token| Self::check(token.as_bytes(), Some(place))).transpose()
    }

    fn check(text: &[u8], place: Option<String>) -> Result<Self, Error> {
        let start = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
        let from = place.as_deref().map(|place| format!(" from {place}")).unwrap_or_default();
        let text = text.trim_ascii();
        if let Some(at) = text.iter().position(|byte| !byte.is_ascii_graphic()) {
            let at = start + at + 1;
            let problem = format!("the credential{from} cannot be one: byte {at} is not a visible ASCII character");
            return Err(Error::credential(problem));
        }
        match std::str::from_utf8(text) {
            Ok(text) if !text.is_empty() => Ok(Self { text: text.into(), place: place.map(Into::into) }),
            _ => Err(Error::credential(format!("the credential{from} is empty"))),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("place", &self.place).finish_non_exhaustive()
    }
}

fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {} KiB", longest / 1024)));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    let problem = format!("could not read the credential from {}", path.display());
    Error::Credential { problem, source: Some(source.into()) }
}

fn no_login(path: Option<&Path>) -> String {
    match path {
        Some(path) => format!("there is no login of the turso CLI in {}", path.display()),
        None => format!("the folder of the turso CLI's login is not known, as {HOME} is not set"),
    }
}

/// What the user's configuration folder is found by.
const HOME: &str = if cfg!(windows) { "APPDATA" } else { "HOME" };

/// Where the official CLI keeps its settings, as its own library for configuration folders has it.
fn settings_path() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    let folder = set("TURSO_CONFIG_FOLDER").or_else(|| {
        let base = if cfg!(windows) {
            set(HOME)
        } else if cfg!(target_os = "macos") {
            set(HOME).map(|home| home.join("Library/Application Support"))
        } else {
            set("XDG_CONFIG_HOME").or_else(|| set(HOME).map(|home| home.join(".config")))
        };
        base.map(|base| base.join("turso"))
    })?;
    Some(folder.join("settings.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_it_is_dropped() {
        assert_eq!(Credential::new(" \ttoken\r\n").unwrap().secret(), "token");
    }

    #[test]
    fn what_cannot_be_a_credential_is_refused_by_position_and_never_repeated() {
        for (text, at) in [("se\ncret", 3), ("  se cret", 5), ("secret\u{0}x", 7), ("sécret", 2), ("\u{feff}secret", 1)]
        {
            let error = Credential::new(text).unwrap_err();
            assert!(error.to_string().contains(&format!("byte {at} ")), "{error}");
            assert!(!format!("{error} {error:?}").contains("cret"), "{error:?}");
        }
        for text in ["", " ", "\n"] {
            assert!(Credential::new(text).unwrap_err().to_string().contains("empty"));
        }
    }
}
