//! The list as a person, a script or another program wants it.

use std::io::{self, ErrorKind, Write};
use turso_api_tokens::{Access, ApiToken, Escaped};
use unicode_width::UnicodeWidthStr;

const ALL_SCOPES: usize = 9;
const SCOPES: [&str; ALL_SCOPES] = [
    "read",
    "db:create",
    "db:delete",
    "db:configure",
    "db:mint-token",
    "db:rotate-creds",
    "group:configure",
    "group:mint-token",
    "group:rotate-creds",
];

/// Columns aligned as a terminal shows them, with the words of the official CLI; the widest is the last.
pub(crate) fn table(tokens: &[ApiToken]) -> String {
    let head = ["NAME", "ID", "SCOPE", "CREATED AT", "PERMISSIONS"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(tokens.iter().map(row)).collect();
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width()) + 2));
        }
        text.push_str(line.trim_end_matches(' '));
        text.push('\n');
    }
    text
}

/// One line of six fields per token.
pub(crate) fn tsv(tokens: &[ApiToken]) -> String {
    let mut text = String::new();
    for token in tokens {
        let scopes = token.scopes.join(",");
        let optional = |field: &Option<String>| field.clone().unwrap_or_default();
        let fields = [
            &token.name,
            &token.id,
            &optional(&token.organization),
            &optional(&token.group),
            &scopes,
            &optional(&token.created_at),
        ];
        // The backslash first: the escapes of the others begin with one.
        let fields = fields.map(|field| Escaped(&field.replace('\\', "\\\\")).to_string());
        text.push_str(&fields.join("\t"));
        text.push('\n');
    }
    text
}

/// The body, with a newline at its end. What could steer a terminal stands in texts only, where JSON lets it through raw;
/// escaped, it is the same JSON.
pub(crate) fn json(body: &str) -> String {
    let mut text = String::with_capacity(body.len() + 1);
    for c in body.chars() {
        // Below are what JSON escapes and white space.
        if c >= '\u{7f}' && Escaped(c.encode_utf8(&mut [0; 4])).to_string().starts_with('\\') {
            text.extend(format!("\\u{:04x}", u32::from(c)).chars());
        } else {
            text.push(c);
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Writes all of a text to standard output. A reader that went away has what it wanted.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe || error.raw_os_error() == PIPE_CLOSED => Ok(()),
        written => written,
    }
}

/// What Windows says of it beside the two codes that std knows: no process is at the other end.
const PIPE_CLOSED: Option<i32> = if cfg!(windows) { Some(233) } else { None };

fn row(token: &ApiToken) -> [String; 5] {
    let scope = match token.access() {
        Access::Unrestricted => "all".to_owned(),
        Access::Group { organization, group, .. } => format!("{organization}/{group}"),
        Access::Organization { organization, .. } => organization.to_owned(),
        _ => "?".to_owned(),
    };
    let created = token.created_at.as_deref().unwrap_or("—");
    [&token.name, &token.id, &scope, created, &permissions(&token.scopes)].map(|cell| Escaped(cell).to_string())
}

fn permissions(scopes: &[String]) -> String {
    let holds = |scope: &&str| scopes.iter().any(|held| held == scope);
    match scopes {
        [] => "—".to_owned(),
        [only] if only == "read" => "read-only".to_owned(),
        all if all.len() == ALL_SCOPES && SCOPES.iter().all(holds) => "full-access".to_owned(),
        some => some.join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(fields: [&str; 6]) -> ApiToken {
        let [name, id, organization, group, scopes, created_at] = fields;
        let body = serde_json::json!({"tokens": [{"name": name, "id": id, "organization": organization, "group": group,
            "scopes": if scopes.is_empty() { vec![] } else { vec![scopes] }, "created_at": created_at}]});
        turso_api_tokens::Answer::from_json(body.to_string()).tokens().unwrap().remove(0)
    }

    #[test]
    fn permissions_have_the_names_of_the_official_cli() {
        let owned = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
        let mut backwards = SCOPES;
        backwards.reverse();
        assert_eq!(permissions(&[]), "—");
        assert_eq!(permissions(&owned(&["read"])), "read-only");
        assert_eq!(permissions(&owned(&SCOPES)), "full-access");
        assert_eq!(permissions(&owned(&backwards)), "full-access");
        assert_eq!(permissions(&owned(&["read"; 9])), ["read"; 9].join(","));
        assert_eq!(permissions(&owned(&["read", "db:create"])), "read,db:create");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_token_of_any_text_is_one_line_of_six_fields_without_a_control_character(
            fields in prop::array::uniform6(prop_oneof!["\\PC*", "[\\x00-\\x1f\\x7f-\\x9f\\u{202e}\\u{2028}\\\\\\ta-c]{0,8}"])
        ) {
            let token = token(std::array::from_fn(|index| fields[index].as_str()));
            let line = tsv(std::slice::from_ref(&token));
            prop_assert_eq!(line.matches('\n').count(), 1);
            let line = line.strip_suffix('\n').unwrap();
            prop_assert_eq!(line.split('\t').count(), 6);
            prop_assert!(!line.replace('\t', "").chars().any(char::is_control));
            let rows = table(std::slice::from_ref(&token));
            prop_assert_eq!(rows.matches('\n').count(), 2);
            let steers = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}');
            prop_assert!(!rows.replace('\n', "").chars().any(steers));
        }
    }
}
