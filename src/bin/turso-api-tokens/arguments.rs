//! What the command line asks for, and the client that it makes.

use crate::messages::{self, Failure};
use lexopt::prelude::*;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use turso_api_tokens::{Client, Credential, Error};

const HELP: &str = "\
List the Turso Platform API tokens of an account.

Usage: turso-api-tokens [OPTIONS]

Output:
      --json               The API's answer, once known to be whole
      --tsv                A line per token: name, id, organization, group,
                           scopes, created_at
  -q, --quiet              No list, only the checks

Checks:
      --require <NAME>     Fail unless a token has this name; repeatable
      --deny <RULE>        Fail if a token matches: unrestricted,
                           older-than=<DAYS>d; repeatable

Connection:
      --token-file <FILE>  Read the credential from FILE; - is standard input
      --base-url <URL>     [env: TURSO_API_BASEURL, TURSO_BASE_URL]
                           [default: https://api.turso.tech]
      --ca-file <FILE>     Trust the PEM certificates in FILE, not the bundled
                           ones [env: SSL_CERT_FILE]
      --timeout <SECONDS>  Give up after this long, retries included
                           [default: 30]
      --retries <N>        Try again this often after a transient failure
                           [default: 2]

  -v, --verbose            Say on standard error what is tried and how it goes
  -h, --help
  -V, --version

Credential: --token-file, else TURSO_API_TOKEN, else TURSO_TOKEN, else the login
of the turso CLI (`turso auth login`).

Proxy: HTTPS_PROXY, else ALL_PROXY, but for the hosts in NO_PROXY.

Exit codes:
  0  listed, and every check held
  1  a check did not hold
  2  the problem is on this machine: option, credential, file, output
  3  the API refused the credential (401, 403)
  4  no answer: network, TLS, proxy, timeout, 429 or 5xx; later may help
  5  an answer that is not the documented one
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
                let url = value(&mut parser, "--base-url")?.into_string();
                options.base_url = Some(url.map_err(|_| "--base-url takes a URL in UTF-8")?);
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

impl Options {
    /// The client that these options and the environment ask for.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let credential = match &self.token_file {
            None => Credential::discover()?,
            Some(path) if path.as_os_str() == "-" => from_standard_input()?,
            Some(path) => Credential::from_file(path)?,
        };
        let mut builder = Client::builder(credential).environment().retries(self.retries).timeout(self.timeout);
        if self.verbose {
            for option in self.sources() {
                messages::say(&option);
            }
            builder = builder.observer(|line| messages::say(&line.to_string()));
        }
        if let Some(url) = &self.base_url {
            builder = builder.base_url(url);
        }
        if let Some(path) = &self.ca_file {
            let shown = path.display();
            let pem = std::fs::read(path)
                .map_err(|error| Failure::Input(format!("--ca-file: could not read {shown}: {error}")))?;
            builder = builder.root_certificates_pem(&pem);
        }
        builder.build().map_err(|error| self.blame(error))
    }

    /// What comes from an option; the library says the rest, and the base URL once it is known to hold no secret.
    fn sources(&self) -> impl Iterator<Item = String> {
        let from = |what: &str, option: &str, path: &Path| format!("{what}: {option} {}", path.display());
        let token_file = self.token_file.as_deref().map(|path| from("credential", "--token-file", path));
        let base_url = self.base_url.as_ref().map(|_| "base URL: --base-url".to_owned());
        let ca_file = self.ca_file.as_deref().map(|path| from("certificates", "--ca-file", path));
        token_file.into_iter().chain(base_url).chain(ca_file)
    }

    /// Names the option that a wrong setting came from.
    fn blame(&self, error: Error) -> Failure {
        match (&error, &self.ca_file) {
            (Error::Config { setting: "base URL", problem, .. }, _) if self.base_url.is_some() => {
                Failure::Input(format!("--base-url: {problem}"))
            }
            (Error::Config { setting: "root certificates", .. }, Some(path)) => {
                let said = format!("{error:#}").replacen("root certificates: the PEM text", "", 1);
                Failure::Input(format!("--ca-file: {}{said}", path.display()))
            }
            _ => Failure::Call(error),
        }
    }
}

/// As for a file.
const LONGEST_CREDENTIAL: u64 = 64 * 1024;

fn from_standard_input() -> Result<Credential, Failure> {
    let wrong = |problem: String| Failure::Input(format!("standard input (--token-file -): {problem}"));
    let mut text = Vec::new();
    io::stdin().take(LONGEST_CREDENTIAL + 1).read_to_end(&mut text).map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > LONGEST_CREDENTIAL {
        return Err(wrong("it is larger than 64 KiB".to_owned()));
    }
    let text = String::from_utf8_lossy(&text);
    Credential::new(text.strip_prefix('\u{feff}').unwrap_or(&text)).map_err(|error| wrong(error.to_string()))
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
