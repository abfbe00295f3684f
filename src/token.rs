//! `ApiToken` and `Access`.

use crate::date::Date;

/// One Platform API token of the user. The list never holds the secret itself.
///
/// Fields are named as in the API's `APIToken` schema. An optional text that the API sends empty is `None` here: to its
/// server, which is written in Go, empty and omitted are the same. With the feature `serde` a token can be stored in any
/// format.
///
/// ```
/// use turso_api_tokens::Answer;
///
/// let answer = Answer::from_json(r#"{"tokens":[{"name":"ci","id":"clGFZ4","organization":"acme"}]}"#);
/// let token = &answer.tokens()?[0];
/// assert_eq!((token.name.as_str(), token.organization.as_deref()), ("ci", Some("acme")));
/// # Ok::<(), turso_api_tokens::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ApiToken {
    /// The name given at creation, unique per user.
    pub name: String,
    /// The id, for example `clGFZ4STEe6fljpFzIum8A`.
    pub id: String,
    /// The slug of the only organization that the token can act on; `None` means every organization of the user.
    pub organization: Option<String>,
    /// The only group that the token can act on.
    pub group: Option<String>,
    /// What a token of a group can do there, for example `read` or `db:create`; empty for other tokens.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_some"))]
    pub scopes: Vec<String>,
    /// The day of creation, `YYYY-MM-DD`.
    pub created_at: Option<String>,
}

impl ApiToken {
    /// Returns what the token can act on.
    pub fn access(&self) -> Access<'_> {
        let organization = self.organization.as_deref().filter(|text| !text.is_empty());
        let group = self.group.as_deref().filter(|text| !text.is_empty());
        match (organization, group) {
            (None, _) => Access::Unrestricted,
            (Some(organization), None) => Access::Organization { organization },
            (Some(organization), Some(group)) => Access::Group {
                organization,
                group,
                scopes: &self.scopes,
            },
        }
    }

    /// Returns the day of creation, if [`created_at`](Self::created_at) holds a valid date.
    pub fn created_on(&self) -> Option<Date> {
        self.created_at.as_deref().and_then(Date::parse)
    }

    /// Returns whether the token was created more than `days` days before `today`.
    ///
    /// Missing data fails closed: a token without a readable date of creation counts as older, and so does one from more
    /// than a day after `today`. One day is what time zones and clocks can make.
    ///
    /// ```
    /// use turso_api_tokens::{Answer, Date};
    ///
    /// let today = Date::parse("2026-11-24").unwrap();
    /// let answer = Answer::from_json(r#"{"tokens":[{"name":"ci","id":"clGFZ4","created_at":"2026-08-01"}]}"#);
    /// for token in answer.tokens()? {
    ///     assert!(token.is_older_than(90, today) && !token.is_older_than(180, today));
    /// }
    /// # Ok::<(), turso_api_tokens::Error>(())
    /// ```
    pub fn is_older_than(&self, days: u32, today: Date) -> bool {
        self.created_on()
            .is_none_or(|created| !(-1..=i64::from(days)).contains(&today.days_since(created)))
    }
}

/// What a token can act on, from [`ApiToken::access`].
///
/// ```
/// use turso_api_tokens::{Access, Answer};
///
/// let answer = Answer::from_json(r#"{"tokens":[{"name":"old","id":"1"},{"name":"ci","id":"2","organization":"acme"}]}"#);
/// for token in answer.tokens()? {
///     match token.access() {
///         Access::Unrestricted => println!("{} must be rotated", token.name),
///         Access::Organization { organization, .. } => assert_eq!(organization, "acme"),
///         _ => {}
///     }
/// }
/// # Ok::<(), turso_api_tokens::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Access<'a> {
    /// Every organization of the user. The API's documentation calls such tokens deprecated and asks for rotation.
    Unrestricted,
    /// One organization.
    #[non_exhaustive]
    Organization {
        /// Its slug.
        organization: &'a str,
    },
    /// One group of one organization.
    #[non_exhaustive]
    Group {
        /// The organization's slug.
        organization: &'a str,
        /// The group's name.
        group: &'a str,
        /// What the token can do there.
        scopes: &'a [String],
    },
}

/// Writes scopes in the form in which they are read, as formats that do not describe themselves need.
#[cfg(feature = "serde")]
fn as_some<S: serde::Serializer>(scopes: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(scopes)
}
