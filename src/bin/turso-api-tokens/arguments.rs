//! Parses the command line and builds the client.

use lexopt::prelude::*;
use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;
use turso_api_tokens::{Client, Credential, Error, redact_lookalikes};

const VERSION: &str = concat!("turso-api-tokens ", env!("CARGO_PKG_VERSION"), "\n");

const HELP: &str = "\
List your Turso Platform API tokens.

Usage: turso-api-tokens [OPTIONS]

Output:
      --json               Print the API's JSON, verified complete
      --tsv                Print a line per token: name, id, organization,
                           group, scopes, created_at
  -q, --quiet              Print no list, only run the checks

Checks:
      --require <NAME>     Fail unless a token has this name
      --deny <RULE>        Fail if a token matches: unrestricted,
                           older-than=<DAYS>d, any
      --allow <NAME>       Exempt the token of this name from --deny

Connection:
      --token-file <FILE>  Read the credential from FILE; - is standard input
      --base-url <URL>     [env: TURSO_API_BASEURL, TURSO_BASE_URL]
                           [default: https://api.turso.tech]
      --ca-file <FILE>     Trust the PEM certificates in FILE instead of the
                           bundled ones [env: SSL_CERT_FILE]
      --timeout <SECONDS>  Give up after this long, retries included
                           [default: 30]
      --retries <N>        Retry a transient failure up to N times
                           [default: 2]

  -v, --verbose            Log settings and attempts to standard error
  -h, --help
  -V, --version

--require, --deny and --allow may be given several times.

Credential: --token-file, else TURSO_API_TOKEN, else TURSO_TOKEN, else the login
of the turso CLI (`turso auth login`).

Proxy: HTTPS_PROXY, else ALL_PROXY, except for hosts in NO_PROXY.

Exit codes:
  0  success, and every check passed
  1  a check failed
  2  a problem on this machine: option, credential, file, output
  3  the API refused the credential (401, 403)
  4  no response: network, TLS, proxy, timeout, 429 or 5xx
  5  an unexpected response: another status, not the documented list
";

/// What to do.
#[derive(Debug)]
pub(crate) enum Action {
    /// Print this and exit.
    Print(&'static str),
    /// Make the call.
    List(Options),
}

/// How to make the call, and what to print and check.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) output: Output,
    pub(crate) require: Vec<String>,
    pub(crate) deny: Vec<Rule>,
    pub(crate) allow: Vec<String>,
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
    /// The API's response, verified to be complete.
    Json,
    Tsv,
    Nothing,
}

/// Tokens that must not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Unrestricted,
    /// More than so many days old.
    OlderThan(u32),
    Any,
}

/// A file of certificates to trust, and the option or variable that names it.
pub(crate) struct TrustedFile {
    pub(crate) path: PathBuf,
    pub(crate) setting: &'static str,
}

/// Parses the arguments that follow the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Action, String> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(args);

    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Long("json") => set_output(&mut options.output, Output::Json)?,
            Long("tsv") => set_output(&mut options.output, Output::Tsv)?,
            Short('q') | Long("quiet") => set_output(&mut options.output, Output::Nothing)?,

            Long("require") => {
                let name = token_name("--require", value(&mut parser)?)?;
                options.require.push(name);
            }
            Long("deny") => {
                let rule = rule(&value(&mut parser)?.to_string_lossy())?;
                options.deny.push(rule);
            }
            Long("allow") => {
                let name = token_name("--allow", value(&mut parser)?)?;
                options.allow.push(name);
            }

            Long("token-file") => {
                options.token_file = Some(path("--token-file", value(&mut parser)?)?);
            }
            Long("base-url") => options.base_url = Some(base_url(value(&mut parser)?)?),
            Long("ca-file") => options.ca_file = Some(path("--ca-file", value(&mut parser)?)?),
            Long("timeout") => {
                options.timeout = seconds(&value(&mut parser)?.to_string_lossy())?;
            }
            Long("retries") => {
                options.retries = retries(&value(&mut parser)?.to_string_lossy())?;
            }

            Short('v') | Long("verbose") => options.verbose = true,
            Short('h') | Long("help") => return Ok(Action::Print(HELP)),
            Short('V') | Long("version") => return Ok(Action::Print(VERSION)),

            Long(name) if name.starts_with("token") => {
                // The credential may follow without a space: it is redacted as a word of its own.
                let rest = redact_lookalikes(name.trim_start_matches("token"));
                return Err(format!(
                    "invalid option '--token{rest}'; use --token-file or TURSO_API_TOKEN"
                ));
            }
            arg => return Err(usage(arg.unexpected())),
        }
    }

    if !options.allow.is_empty() && options.deny.is_empty() {
        return Err(
            "--allow exempts a token from --deny, so without --deny it checks nothing; \
             --deny any denies every token that is not allowed"
                .to_owned(),
        );
    }
    Ok(Action::List(options))
}

