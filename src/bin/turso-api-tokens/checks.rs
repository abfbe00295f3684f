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
