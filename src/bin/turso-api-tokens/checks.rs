//! Which tokens must exist, and which must not.

use crate::arguments::{Options, Rule};
use crate::messages::cut;
use turso_api_tokens::{Access, ApiToken, Credential, Date};

/// A line for every check that fails; all are evaluated.
pub(crate) fn failures(
    options: &Options,
    tokens: &[ApiToken],
    today: Date,
    credential: &Credential,
) -> Vec<String> {
    let mut failures = Vec::new();

    for name in &options.require {
        if !tokens.iter().any(|token| token.name == *name) {
            let name = shown(name, credential);
            failures.push(format!("--require {name}: no token has this name"));
        }
    }

    for rule in &options.deny {
        for token in tokens {
            if options.allow.contains(&token.name) {
                continue;
            }
            if let Some(reason) = denial(*rule, token, today, credential) {
                let rule = rule_name(*rule);
                let name = shown(&token.name, credential);
                let id = shown(&token.id, credential);
                failures.push(format!("--deny {rule}: {name} ({id}) {reason}"));
            }
        }
    }
    failures
}

fn rule_name(rule: Rule) -> String {
    match rule {
        Rule::Unrestricted => "unrestricted".to_owned(),
        Rule::Any => "any".to_owned(),
        Rule::OlderThan(days) => format!("older-than={days}d"),
    }
}

/// Why a rule denies a token; `None` if it does not.
fn denial(rule: Rule, token: &ApiToken, today: Date, credential: &Credential) -> Option<String> {
    match rule {
        Rule::Any => Some("is not allowed".to_owned()),
        Rule::Unrestricted if token.access() == Access::Unrestricted => {
            Some("may act on every organization".to_owned())
        }
        Rule::OlderThan(days) if token.is_older_than(days, today) => {
            Some(age(token, today, credential))
        }
        Rule::Unrestricted | Rule::OlderThan(_) => None,
    }
}

fn age(token: &ApiToken, today: Date, credential: &Credential) -> String {
    let Some(created) = token.created_on() else {
        return match &token.created_at {
            Some(text) => {
                let text = shown(text, credential);
                format!("has no readable date of creation: {text}")
            }
            None => "has no date of creation".to_owned(),
        };
    };
    if created > today {
        return format!("was created on {created}, which is after {today}");
    }
    let days = today.days_since(created);
    format!("was created on {created}, {days} days ago")
}

/// The longest name in a message, so that what follows it is still in the line.
const MAX_CHARS: usize = 60;

/// A name for a message. Redacted first: no part of a credential must be left at its end.
fn shown(name: &str, credential: &Credential) -> String {
    cut(&credential.redact(name), MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use turso_api_tokens::Answer;

    /// When a token was created.
    #[derive(Debug, Clone, Copy)]
    enum Created {
        /// So many days before the last day of 2026; after it if negative.
        DaysAgo(i64),
        Missing,
        Unreadable,
    }

    impl Created {
        fn text(self) -> Option<String> {
            let days_ago = match self {
                Self::DaysAgo(days_ago) => days_ago,
                Self::Missing => return None,
                Self::Unreadable => return Some("soon".to_owned()),
            };
            if days_ago < 0 {
                return Some(format!("2027-01-{:02}", -days_ago));
            }
            let mut day = 365 - days_ago;
            for (month, length) in (1..).zip([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                if day <= length {
                    return Some(format!("2026-{month:02}-{day:02}"));
                }
                day -= length;
            }
            unreachable!("{days_ago} days ago is in 2026")
        }

        /// A day in the future is allowed; missing data is not.
        fn is_older_than(self, days: u32) -> bool {
            match self {
                Self::DaysAgo(days_ago) => days_ago > i64::from(days) || days_ago < -1,
                Self::Missing | Self::Unreadable => true,
            }
        }
    }

    #[derive(Debug, Clone)]
    struct Made {
        name: String,
        organization: Option<String>,
        created: Created,
    }

    impl Made {
        fn is_denied(&self, rule: Rule) -> bool {
            match rule {
                Rule::Any => true,
                Rule::Unrestricted => self.organization.as_deref().unwrap_or_default().is_empty(),
                Rule::OlderThan(days) => self.created.is_older_than(days),
            }
        }
    }

    fn list(made: &[Made]) -> Vec<ApiToken> {
        let tokens: Vec<_> = made
            .iter()
            .map(|token| {
                json!({"name": token.name, "id": "1", "organization": token.organization, "created_at": token.created.text()})
            })
            .collect();
        let answer = Answer::from_json(json!({"tokens": tokens}).to_string());
        answer.tokens().unwrap()
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec("[a-d]", 0..3)
    }

    fn made() -> impl Strategy<Value = Made> {
        let created = prop_oneof![
            4 => (0..365_i64).prop_map(Created::DaysAgo),
            2 => (-3..=1_i64).prop_map(Created::DaysAgo),
            1 => Just(Created::Missing),
            1 => Just(Created::Unreadable),
        ];
        ("[a-d]", prop::option::of("o?"), created).prop_map(|(name, organization, created)| Made {
            name,
            organization,
            created,
        })
    }

    fn any_rule() -> impl Strategy<Value = Rule> {
        prop_oneof![
            Just(Rule::Any),
            Just(Rule::Unrestricted),
            (1..400_u32).prop_map(Rule::OlderThan),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn each_missing_name_and_each_denied_token_is_one_line_that_names_it(
            require in names(),
            deny in prop::collection::vec(any_rule(), 0..3),
            allow in names(),
            made in prop::collection::vec(made(), 0..6),
        ) {
            let mut expected = Vec::new();
            for name in &require {
                if made.iter().all(|token| token.name != *name) {
                    expected.push(format!("--require {name}: no token has this name"));
                }
            }
            for rule in &deny {
                let rule_text = match rule {
                    Rule::Any => "any".to_owned(),
                    Rule::Unrestricted => "unrestricted".to_owned(),
                    Rule::OlderThan(days) => format!("older-than={days}d"),
                };
                for token in &made {
                    if token.is_denied(*rule) && !allow.contains(&token.name) {
                        expected.push(format!("--deny {rule_text}: {} (1) ", token.name));
                    }
                }
            }

            let options = Options { require, deny, allow, ..Options::default() };
            let today = Date::parse("2026-12-31").unwrap();
            let credential = Credential::new("secret").unwrap();
            let lines = failures(&options, &list(&made), today, &credential);
            prop_assert_eq!(lines.len(), expected.len(), "{:?}, not {:?}", lines, expected);
            for (line, start) in lines.iter().zip(&expected) {
                prop_assert!(line.starts_with(start), "{:?}, not {:?}", line, start);
            }
        }
    }
}
