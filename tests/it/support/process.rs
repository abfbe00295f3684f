//! The binary and shells as processes.

use super::SECRET;
use std::env;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_turso-api-tokens");

/// What every line on standard error begins with.
const NAME: &str = "turso-api-tokens: ";

/// The binary with nothing in its environment but what a test gives it.
pub struct Program(pub Command);

/// What a process left when it exited.
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The binary with the credential and a base URL in its environment.
pub fn program(url: &str, args: &[&str]) -> Program {
    program_with_empty_env(args)
        .env("TURSO_API_TOKEN", SECRET)
        .env("TURSO_API_BASEURL", url)
}

pub fn program_with_empty_env(args: &[&str]) -> Program {
    let mut command = Command::new(BINARY);
    command.env_clear().args(args).stdin(Stdio::null());
    Program(command)
}

/// A script for a shell that has the credential and a base URL, and finds the binary before other programs.
pub fn shell(name: &str, url: &str, script: &str) -> Command {
    let mut path = Path::new(BINARY).parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap());
    let mut command = Command::new(name);
    command
        .env_clear()
        .env("PATH", path)
        .env("TURSO_API_TOKEN", SECRET)
        .env("TURSO_API_BASEURL", url);
    command.args(["-c", script, name]).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run_command(command: &mut Command) -> Finished {
    Finished::new(command.output().unwrap())
}

impl Program {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it to its end. Whatever it was asked, it never shows the credential, and standard error has its name on each
    /// line and no control character.
    #[track_caller]
    pub fn run(mut self) -> Finished {
        run_command(&mut self.0).checked()
    }

    /// The same with this text on standard input.
    #[track_caller]
    pub fn run_with_stdin(mut self, input: impl AsRef<[u8]>) -> Finished {
        self.0
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.0.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_ref())
            .unwrap();
        Finished::new(child.wait_with_output().unwrap()).checked()
    }
}

impl Finished {
    fn new(output: Output) -> Self {
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        Self {
            code: output.status.code().expect("an exit code, not a signal"),
            stdout,
            stderr,
        }
    }

    /// Asserts what holds for every run of the binary.
    #[track_caller]
    fn checked(self) -> Self {
        for text in [&self.stdout, &self.stderr] {
            assert!(
                !text
                    .to_ascii_lowercase()
                    .contains(&SECRET[..16].to_ascii_lowercase()),
                "{text}"
            );
        }
        for line in self.stderr.lines() {
            assert!(
                line.starts_with(NAME),
                "a line without the program's name: {line}"
            );
            assert!(
                !line.chars().any(char::is_control),
                "a control character: {line:?}"
            );
            assert!(
                line.chars().count() <= 300,
                "a line of more than 300 characters: {line}"
            );
        }
        self
    }

    /// Asserts the exit code, and that nothing was printed; returns standard error.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (code, ""),
            "{}",
            self.stderr
        );
        self.stderr
    }

    /// Asserts success and an empty standard error; returns standard output.
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (0, ""),
            "{}",
            self.stdout
        );
        self.stdout
    }
}

/// The lines on standard error, without the program's name.
#[track_caller]
pub fn lines(stderr: &str) -> Vec<&str> {
    stderr
        .lines()
        .map(|line| line.strip_prefix(NAME).expect(line))
        .collect()
}

/// Asserts that a line on standard error is exactly this, after the program's name.
#[track_caller]
pub fn assert_line(stderr: &str, line: &str) {
    assert!(lines(stderr).contains(&line), "{line:?} in {stderr}");
}
