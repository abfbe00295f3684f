//! What the command line asks for.

use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const HELP: &str = "\
List the Turso Platform API tokens of an account.

Usage: turso-api-tokens [OPTIONS]

Output:
      --json                  The API's answer as it came, once it is known to be whole
      --tsv                   One line per token: name, id, organization, group, scopes, created_at
  -q, --quiet                 No list, only the checks

Checks:
      --require <NAME>        Fail unless a token of this name exists; repeatable
      --deny <RULE>           Fail if a token matches: unrestricted, older-than=<DAYS>d; repeatable

Connection:
      --token-file <FILE>     Read the credential from FILE, or from standard input if FILE is -
      --base-url <URL>        [env: TURSO_API_BASEURL, TURSO_BASE_URL] [default: https://api.turso.tech]
      --ca-file <FILE>        Trust the PEM certificates in FILE instead of the bundled ones [env: SSL_CERT_FILE]
      --timeout <SECONDS>     Give up after this long, retries included [default: 30]
      --retries <N>           Try again this often after a transient failure [default: 2]

  -v, --verbose               Say on standard error what is tried and how it goes
  -h, --help
  -V, --version
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Print a text and be done.
    Show(String),
    /// Make the call.
    List(Options),
}

/// How to make the call, and what of it to print.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) output: Output,
    pub(crate) require: Vec<String>,
    pub(crate) deny: Vec<Rule>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) base_url: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) verbose: bool,
}

/// What goes to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    Table,
    Json,
    Tsv,
    Nothing,
}

/// Which tokens may not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Unrestricted,
    /// More than so many days old.
    OlderThan(u32),
}

/// Reads the arguments that follow the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Action, String> {
    let mut options = Options {
        output: Output::Table,
        require: Vec::new(),
        deny: Vec::new(),
        token_file: None,
        base_url: None,
        ca_file: None,
        timeout: Duration::from_secs(30),
        retries: 2,
        verbose: false,
    };
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Long("json") => choose(&mut options.output, Output::Json)?,
            Long("tsv") => choose(&mut options.output, Output::Tsv)?,
            Short('q') | Long("quiet") => choose(&mut options.output, Output::Nothing)?,
            Long("require") => options.require.push(token_name(value(&mut parser, "--require")?)?),
            Long("deny") => options.deny.push(rule(&value(&mut parser, "--deny")?.to_string_lossy())?),
            Long("token-file") => options.token_file = Some(path("--token-file", value(&mut parser, "--token-file")?)?),
            Long("base-url") => {
                options.base_url = Some(value(&mut parser, "--base-url")?.to_string_lossy().into_owned());
            }
            Long("ca-file") => options.ca_file = Some(path("--ca-file", value(&mut parser, "--ca-file")?)?),
            Long("timeout") => options.timeout = seconds(&value(&mut parser, "--timeout")?.to_string_lossy())?,
            Long("retries") => {
                let text = value(&mut parser, "--retries")?;
                let number = text.to_str().and_then(|text| text.parse().ok());
                options.retries = number.ok_or("--retries takes a whole number, such as 2")?;
            }
            Short('v') | Long("verbose") => options.verbose = true,
            Short('h') | Long("help") => return Ok(Action::Show(HELP.to_owned())),
            Short('V') | Long("version") => {
                return Ok(Action::Show(concat!("turso-api-tokens ", env!("CARGO_PKG_VERSION"), "\n").to_owned()));
            }
            // It may be a credential, given where ps would show it: not repeated.
            Value(_) => {
                return Err("it takes options only; a credential goes into TURSO_API_TOKEN or --token-file".to_owned());
            }
            arg => return Err(arg.unexpected().to_string()),
        }
    }
    Ok(Action::List(options))
}

fn value(parser: &mut lexopt::Parser, option: &str) -> Result<OsString, String> {
    parser.value().map_err(|_| format!("{option} needs a value"))
}

fn choose(output: &mut Output, wanted: Output) -> Result<(), String> {
    if *output != Output::Table && *output != wanted {
        return Err("--json, --tsv and --quiet exclude each other".to_owned());
    }
    *output = wanted;
    Ok(())
}

fn token_name(value: OsString) -> Result<String, String> {
    let name = value.into_string().map_err(|_| "--require takes a name in UTF-8")?;
    if name.is_empty() { Err("--require takes the name of a token, not an empty one".to_owned()) } else { Ok(name) }
}