impl Default for Options {
    fn default() -> Self {
        Self {
            output: Output::Table,
            require: Vec::new(),
            deny: Vec::new(),
            allow: Vec::new(),
            token_file: None,
            base_url: None,
            ca_file: None,
            timeout: Duration::from_secs(30),
            retries: 2,
            verbose: false,
        }
    }
}

impl Options {
    /// The credential that these options and the environment name.
    pub(crate) fn credential(&self) -> Result<Credential, Error> {
        match &self.token_file {
            None => Credential::discover(),
            Some(path) if is_stdin(path) => Credential::from_reader(io::stdin(), "standard input"),
            Some(path) => Credential::from_file(path),
        }
    }

    /// Whether the credential would be typed where everybody can read it.
    pub(crate) fn reads_credential_from_terminal(&self) -> bool {
        match &self.token_file {
            Some(path) => is_stdin(path) && io::stdin().is_terminal(),
            None => false,
        }
    }

    /// The client that these options and the environment ask for.
    pub(crate) fn client(&self, credential: Credential) -> Result<Client, Error> {
        let mut builder = Client::builder(credential)
            .environment()
            .retries(self.retries)
            .timeout(self.timeout);
        if let Some(url) = &self.base_url {
            builder = builder.base_url_from("--base-url", url);
        }
        if let Some(path) = &self.ca_file {
            builder = builder.root_certificates_file_from("--ca-file", path);
        }
        #[cfg(feature = "resolver")]
        {
            builder = builder.split_lookup();
        }
        builder.build()
    }

    /// Whether the base URL is not the default.
    pub(crate) fn has_base_url(&self) -> bool {
        self.base_url.is_some()
            || variable("TURSO_API_BASEURL").is_some()
            || variable("TURSO_BASE_URL").is_some()
    }

    /// The file whose certificates are trusted instead of the bundled ones, if there is one.
    pub(crate) fn trusted_file(&self) -> Option<TrustedFile> {
        if let Some(path) = &self.ca_file {
            return Some(TrustedFile {
                path: path.clone(),
                setting: "--ca-file",
            });
        }
        Some(TrustedFile {
            path: variable("SSL_CERT_FILE")?.into(),
            setting: "SSL_CERT_FILE",
        })
    }
}

fn is_stdin(token_file: &Path) -> bool {
    token_file.as_os_str() == "-"
}

/// A variable, unless it is unset or empty.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// lexopt's errors, without the values that it repeats: each may be a credential, given where `ps`
/// would show it.
fn usage(error: lexopt::Error) -> String {
    match error {
        lexopt::Error::UnexpectedArgument(_) => "unexpected argument: this program takes options \
             only; pass a credential with --token-file or TURSO_API_TOKEN"
            .to_owned(),
        lexopt::Error::UnexpectedValue { option, .. } => format!(
            "{} takes no value; pass a credential with --token-file or TURSO_API_TOKEN",
            redact_lookalikes(&option)
        ),
        lexopt::Error::MissingValue {
            option: Some(option),
        } => format!("{option} needs a value"),
        error => redact_lookalikes(&error.to_string()),
    }
}

fn value(parser: &mut lexopt::Parser) -> Result<OsString, String> {
    parser.value().map_err(usage)
}

