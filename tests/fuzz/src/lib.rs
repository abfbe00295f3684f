//! The library on inputs that a machine makes up: what each target checks.

#![forbid(unsafe_code)]

pub mod targets;

// Two private parsers of the library, by their files. Below is what they take from the rest of it.
#[allow(dead_code, reason = "a target takes a proxy from the environment only")]
#[path = "../../../src/proxy.rs"]
mod proxy;
#[path = "../../../src/url.rs"]
mod url;

/// Variables that belong to a thread, so that a target can make them up.
mod env {
    use crate::error::Error;
    use std::cell::RefCell;

    pub(crate) struct FromEnv {
        pub(crate) name: &'static str,
        pub(crate) value: String,
    }

    thread_local! {
        static VARIABLES: RefCell<Vec<(&'static str, String)>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) fn replace_all(variables: &[(&'static str, &str)]) {
        let variables = variables
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        VARIABLES.set(variables.collect());
    }

    pub(crate) fn first_set(names: &[&'static str]) -> Result<Option<FromEnv>, Error> {
        let variables = VARIABLES.with_borrow(Clone::clone);
        let found = variables
            .into_iter()
            .find(|(name, value)| names.contains(name) && !value.is_empty());
        Ok(found.map(|(name, value)| FromEnv { name, value }))
    }
}

mod error {
    /// The text of the library's `Error::Config`.
    #[derive(Debug)]
    pub(crate) struct Error(pub(crate) String);

    impl Error {
        pub(crate) fn config(setting: &'static str, problem: &str) -> Self {
            Self(format!("{setting}: {problem}"))
        }
    }
}