fn rule(text: &str) -> Result<Rule, String> {
    let days = |text: &str| {
        let digits = text.strip_suffix('d')?;
        let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|days| all_digits && (1..=36_500).contains(days))
    };
    match text.strip_prefix("older-than=").map(days) {
        None if text == "unrestricted" => Ok(Rule::Unrestricted),
        Some(Some(days)) => Ok(Rule::OlderThan(days)),
        _ => Err(format!(
            "--deny does not know the rule `{text}`; the rules are unrestricted and older-than=<DAYS>d, with 1 to 36500 days"
        )),
    }
}

fn path(option: &str, value: OsString) -> Result<PathBuf, String> {
    if value.is_empty() { Err(format!("{option} needs the name of a file")) } else { Ok(value.into()) }
}

/// Seconds with or without a fraction, to the millisecond. Read as whole numbers: reading any `f64` takes 16 kB of code.
fn seconds(text: &str) -> Result<Duration, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let millis = format!("{fraction:0<3}").get(..3).and_then(|digits| digits.parse().ok());
    let time = whole
        .parse()
        .ok()
        .zip(millis)
        .map(|(whole, millis)| Duration::from_secs(whole).saturating_add(Duration::from_millis(millis)));
    time.filter(|time| is_number(whole) && is_number(fraction) && !time.is_zero())
        .ok_or_else(|| "--timeout takes seconds, such as 30 or 2.5, and more than 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Result<Options, String> {
        match parse(args.iter().map(OsString::from))? {
            Action::List(options) => Ok(options),
            Action::Show(text) => Err(text),
        }
    }

    #[test]
    fn values_follow_their_option_after_a_space_or_an_equals_sign() {
        let options = options(&["--timeout=2.5", "--retries", "0", "--require=a", "--require", "b", "-qv"]).unwrap();
        assert_eq!(options.timeout, Duration::from_millis(2500));
        assert_eq!((options.retries, options.output, options.verbose), (0, Output::Nothing, true));
        assert_eq!(options.require, ["a", "b"]);
    }

    #[test]
    fn help_and_version_answer_whatever_else_is_asked() {
        assert!(options(&["--retries", "1", "--help", "--bogus"]).unwrap_err().contains("Usage:"));
        assert!(options(&["-V"]).unwrap_err().starts_with("turso-api-tokens "));
    }

    #[test]
    fn a_wrong_option_says_what_is_right_and_never_repeats_a_stray_argument() {
        for (args, says) in [
            (&["--bogus"][..], "--bogus"),
            (&["secret"], "TURSO_API_TOKEN"),
            (&["--timeout", "0"], "more than 0"),
            (&["--timeout", "1e3"], "seconds"),
            (&["--timeout", "inf"], "seconds"),
            (&["--timeout", "-1"], "seconds"),
            (&["--timeout"], "needs a value"),
            (&["--retries", "-1"], "whole number"),
            (&["--retries", "1.5"], "whole number"),
            (&["--json", "--tsv"], "exclude"),
            (&["--token-file", ""], "file"),
            (&["--require", ""], "name"),
            (&["--json=x"], "--json"),
        ] {
            let problem = options(args).unwrap_err();
            assert!(problem.contains(says) && !problem.contains("secret"), "{args:?}: {problem}");
        }
    }

    #[test]
    fn rules_are_read_whole_and_a_wrong_one_lists_them() {
        assert_eq!(rule("unrestricted"), Ok(Rule::Unrestricted));
        assert_eq!(rule("older-than=1d"), Ok(Rule::OlderThan(1)));
        assert_eq!(rule("older-than=36500d"), Ok(Rule::OlderThan(36_500)));
        for wrong in [
            "",
            "Unrestricted",
            "older-than",
            "older-than=",
            "older-than=d",
            "older-than=90",
            "older-than=0d",
            "older-than=36501d",
            "older-than=+9d",
            "older-than=-9d",
            "older-than=9w",
            "older-than=99999999999d",
            "unrestricted ",
        ] {
            let problem = rule(wrong).unwrap_err();
            assert!(problem.contains("unrestricted and older-than=<DAYS>d"), "{problem}");
        }
    }
}