fn set_output(output: &mut Output, wanted: Output) -> Result<(), String> {
    if *output != Output::Table && *output != wanted {
        return Err("--json, --tsv and --quiet exclude each other".to_owned());
    }
    *output = wanted;
    Ok(())
}

fn token_name(option: &str, value: OsString) -> Result<String, String> {
    let Ok(name) = value.into_string() else {
        return Err(format!("{option} takes a name in UTF-8"));
    };
    if name.is_empty() {
        return Err(format!(
            "{option} takes the name of a token, not an empty one"
        ));
    }
    Ok(name)
}

fn base_url(value: OsString) -> Result<String, String> {
    value
        .into_string()
        .map_err(|_| "--base-url takes a URL in UTF-8".to_owned())
}

fn path(option: &str, value: OsString) -> Result<PathBuf, String> {
    if value.is_empty() {
        return Err(format!("{option} needs the name of a file"));
    }
    Ok(value.into())
}

fn rule(text: &str) -> Result<Rule, String> {
    let rule = match text {
        "unrestricted" => Some(Rule::Unrestricted),
        "any" => Some(Rule::Any),
        _ => older_than(text),
    };
    rule.ok_or_else(|| {
        "unknown rule for --deny; \
         the rules are unrestricted, older-than=<DAYS>d with 1 to 36500 days, and any"
            .to_owned()
    })
}

fn older_than(text: &str) -> Option<Rule> {
    let digits = text.strip_prefix("older-than=")?.strip_suffix('d')?;
    if !is_digits(digits) {
        return None;
    }
    match digits.parse() {
        Ok(days @ 1..=36_500) => Some(Rule::OlderThan(days)),
        _ => None,
    }
}

fn retries(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| "--retries takes a whole number, such as 2".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    match parse_seconds(text) {
        Some(time) if !time.is_zero() => Ok(time),
        _ => Err("--timeout takes seconds, such as 30 or 2.5, and more than 0".to_owned()),
    }
}

