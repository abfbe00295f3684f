//! Which tokens must exist, and which must not.

use crate::arguments::{Options, Rule};
use crate::messages::cut;
use turso_api_tokens::{Access, ApiToken, Date};

/// A line for every check that fails; all are evaluated.
pub(crate) fn failures(options: &Options, tokens: &[ApiToken], today: Date) -> Vec<String> {
    let missing = options
        .require
        .iter()
        .filter(|name| !tokens.iter().any(|token| token.name == **name));
    let missing = missing.map(|name| format!("--require {}: no token has this name", short(name)));
    let denied = options.deny.iter().flat_map(|rule| {
        let subject = tokens
            .iter()
            .filter(|token| !options.allow.contains(&token.name));
        subject.filter_map(|token| denial(*rule, token, today))
    });
    missing.chain(denied).collect()
}

fn denial(rule: Rule, token: &ApiToken, today: Date) -> Option<String> {
    let token_name = format!("{} ({})", short(&token.name), short(&token.id));
    match rule {
        Rule::Unrestricted => (token.access() == Access::Unrestricted)
            .then(|| format!("--deny unrestricted: {token_name} may act on every organization")),
        Rule::Any => Some(format!("--deny any: {token_name} is not allowed")),
        Rule::OlderThan(days) => token.is_older_than(days, today).then(|| {
            let age = match (token.created_on(), &token.created_at) {
                (Some(created), _) if created > today => {
                    format!("was created on {created}, which is after {today}")
                }
                (Some(created), _) => format!(
                    "was created on {created}, {} days ago",
                    today.days_since(created)
                ),
                (None, Some(text)) => format!("has no readable date of creation: {}", short(text)),
                (None, None) => "has no date of creation".to_owned(),
            };
            format!("--deny older-than={days}d: {token_name} {age}")
        }),
    }
}

/// A name of 60 characters at most, so that what follows it is still in the line.
fn short(name: &str) -> String {
    cut(name, 60)
}
