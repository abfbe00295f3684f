//! Environment variables, by the rule that an empty one counts as unset.

use crate::error::Error;
use std::env;
use std::ffi::OsString;

/// The value of a variable; `None` if it is unset or empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    let value = env::var_os(name)?;
    if value.is_empty() { None } else { Some(value) }
}

/// A setting's value and the variable that it came from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FromEnv {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

/// The first of these variables that is set, as text. A value that is not UTF-8 is an error.
pub(crate) fn first_set(names: &[&'static str]) -> Result<Option<FromEnv>, Error> {
    for name in names {
        let Some(value) = variable(name) else {
            continue;
        };
        let Ok(value) = value.into_string() else {
            return Err(Error::config(name, "it is not UTF-8"));
        };
        return Ok(Some(FromEnv { name, value }));
    }
    Ok(None)
}