/// Parses seconds with or without a fraction, to the millisecond. As whole numbers: parsing any
/// `f64` takes 16 kB of code.
fn parse_seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }

    let seconds = Duration::from_secs(whole.parse().ok()?);
    // The first three digits, filled up with zeros: 5 is 500 ms.
    let millis = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    Some(seconds.saturating_add(Duration::from_millis(millis)))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn options(args: &[&str]) -> Result<Options, String> {
        match parse(args.iter().map(OsString::from))? {
            Action::List(options) => Ok(options),
            Action::Print(text) => Err(text.to_owned()),
        }
    }

    #[test]
    fn values_follow_their_option_after_a_space_or_an_equals_sign() {
        let options = options(&[
            "--timeout=2.5",
            "--retries",
            "0",
            "--require=a",
            "--require",
            "b",
            "--allow=c",
            "--deny=any",
            "-qv",
        ])
        .unwrap();
        assert_eq!(options.timeout, Duration::from_millis(2500));
        assert_eq!(
            (options.retries, options.output, options.verbose),
            (0, Output::Nothing, true)
        );
        assert_eq!(options.require, ["a", "b"]);
        assert_eq!(options.allow, ["c"]);
    }

    #[test]
    fn help_and_version_answer_whatever_else_is_given() {
        assert!(
            options(&["--retries", "1", "--help", "--bogus"])
                .unwrap_err()
                .contains("Usage:")
        );
        assert!(
            options(&["-V"])
                .unwrap_err()
                .starts_with("turso-api-tokens ")
        );
    }

    #[test]
    fn an_invalid_option_says_what_is_valid_and_never_repeats_a_value() {
        for (args, expected) in [
            (&["--bogus"][..], "invalid option '--bogus'"),
            (
                &["--token", "secret"],
                "invalid option '--token'; use --token-file or TURSO_API_TOKEN",
            ),
            (
                &["secret"],
                "unexpected argument: this program takes options only; pass a credential with --token-file or \
                 TURSO_API_TOKEN",
            ),
            (
                &["--quiet=secret"],
                "--quiet takes no value; pass a credential with --token-file or TURSO_API_TOKEN",
            ),
            (
                &["-q=secret"],
                "-q takes no value; pass a credential with --token-file or TURSO_API_TOKEN",
            ),
            (
                &["--timeout", "0"],
                "--timeout takes seconds, such as 30 or 2.5, and more than 0",
            ),
            (
                &["--timeout", "1e3"],
                "--timeout takes seconds, such as 30 or 2.5, and more than 0",
            ),
            (
                &["--timeout", "inf"],
                "--timeout takes seconds, such as 30 or 2.5, and more than 0",
            ),
            (
                &["--timeout", "-1"],
                "--timeout takes seconds, such as 30 or 2.5, and more than 0",
            ),
            (
                &["--timeout", "secret"],
                "--timeout takes seconds, such as 30 or 2.5, and more than 0",
            ),
            (&["--timeout"], "--timeout needs a value"),
            (
                &["--retries", "-1"],
                "--retries takes a whole number, such as 2",
            ),
            (
                &["--retries", "1.5"],
                "--retries takes a whole number, such as 2",
            ),
            (
                &["--retries", "secret"],
                "--retries takes a whole number, such as 2",
            ),
            (
                &["--json", "--tsv"],
                "--json, --tsv and --quiet exclude each other",
            ),
            (
                &["--token-file", ""],
                "--token-file needs the name of a file",
            ),
            (&["--ca-file", ""], "--ca-file needs the name of a file"),
            (
                &["--require", ""],
                "--require takes the name of a token, not an empty one",
            ),
            (
                &["--allow", ""],
                "--allow takes the name of a token, not an empty one",
            ),
        ] {
            assert_eq!(options(args).unwrap_err(), expected, "{args:?}");
        }
    }

    #[test]
    fn what_looks_like_a_credential_is_not_repeated() {
        for (argument, expected) in [
            ("--eyJhbGciOiJFZ", "invalid option '--***'"),
            ("--eyJhbGciOiJFZ=x", "invalid option '--***'"),
            (
                "--token=eyJhbGciOiJFZ",
                "invalid option '--token'; use --token-file or TURSO_API_TOKEN",
            ),
            (
                "--tokeneyJhbGciOiJFZ",
                "invalid option '--token***'; use --token-file or TURSO_API_TOKEN",
            ),
        ] {
            assert_eq!(options(&[argument]).unwrap_err(), expected);
        }
    }

    #[test]
    fn allow_without_deny_is_an_error_as_it_would_check_nothing() {
        let expected = "--allow exempts a token from --deny, so without --deny it checks nothing; \
                        --deny any denies every token that is not allowed";
        assert_eq!(options(&["--allow", "ci"]).unwrap_err(), expected);
        assert!(options(&["--allow", "ci", "--deny", "any"]).is_ok());
    }

    #[test]
    fn the_defaults_are_those_that_help_states() {
        let defaults = options(&[]).unwrap();
        assert_eq!(defaults.timeout, Duration::from_secs(30));
        assert_eq!(defaults.retries, 2);
        for (option, default) in [
            ("--timeout", "[default: 30]"),
            ("--retries", "[default: 2]"),
        ] {
            let (_, rest) = HELP.split_once(option).unwrap();
            let (_, rest) = rest.split_once("[default: ").unwrap();
            assert!(default.ends_with(rest.split_inclusive(']').next().unwrap()));
        }
    }

    #[test]
    fn the_same_output_may_be_asked_for_twice() {
        assert_eq!(options(&["--json", "--json"]).unwrap().output, Output::Json);
    }

    #[test]
    fn rules_are_parsed_in_full_and_an_unknown_one_lists_them() {
        assert_eq!(rule("unrestricted"), Ok(Rule::Unrestricted));
        assert_eq!(rule("any"), Ok(Rule::Any));
        assert_eq!(rule("older-than=1d"), Ok(Rule::OlderThan(1)));
        assert_eq!(rule("older-than=36500d"), Ok(Rule::OlderThan(36_500)));
        for unknown in [
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
            "secret",
        ] {
            let expected = "unknown rule for --deny; the rules are unrestricted, older-than=<DAYS>d with 1 to 36500 days, and any";
            assert_eq!(rule(unknown), Err(expected.to_owned()), "{unknown}");
        }
    }

    #[test]
    fn seconds_may_have_a_fraction_to_the_millisecond() {
        for (text, millis) in [
            ("1", 1000),
            ("2.5", 2500),
            ("0.001", 1),
            ("1.0009", 1000),
            ("30.", 0),
            (".5", 0),
        ] {
            assert_eq!(
                seconds(text).ok(),
                (millis > 0).then(|| Duration::from_millis(millis)),
                "{text}"
            );
        }
        assert_eq!(seconds("99999999999999999999").ok(), None);
    }

    const SECRET: &str = "s3cr3t-0123456789";
    const LOOKALIKE: &str = "eyJhbGciOiJFZERTQSJ9.e30.c2lnbmF0dXJl";

    /// An argument: an option, one with a value after `=`, or a value. Some hold `secret`, each where
    /// one of these beginnings lets it stand.
    fn argument(
        secret: &'static str,
        beginnings: &'static [&'static str],
    ) -> impl Strategy<Value = OsString> {
        let option = prop::sample::select(vec![
            "--json",
            "--tsv",
            "--quiet",
            "-q",
            "-v",
            "--require",
            "--deny",
            "--allow",
            "--token-file",
            "--base-url",
            "--ca-file",
            "--timeout",
            "--retries",
        ]);
        let value = prop_oneof![
            Just("any".to_owned()),
            "older-than=[0-9]{1,6}d",
            "[0-9]{1,3}(\\.[0-9]{1,4})?",
            any::<String>(),
        ];
        prop_oneof![
            option.clone().prop_map(str::to_owned),
            (option, value.clone()).prop_map(|(option, value)| format!("{option}={value}")),
            value,
            prop::sample::select(beginnings)
                .prop_map(move |beginning| format!("{beginning}{secret}")),
        ]
        .prop_map(OsString::from)
    }

    fn check_parsed(parsed: Result<Action, String>, secret: &str) {
        match parsed {
            Ok(Action::Print(text)) => assert!([HELP, VERSION].contains(&text)),
            Ok(Action::List(options)) => {
                assert!(!options.timeout.is_zero());
                assert!(options.allow.is_empty() || !options.deny.is_empty());
                for rule in options.deny {
                    assert!(!matches!(rule, Rule::OlderThan(0 | 36_501..)), "{rule:?}");
                }
            }
            Err(problem) => {
                let folded = problem.to_ascii_lowercase();
                assert!(!folded.contains(&secret.to_ascii_lowercase()), "{problem}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_value_is_never_repeated_by_an_error(
            args in prop::collection::vec(
                argument(SECRET, &["", "--quiet=", "-q=", "--deny=", "--timeout=", "--retries=", "--bogus=", "--token="]),
                0..6,
            )
        ) {
            check_parsed(parse(args), SECRET);
        }

        #[test]
        fn what_looks_like_a_credential_is_never_repeated_not_even_as_the_name_of_an_option(
            args in prop::collection::vec(
                argument(LOOKALIKE, &["", "-", "--", "-q", "--token-", "--token=", "--bogus=", "--bogus-"]),
                0..6,
            )
        ) {
            check_parsed(parse(args), LOOKALIKE);
        }

        #[test]
        fn a_name_is_taken_as_it_is_after_a_space_or_an_equals_sign(name: String) {
            prop_assume!(!name.is_empty());
            let after_space = options(&["--require", &name]).unwrap();
            prop_assert_eq!(after_space.require, [name.as_str()]);
            let after_equals_sign = options(&[&format!("--require={name}")]).unwrap();
            prop_assert_eq!(after_equals_sign.require, [name]);
        }

        #[test]
        fn seconds_are_cut_to_the_millisecond(whole in 1..1_000_000_u64, nanos in 0..1_000_000_000_u32, digits in 1..=9_usize) {
            let fraction = &format!("{nanos:09}")[..digits];
            let exact = Duration::new(whole, format!("{fraction:0<9}").parse().unwrap());
            let parsed = seconds(&format!("{whole}.{fraction}")).unwrap();
            let cut_off = exact.checked_sub(parsed).unwrap();
            prop_assert!(cut_off < Duration::from_millis(1));
        }
    }
}
