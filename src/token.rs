//! `ApiToken` and `Access`.

use crate::date::Date;

/// One Platform API token of the user. The list never holds the secret itself.
///
/// Fields are named as in the API's `APIToken` schema. An optional text that the API sends empty is
/// `None` here: to its server, which is written in Go, empty and omitted are the same. With the
/// feature `serde` a token can be stored in any format.
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
    /// The slug of the only organization that the token can act on; `None` means every organization
    /// of the user.
    pub organization: Option<String>,
    /// The only group that the token can act on.
    pub group: Option<String>,
    /// What a token of a group can do there, for example `read` or `db:create`; empty for other
    /// tokens.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_some"))]
    pub scopes: Vec<String>,
    /// The day of creation as the API sent it: `YYYY-MM-DD`, by its documentation. See
    /// [`created_on`](Self::created_on).
    pub created_at: Option<String>,
}

impl ApiToken {
    /// Returns what the token can act on.
    pub fn access(&self) -> Access<'_> {
        // A token made by hand may hold empty texts.
        let organization = non_empty(self.organization.as_deref());
        let group = non_empty(self.group.as_deref());
        match (organization, group) {
            // Fails closed: a group without an organization restricts nothing.
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
    /// Missing data fails closed: a token without a readable date of creation counts as older, and
    /// so does one from more than a day after `today`. One day allows for time zones and clock
    /// skew.
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
        let Some(created) = self.created_on() else {
            return true;
        };
        let age = today.days_since(created);
        age > i64::from(days) || age < -1
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
    /// Every organization of the user. The API's documentation calls such tokens deprecated and
    /// asks for rotation.
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

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// Writes scopes in the form in which they are read, as non-self-describing formats such as
/// postcard need.
#[cfg(feature = "serde")]
fn as_some<S: serde::Serializer>(scopes: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(fields: &str) -> ApiToken {
        let document = format!(r#"{{"tokens":[{{"name":"a","id":"1"{fields}}}]}}"#);
        let answer = crate::Answer::from_json(document);
        answer.tokens().unwrap().remove(0)
    }

    #[test]
    fn access_follows_the_fields_and_fails_closed() {
        assert_eq!(token("").access(), Access::Unrestricted);
        assert_eq!(
            token(r#","organization":"""#).access(),
            Access::Unrestricted
        );
        let group_alone = token(r#","group":"g","scopes":["read"]"#);
        assert_eq!(group_alone.access(), Access::Unrestricted);

        let organization = token(r#","organization":"acme","scopes":["read"]"#);
        let expected = Access::Organization {
            organization: "acme",
        };
        assert_eq!(organization.access(), expected);

        let group = token(r#","organization":"acme","group":"g","scopes":["read"]"#);
        let expected = Access::Group {
            organization: "acme",
            group: "g",
            scopes: &["read".to_owned()],
        };
        assert_eq!(group.access(), expected);
    }

    #[test]
    fn empty_texts_of_a_token_made_by_hand_are_as_missing_ones() {
        let mut made = token("");
        made.organization = Some(String::new());
        assert_eq!(made.access(), Access::Unrestricted);
        made.organization = Some("acme".to_owned());
        made.group = Some(String::new());
        let expected = Access::Organization {
            organization: "acme",
        };
        assert_eq!(made.access(), expected);
    }

    #[test]
    fn a_token_is_older_than_some_days_after_more_than_these_and_without_a_readable_date() {
        let today = Date::parse("2026-04-01").unwrap();
        for (created_at, expected) in [
            (r#","created_at":"2026-03-02""#, false),
            (r#","created_at":"2026-03-01""#, true),
            (r#","created_at":"2026-04-01T09:00:00Z""#, false),
            (r#","created_at":"2026-04-02""#, false),
            (r#","created_at":"2026-04-03""#, true),
            (r#","created_at":"soon""#, true),
            (r#","created_at":null"#, true),
            ("", true),
        ] {
            let token = token(created_at);
            assert_eq!(token.is_older_than(30, today), expected, "{created_at}");
        }
    }
}
