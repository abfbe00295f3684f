//! The list as a person, a script or another program wants it.

use crate::arguments::Output;
use std::io::{self, BufWriter, ErrorKind, Write};
use turso_api_tokens::{Access, ApiToken, Escaped};
use unicode_width::UnicodeWidthStr;

/// All that the API documents. A token with all of them is `full-access`.
const SCOPES: [&str; 9] = [
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
        Err(error) if is_closed_pipe(&error) => Ok(()),
        written => written,
    }
}

fn is_closed_pipe(error: &io::Error) -> bool {
    // Windows has a code for a pipe without a process at its other end, beside those that std
    // knows.
    const PIPE_NOT_CONNECTED: i32 = 233;

    let is_windows_code = cfg!(windows) && error.raw_os_error() == Some(PIPE_NOT_CONNECTED);
    error.kind() == ErrorKind::BrokenPipe || is_windows_code
}

/// Columns aligned as a terminal shows them, with the official CLI's wording; the widest is the
/// last.
fn write_table(out: &mut dyn Write, tokens: &[ApiToken]) -> io::Result<()> {
    let heading = HEADING.map(str::to_owned);
    let mut widths = heading.each_ref().map(|cell| cell.width());
    for token in tokens {
        for (width, cell) in widths.iter_mut().zip(row(token)) {
            let padded = cell.width().min(MAX_WIDTH);
            *width = padded.max(*width);
        }
    }

    // A row is made twice rather than kept: a long list must not be in memory three times.
    write_row(out, &heading, &widths)?;
    for token in tokens {
        write_row(out, &row(token), &widths)?;
    }
    Ok(())
}

fn write_row(out: &mut dyn Write, row: &[String; 5], widths: &[usize; 5]) -> io::Result<()> {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let padding = width.saturating_sub(cell.width()) + 2;
        line.push_str(cell);
        line.push_str(&" ".repeat(padding));
    }
    writeln!(out, "{}", line.trim_end_matches(' '))
}

/// One line of six fields per token.
fn write_tsv(out: &mut dyn Write, tokens: &[ApiToken]) -> io::Result<()> {
    for token in tokens {
        let fields = [
            token.name.as_str(),
            token.id.as_str(),
            token.organization.as_deref().unwrap_or_default(),
            token.group.as_deref().unwrap_or_default(),
            &token.scopes.join(","),
            token.created_at.as_deref().unwrap_or_default(),
        ];
        writeln!(out, "{}", fields.map(tsv_field).join("\t"))?;
    }
    Ok(())
}

fn tsv_field(text: &str) -> String {
    // The backslash first: the escapes of the others begin with one.
    let text = text.replace('\\', "\\\\");
    Escaped(&text).to_string()
}

/// The body, with a newline at its end. Characters that must not reach a terminal are in strings
/// only, where JSON lets them through raw; escaped, it is the same JSON.
fn write_json(out: &mut dyn Write, body: &str) -> io::Result<()> {
    for c in body.chars() {
        if is_escaped_in_json(c) {
            // One unit, or two for a character above U+FFFF.
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        } else {
            out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
        }
    }

    if !body.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn is_escaped_in_json(c: char) -> bool {
    // Control characters below DEL are white space, or already escaped by JSON.
    if c < '\u{7f}' {
        return false;
    }
    let text = c.to_string();
    Escaped(&text).to_string() != text
}

fn row(token: &ApiToken) -> [String; 5] {
    let scope = match token.access() {
        Access::Unrestricted => "all".to_owned(),
        Access::Organization { organization, .. } => organization.to_owned(),
        Access::Group {
            organization,
            group,
            ..
        } => format!("{organization}/{group}"),
        _ => "?".to_owned(),
    };
    let cells = [
        token.name.as_str(),
        token.id.as_str(),
        &scope,
        token.created_at.as_deref().unwrap_or("—"),
        &permissions(&token.scopes),
    ];
    cells.map(|cell| Escaped(cell).to_string())
}

fn permissions(scopes: &[String]) -> String {
    if scopes.is_empty() {
        return "—".to_owned();
    }
    if scopes == ["read"] {
        return "read-only".to_owned();
    }

    let has_all = SCOPES
        .iter()
        .all(|known| scopes.iter().any(|scope| scope == known));
    if has_all && scopes.len() == SCOPES.len() {
        return "full-access".to_owned();
    }
    scopes.join(",")
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
        let all = [
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
        let mut backwards = all;
        backwards.reverse();
        assert_eq!(permissions(&[]), "—");
        assert_eq!(permissions(&owned(&["read"])), "read-only");
        assert_eq!(permissions(&owned(&["db:create"])), "db:create");
        assert_eq!(permissions(&owned(&all)), "full-access");
        assert_eq!(permissions(&owned(&backwards)), "full-access");
        assert_eq!(permissions(&owned(&["read"; 9])), ["read"; 9].join(","));
        assert_eq!(permissions(&owned(&["new"; 9])), ["new"; 9].join(","));
        let more = [&all[..], &["new"]].concat();
        assert_eq!(permissions(&owned(&more)), more.join(","));
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
