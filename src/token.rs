//! What the API says about a token, and what follows from it.

use crate::date::Date;

/// One Platform API token of the account. The secret itself is never part of the list.
///
/// Fields are named as in the API's `APIToken` schema. An optional text that the API sends empty is `None` here: to its
/// server, written in Go, empty and omitted are the same. With the feature `serde` it can be stored in any format.
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ApiToken {
    /// The name given at creation, unique per user.
    pub name: String,
    /// The id, for example `clGFZ4STEe6fljpFzIum8A`.
    pub id: String,
    /// The slug of the only organization the token may act on; `None`: every organization of the user.
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "form::filled"))]
    pub organization: Option<String>,
    /// The only group the token may act on.
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "form::filled"))]
    pub group: Option<String>,
    /// What a token of a group may do there, for example `read` or `db:create`; empty for other tokens.
    #[cfg_attr(feature = "serde", serde(default, serialize_with = "form::some", deserialize_with = "form::scopes"))]
    pub scopes: Vec<String>,
    /// The day of creation, `YYYY-MM-DD`.
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "form::filled"))]
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

    /// The day of creation, where [`created_at`](Self::created_at) holds a date of the calendar.
    #[must_use]
    pub fn created_on(&self) -> Option<Date> {
        self.created_at.as_deref().and_then(Date::parse)
    }

    /// Whether the token was created more than `days` days before `today`.
    ///
    /// A token without a readable date of creation counts as older, and so does one from more than a day after `today`
    /// (one day is what time zones and clocks make): a gate does not open on missing data.
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
    #[must_use]
    pub fn is_older_than(&self, days: u32, today: Date) -> bool {
        self.created_on().is_none_or(|created| !(-1..=i64::from(days)).contains(&today.days_since(created)))
    }
}

/// What a token may act on, from [`ApiToken::access`].
///
/// ```
/// use turso_api_tokens::{Access, Answer};
///
/// let answer = Answer::from_json(r#"{"tokens":[{"name":"old","id":"1"},{"name":"ci","id":"2","organization":"acme"}]}"#);
/// for token in answer.tokens()? {
///     match token.access() {
///         Access::Unrestricted => println!("{} has to be rotated", token.name),
///         Access::Organization { organization, .. } => assert_eq!(organization, "acme"),
///         _ => {}
///     }
/// }
/// # Ok::<(), turso_api_tokens::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
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
        /// What the token may do there.
        scopes: &'a [String],
    },
}

/// Appends to a list that somebody else decides the length of. It grows by a quarter where `Vec` would double, so that
/// a decoded body never takes more than ten times its size.
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 4 + 4);
    }
    list.push(item);
}

#[cfg(feature = "serde")]
pub(crate) use form::List;

/// What the derive lacks: an empty text is none, scopes may be null, and lists grow by [`push`]. Both ways have the same
/// shape, as a format that does not describe itself needs.
#[cfg(feature = "serde")]
mod form {
    use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
    use serde::ser::Serializer;
    use std::fmt;
    use std::marker::PhantomData;

    pub(super) fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
    }

    pub(super) fn some<S: Serializer>(scopes: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_some(scopes)
    }

    pub(super) fn scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
        Ok(Option::<List<String>>::deserialize(deserializer)?.map_or_else(Vec::new, |scopes| scopes.0))
    }

    pub(crate) struct List<T>(pub(crate) Vec<T>);

    impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_seq(ListVisitor(PhantomData))
        }
    }

    struct ListVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
        type Value = List<T>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
            let mut list = Vec::new();
            loop {
                match seq.next_element() {
                    Ok(Some(item)) => super::push(&mut list, item),
                    Ok(None) => return Ok(List(list)),
                    Err(error) => return Err(A::Error::custom(format!("item {}: {error}", list.len() + 1))),
                }
            }
        }
    }
}
