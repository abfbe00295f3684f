//! The binary and shells as processes.

use super::SECRET;
use std::env;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_turso-api-tokens");

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
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    Finished {
        code: status.code().expect("an exit code, not a signal"),
        stdout,
        stderr,
    }
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
        let finished = run_command(&mut self.0);
        for text in [&finished.stdout, &finished.stderr] {
            assert!(
                !text
                    .to_ascii_lowercase()
                    .contains(&SECRET[..16].to_ascii_lowercase()),
                "{text}"
            );
        }
        for line in finished.stderr.lines() {
            assert!(
                line.starts_with("turso-api-tokens: "),
                "a line without the program's name: {line}"
            );
            assert!(
                !line.chars().any(char::is_control),
                "a control character: {line:?}"
            );
            assert!(
                line.chars().count() < 300,
                "a line of more than 300 characters: {line}"
            );
        }
        finished
    }
}

impl Finished {
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

/// Asserts that a line on standard error is exactly this, after the program's name.
#[track_caller]
pub fn assert_line(stderr: &str, line: &str) {
    assert!(
        stderr
            .lines()
            .any(|found| found.strip_prefix("turso-api-tokens: ") == Some(line)),
        "{line:?} in {stderr}"
    );
}
