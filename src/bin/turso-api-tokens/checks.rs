//! Which tokens must exist, and which may not.

use crate::arguments::{Options, Rule};
use turso_api_tokens::{Access, ApiToken, Date};

/// A line for every check that does not hold; all are evaluated.
pub(crate) fn failures(options: &Options, tokens: &[ApiToken], today: Date) -> Vec<String> {
    let missing = options.require.iter().filter(|name| !tokens.iter().any(|token| token.name == **name));
    let missing = missing.map(|name| format!("--require {name}: no token has this name"));
    let denied = options.deny.iter().flat_map(|rule| tokens.iter().filter_map(|token| denial(*rule, token, today)));
    missing.chain(denied).collect()
}

fn denial(rule: Rule, token: &ApiToken, today: Date) -> Option<String> {
    let (name, id) = (&token.name, &token.id);
    match rule {
        Rule::Unrestricted => (token.access() == Access::Unrestricted)
            .then(|| format!("--deny unrestricted: {name} ({id}) may act on every organization")),
        Rule::OlderThan(days) => token.is_older_than(days, today).then(|| {
            let age = match (token.created_on(), &token.created_at) {
                (Some(created), _) if created > today => format!("was created on {created}, which is after {today}"),
                (Some(created), _) => format!("was created on {created}, {} days ago", today.days_since(created)),
                (None, Some(text)) => format!("has no readable date of creation: {text}"),
                (None, None) => "has no date of creation".to_owned(),
            };
            format!("--deny older-than={days}d: {name} ({id}) {age}")
        }),
    }
}
