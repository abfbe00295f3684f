//! The first of some environment variables that is set.

use crate::error::Error;
use std::{env, ffi::OsString};

/// The first of these variables that is set, and its value. An empty variable counts as unset.
pub(crate) fn first_set_os(names: &[&'static str]) -> Option<(&'static str, OsString)> {
    names
        .iter()
        .find_map(|name| Some((*name, env::var_os(name).filter(|value| !value.is_empty())?)))
}

/// The same as text. A value that is not UTF-8 is an error that names its variable.
pub(crate) fn first_set(names: &[&'static str]) -> Result<Option<(&'static str, String)>, Error> {
    let Some((name, value)) = first_set_os(names) else {
        return Ok(None);
    };
    let value = value
        .into_string()
        .map_err(|_| Error::config(name, "it is not UTF-8"))?;
    Ok(Some((name, value)))
}
