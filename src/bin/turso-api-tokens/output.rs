//! The list as a person, a script or another program wants it.

use crate::arguments::Output;
use std::io::{self, BufWriter, ErrorKind, Write};
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

const HEADING: [&str; 5] = ["NAME", "ID", "SCOPE", "CREATED AT", "PERMISSIONS"];
/// A column is padded to this width at most. A longer cell pushes its own row only.
const MAX_WIDTH: usize = 40;

/// Prints a text. A closed pipe is not an error: the reader has what it wanted.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_with(|out| out.write_all(text.as_bytes()))
}

/// Prints the list as `output` says: the API's JSON, or its tokens.
pub(crate) fn print_list(output: Output, json: &str, tokens: &[ApiToken]) -> io::Result<()> {
    print_with(|out| match output {
        Output::Table => write_table(out, tokens),
        Output::Tsv => write_tsv(out, tokens),
        Output::Json => write_json(out, json),
        Output::Nothing => Ok(()),
    })
}

fn print_with(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error)
            if error.kind() == ErrorKind::BrokenPipe || error.raw_os_error() == PIPE_CLOSED =>
        {
            Ok(())
        }
        written => written,
    }
}

/// Windows' code for a pipe without a process at its other end, beside the two that std knows.
const PIPE_CLOSED: Option<i32> = if cfg!(windows) { Some(233) } else { None };

/// Columns aligned as a terminal shows them, with the official CLI's wording; the widest is the last.
fn write_table(out: &mut dyn Write, tokens: &[ApiToken]) -> io::Result<()> {
    let heading = HEADING.map(str::to_owned);
    let mut widths = heading.each_ref().map(|cell| cell.width());
    for token in tokens {
        for (width, cell) in widths.iter_mut().zip(row(token)) {
            *width = (*width).max(cell.width().min(MAX_WIDTH));
        }
    }
    let mut write_row = |row: [String; 5]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.width()) + 2,
            ));
        }
        writeln!(out, "{}", line.trim_end_matches(' '))
    };
    write_row(heading)?;
    tokens.iter().try_for_each(|token| write_row(row(token)))
}

/// One line of six fields per token.
fn write_tsv(out: &mut dyn Write, tokens: &[ApiToken]) -> io::Result<()> {
    for token in tokens {
        let optional = |field: &Option<String>| field.clone().unwrap_or_default();
        let fields = [
            &token.name,
            &token.id,
            &optional(&token.organization),
            &optional(&token.group),
            &token.scopes.join(","),
            &optional(&token.created_at),
        ];
        // The backslash first: the escapes of the others begin with one.
        let fields = fields.map(|field| Escaped(&field.replace('\\', "\\\\")).to_string());
        writeln!(out, "{}", fields.join("\t"))?;
    }
    Ok(())
}

/// The body, with a newline at its end. Characters that could control a terminal are in strings only, where JSON lets them
/// through raw; escaped, it is the same JSON.
fn write_json(out: &mut dyn Write, body: &str) -> io::Result<()> {
    let mut utf8 = [0; 4];
    for c in body.chars() {
        let text = &*c.encode_utf8(&mut utf8);
        // Below are what JSON escapes and white space.
        if c >= '\u{7f}' && Escaped(text).to_string().starts_with('\\') {
            write!(out, "\\u{:04x}", u32::from(c))?;
        } else {
            out.write_all(text.as_bytes())?;
        }
    }
    if body.ends_with('\n') {
        Ok(())
    } else {
        out.write_all(b"\n")
    }
}

fn row(token: &ApiToken) -> [String; 5] {
    let scope = match token.access() {
        Access::Unrestricted => "all".to_owned(),
        Access::Group {
            organization,
            group,
            ..
        } => format!("{organization}/{group}"),
        Access::Organization { organization, .. } => organization.to_owned(),
        _ => "?".to_owned(),
    };
    let created = token.created_at.as_deref().unwrap_or("—");
    [
        &token.name,
        &token.id,
        &scope,
        created,
        &permissions(&token.scopes),
    ]
    .map(|cell| Escaped(cell).to_string())
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
        turso_api_tokens::Answer::from_json(body.to_string())
            .tokens()
            .unwrap()
            .remove(0)
    }

    #[test]
    fn permissions_have_the_official_clis_names() {
        let owned = |scopes: &[&str]| {
            scopes
                .iter()
                .map(|scope| (*scope).to_owned())
                .collect::<Vec<_>>()
        };
        let mut backwards = SCOPES;
        backwards.reverse();
        assert_eq!(permissions(&[]), "—");
        assert_eq!(permissions(&owned(&["read"])), "read-only");
        assert_eq!(permissions(&owned(&["db:create"])), "db:create");
        assert_eq!(permissions(&owned(&SCOPES)), "full-access");
        assert_eq!(permissions(&owned(&backwards)), "full-access");
        assert_eq!(permissions(&owned(&["read"; 9])), ["read"; 9].join(","));
        assert_eq!(permissions(&owned(&["new"; 9])), ["new"; 9].join(","));
        assert_eq!(
            permissions(&owned(&["read", "db:create"])),
            "read,db:create"
        );
    }

    fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_column_is_padded_to_40_columns_and_a_longer_cell_pushes_its_own_row_only() {
        let (long, short) = ("x".repeat(41), "y".repeat(40));
        let tokens = [[&long, "1"], [&short, "2"], ["z", "3"]]
            .map(|[name, id]| token([name, id, "", "", "", ""]));
        let lines = [
            format!("NAME{}  ID  SCOPE  CREATED AT  PERMISSIONS", " ".repeat(36)),
            format!("{long}  1   all    —           —"),
            format!("{short}  2   all    —           —"),
            format!("z{}  3   all    —           —", " ".repeat(39)),
        ];
        assert_eq!(
            written(|out| write_table(out, &tokens)),
            lines.join("\n") + "\n"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_token_of_any_text_is_one_line_of_six_fields_without_a_control_character(
            fields in prop::array::uniform6(prop_oneof!["\\PC*", "[\\x00-\\x1f\\x7f-\\x9f\\u{202e}\\u{2028}\\\\\\ta-c]{0,8}"])
        ) {
            let token = token(std::array::from_fn(|index| fields[index].as_str()));
            let line = written(|out| write_tsv(out, std::slice::from_ref(&token)));
            prop_assert_eq!(line.matches('\n').count(), 1);
            let line = line.strip_suffix('\n').unwrap();
            prop_assert_eq!(line.split('\t').count(), 6);
            prop_assert!(!line.replace('\t', "").chars().any(char::is_control));
            let rows = written(|out| write_table(out, std::slice::from_ref(&token)));
            prop_assert_eq!(rows.matches('\n').count(), 2);
            let controls = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}');
            prop_assert!(!rows.replace('\n', "").chars().any(controls));
        }
    }
}
