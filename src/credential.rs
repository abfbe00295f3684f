//! The bearer token that authenticates the caller: where it comes from, and that it never shows.

use crate::Error;
use crate::json;
use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fmt, fs};

const VARIABLES: [&str; 2] = ["TURSO_API_TOKEN", "TURSO_TOKEN"];

/// No credential is anywhere near as long; a file that is larger is another file.
const LONGEST_FILE: u64 = 64 * 1024;

/// The bearer token that authenticates the caller.
///
/// It never shows: `Debug` prints a placeholder, there is no `Display` and no comparison, and no error or log record
/// of this crate holds it. What is left out on purpose: a way to read it back.
#[derive(Clone)]
pub struct Credential {
    text: Arc<str>,
    origin: Option<Arc<str>>,
}

impl Credential {
    /// Takes the credential itself; white space around it is dropped, as a file ends in a newline.
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

    /// Reads the credential from a file that holds nothing else.
    ///
    /// # Errors
    /// [`Error::Credential`] if the file cannot be read, is larger than 64 KiB, or cannot be a credential.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = read(path).map_err(|source| unreadable(path, source))?;
        Self::check(&bytes, Some(path.display().to_string()))
    }

    /// Reads the login that the official `turso` CLI stored: the string at `token` of its `settings.json`, in
    /// `TURSO_CONFIG_FOLDER` or the folder `turso` of the user's configuration folder. Such a login expires after about a
    /// week; `turso auth login` renews it.
    ///
    /// # Errors
    /// [`Error::Credential`] if there is none, or it cannot be read.
    pub fn from_turso_cli() -> Result<Self, Error> {
        let path = settings_path().ok_or_else(|| {
            Error::credential("no credential: the folder of the turso CLI's login is not known, as HOME is not set")
        })?;
        Self::search_login(&path)?.ok_or_else(|| {
            let path = path.display();
            Error::credential(format!("no credential: no login of the turso CLI in {path}; run `turso auth login`"))
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
        if let Some(found) = path.as_deref().map(Self::search_login).transpose()?.flatten() {
            return Ok(found);
        }
        let [first, second] = VARIABLES;
        let login = path.map_or_else(
            || "the folder of the turso CLI's login is not known, as HOME is not set".to_owned(),
            |path| format!("there is no login of the turso CLI in {}", path.display()),
        );
        Err(Error::credential(format!(
            "no credential: {first} and {second} are not set, and {login}; set {first} or run `turso auth login`"
        )))
    }

    /// The text that goes into the request, and nowhere else.
    pub(crate) fn secret(&self) -> &str {
        &self.text
    }

    /// Where it was found, for the message when the API refuses it.
    pub(crate) fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    fn search_env() -> Result<Option<Self>, Error> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        VARIABLES
            .into_iter()
            .find_map(|name| set(name).map(|value| Self::check(value.as_encoded_bytes(), Some(name.to_owned()))))
            .transpose()
    }

    fn search_login(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(unreadable(path, error)),
        };
        let shown = path.display();
        let text = std::str::from_utf8(&bytes).ok();
        let settings = text.and_then(json::texts).ok_or_else(|| {
            Error::credential(format!("the turso CLI's settings in {shown} are not JSON; run `turso auth login`"))
        })?;
        let token = settings.token.filter(|token| !token.is_empty());
        let origin = format!("the turso CLI's login in {shown}, which `turso auth login` renews");
        token.map(|token| Self::check(token.as_bytes(), Some(origin))).transpose()
    }

    fn check(text: &[u8], origin: Option<String>) -> Result<Self, Error> {
        let start = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
        let text = text.trim_ascii();
        let from = origin.as_deref().map(|origin| format!(" from {origin}")).unwrap_or_default();
        let text = match text.iter().position(|byte| !byte.is_ascii_graphic()) {
            Some(at) => Err(Error::credential(format!(
                "the credential{from} cannot be one: byte {} is not a visible ASCII character",
                start + at + 1
            ))),
            None if text.is_empty() => Err(Error::credential(format!("the credential{from} is empty"))),
            None => std::str::from_utf8(text).map_err(|_| Error::credential("the credential is not ASCII")),
        }?;
        Ok(Self { text: text.into(), origin: origin.map(Into::into) })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LONGEST_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, "it is larger than 64 KiB"));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    let problem = format!("could not read the credential from {}", path.display());
    Error::Credential { problem, source: Some(source.into()) }
}

/// Where the official CLI keeps its settings, as its own library for configuration folders has it.
fn settings_path() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    let folder = set("TURSO_CONFIG_FOLDER").or_else(|| {
        let base = if cfg!(windows) {
            set("APPDATA")
        } else if cfg!(target_os = "macos") {
            set("HOME").map(|home| home.join("Library/Application Support"))
        } else {
            set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))
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
