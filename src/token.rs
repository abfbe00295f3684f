//! What the API says about a token, and what follows from it.

use crate::date::Date;

/// One Platform API token of the account. The secret itself is never part of the list.
///
/// Fields are named as in the API's `APIToken` schema. An optional text that the API sends empty is `None` here: to its
/// server, written in Go, empty and omitted are the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "crate::json::WireToken"))]
#[non_exhaustive]
pub struct ApiToken {
    /// The name given at creation, unique per user.
    pub name: String,
    /// The id, for example `clGFZ4STEe6fljpFzIum8A`.
    pub id: String,
    /// The slug of the only organization the token may act on; `None`: every organization of the user.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub organization: Option<String>,
    /// The only group the token may act on.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub group: Option<String>,
    /// What a token of a group may do there, for example `read` or `db:create`; empty for other tokens.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub scopes: Vec<String>,
    /// The day of creation, `YYYY-MM-DD`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub created_at: Option<String>,
}

impl ApiToken {
    /// What the token may act on.
    #[must_use]
    pub fn access(&self) -> Access<'_> {
        let organization = self.organization.as_deref().filter(|text| !text.is_empty());
        let group = self.group.as_deref().filter(|text| !text.is_empty());
        match (organization, group) {
            (None, _) => Access::Unrestricted,
            (Some(organization), None) => Access::Organization { organization },
            (Some(organization), Some(group)) => Access::Group { organization, group, scopes: &self.scopes },
        }
    }

    /// The day of creation, where [`created_at`](Self::created_at) holds a date of the calendar; a longer RFC 3339
    /// timestamp counts by its date.
    #[must_use]
    pub fn created_on(&self) -> Option<Date> {
        self.created_at.as_deref().and_then(Date::parse)
    }

    /// Whether the token was created more than `days` days before `today`.
    ///
    /// A token without a readable date of creation counts as older: a gate does not open on missing data.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), turso_api_tokens::Error> {
    /// use turso_api_tokens::{Access, Client, Date};
    ///
    /// let today = Date::today_utc();
    /// for token in Client::from_env()?.list()? {
    ///     if token.is_older_than(90, today) || token.access() == Access::Unrestricted {
    ///         println!("{} has to be rotated", token.name);
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_older_than(&self, days: u32, today: Date) -> bool {
        self.created_on().is_none_or(|created| today.days_since(created) > i64::from(days))
    }
}

/// What a token may act on, from [`ApiToken::access`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Access<'a> {
    /// Every organization of the user. The API's documentation calls such tokens deprecated and asks for rotation.
    Unrestricted,
    /// One organization.
    Organization {
        /// Its slug.
        organization: &'a str,
    },
    /// One group of one organization.
    Group {
        /// The organization's slug.
        organization: &'a str,
        /// The group's name.
        group: &'a str,
        /// What the token may do there.
        scopes: &'a [String],
    },
}
