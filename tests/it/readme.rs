//! README.md: its recipes run as they stand there, and what it shows is what is printed.
//!
//! Those that need jq are ignored unless asked for: `cargo test --test it -- --ignored`.

use crate::server::{ORIGINAL_LIST, Server, Step, CURRENT_LIST, error, ok};
use crate::support::{Finished, Folder, SECRET, program_with_empty_env, program};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const README: &str = include_str!("../../README.md");
const BINARY: &str = env!("CARGO_BIN_EXE_turso-api-tokens");

/// The fenced block that follows a marker.
fn block(marker: &str) -> &'static str {
    let marker = format!("<!-- test: {marker} -->\n```");
    let (_, after) = README.split_once(&marker).unwrap_or_else(|| panic!("README.md has no {marker}"));
    let (_, after) = after.split_once('\n').unwrap();
    let (block, _) = after.split_once("```\n").unwrap();
    block
}

/// The lines that follow a command in a transcript.
fn shown(command: &str) -> &'static str {
    let (_, after) = README.split_once(&format!("```console\n$ {command}\n")).unwrap();
    after.split_once("```\n").unwrap().0
}

/// A shell with the real binary first in its path, the credential and the server's address, and nothing else.
fn shell(name: &str, url: &str, script: &str) -> Command {
    let mut path = Path::new(BINARY).parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut command = Command::new(name);
    command.env_clear().env("PATH", path).env("TURSO_API_TOKEN", SECRET).env("TURSO_API_BASEURL", url);
    command.args(["-c", script, name]);
    command
}

fn run(mut command: Command) -> Finished {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    Finished { code: status.code().unwrap(), stdout, stderr }
}

/// Runs a recipe against a server that always gives one answer.
fn recipe(script: &str, step: fn() -> Step) -> Finished {
    run(shell("bash", &Server::always(step).url(), script))
}

fn refused() -> Step {
    error("401 Unauthorized", "token expired")
}

#[test]
fn a_pipe_fails_on_a_401_which_without_pipefail_would_pass_for_an_empty_list() {
    let pipes = block("pipes");
    assert_eq!(recipe(pipes, || ok(CURRENT_LIST)).succeeded().trim(), "1");
    let ended = recipe(pipes, refused);
    assert_eq!((ended.code, ended.stdout.trim()), (3, "0"));
    assert!(ended.stderr.contains("token expired"), "{}", ended.stderr);
    let without = pipes.strip_prefix("set -o pipefail\n").unwrap();
    let ended = recipe(without, refused);
    assert_eq!((ended.code, ended.stdout.trim()), (0, "0"));
}

const LAPTOP_THEN_LAPTOP_AND_CI: &str =
    "clGFZ4STEe6fljpFzIum8A laptop\nclGFZ4STEe6fljpFzIum8A laptop\nSYzcpe3jEe2We-rqOx4wmQ ci\n";

#[test]
fn awk_finds_unrestricted_and_old_tokens() {
    assert_eq!(recipe(block("awk"), || ok(CURRENT_LIST)).succeeded(), LAPTOP_THEN_LAPTOP_AND_CI);
    // The first documentation's tokens have neither organization nor date: they match twice.
    assert_eq!(recipe(block("awk"), || ok(ORIGINAL_LIST)).succeeded().lines().count(), 4);
    assert_eq!(recipe(block("awk"), refused).code, 3);
}

#[test]
#[ignore = "needs jq"]
fn jq_finds_unrestricted_and_old_tokens_and_scopes() {
    let found = Command::new("jq").arg("--version").output();
    assert!(found.is_ok(), "this test runs jq, which is not on this machine: install it (apt-get install jq)");
    let scopes = "backup: read\ndeploy: read db:create db:mint-token\n";
    assert_eq!(recipe(block("jq"), || ok(CURRENT_LIST)).succeeded(), format!("{LAPTOP_THEN_LAPTOP_AND_CI}{scopes}"));
    assert_eq!(recipe(block("jq"), || ok(ORIGINAL_LIST)).succeeded().lines().count(), 4);
    assert_eq!(recipe(block("jq"), || ok(r#"{"tokens":null}"#)).succeeded(), "");
    assert_eq!(recipe(block("jq"), refused).code, 3);
}

#[test]
fn the_line_for_cron_runs_with_no_more_than_cron_gives() {
    let line = block("cron");
    let command = line.strip_prefix("0 6 * * * /usr/local/bin/turso-api-tokens ").expect("an absolute path");
    // To cron, a percent sign is the end of the line.
    assert!(line.lines().count() == 1 && !line.contains('%'));
    let home = Folder::new();
    home.write(".turso-token", format!("{SECRET}\n"));
    let run = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut cron = Command::new("env");
        cron.args(["-i", "PATH=/usr/bin:/bin", &format!("HOME={}", home.0.display())]);
        cron.arg(format!("TURSO_API_BASEURL={}", server.url()));
        cron.args(["sh", "-c", &format!("'{BINARY}' {command}")]);
        run(cron)
    };
    let ended = run(|| ok(CURRENT_LIST));
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("unrestricted: laptop") && ended.stderr.contains("older-than=90d: backup"));
    assert_eq!(run(|| ok(r#"{"tokens":[]}"#)).succeeded(), "");
    assert!(run(refused).failed(3).contains("token expired"));
}

#[test]
fn the_step_in_ci_installs_without_the_secret_and_is_skipped_where_there_is_none() {
    let yaml = block("ci");
    let (head, run_lines) = yaml.split_once("\n  run: |\n").unwrap();
    assert!(
        head.starts_with("- name: ") && head.contains("\n  env:\n    TURSO_API_TOKEN: ${{ secrets.TURSO_API_TOKEN }}")
    );
    assert!(run_lines.lines().all(|line| line.starts_with("    ")), "{run_lines}");
    // The machine has a cargo of its own, which would ask the network.
    let folder = Folder::new();
    let cargo = folder.write("cargo", "#!/bin/sh\necho \"cargo $*, token: ${TURSO_API_TOKEN-none}\"\n");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let run = |server: &Server, credential: &str| {
        // As runners do, which also end at the first command that fails.
        let script = format!("set -e\nPATH={}:$PATH\n{run_lines}", folder.0.display());
        let mut shell = shell("bash", &server.url(), &script);
        shell.env("TURSO_API_TOKEN", credential);
        run(shell)
    };
    let server = Server::script([ok(CURRENT_LIST), ok(r#"{"tokens":[{"name":"deploy","id":"1","organization":"acme"}]}"#)]);
    let installed = "cargo install turso-api-tokens --locked, token: none\n";
    let ended = run(&server, SECRET);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, installed));
    assert_eq!(ended.stderr, shown("cargo run --example demo -- --quiet --require deploy --deny unrestricted"));
    assert_eq!(run(&server, SECRET).succeeded(), installed);
    assert_eq!(run(&server, "").succeeded(), "skipped: there is no secret\n");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn the_monitoring_plugin_translates_every_exit_code() {
    let run = |step: fn() -> Step, variables: &[(&str, &str)]| {
        let server = Server::always(step);
        let mut command = shell("/bin/sh", &server.url(), block("monitoring"));
        command.envs(variables.iter().copied());
        run(command)
    };
    assert_eq!(run(|| ok(r#"{"tokens":[]}"#), &[]).succeeded(), "OK: no token is unrestricted\n");
    for (code, says, ended) in [
        (2, "CRITICAL: turso-api-tokens: --deny unrestricted: laptop", run(|| ok(CURRENT_LIST), &[])),
        (3, "UNKNOWN: turso-api-tokens: no credential", run(|| ok(CURRENT_LIST), &[("TURSO_API_TOKEN", "")])),
        (2, "CRITICAL: turso-api-tokens: http://127.0.0.1", run(refused, &[])),
        (3, "UNKNOWN: turso-api-tokens: http://127.0.0.1", run(|| error("503 x", "down"), &[])),
        (3, "UNKNOWN: turso-api-tokens: the answer of", run(|| ok("{}"), &[])),
    ] {
        assert_eq!((ended.code, ended.stderr.as_str()), (code, ""), "{}", ended.stdout);
        assert!(ended.stdout.starts_with(says), "{}", ended.stdout);
    }
    let without_the_program = run(|| ok(CURRENT_LIST), &[("PATH", "/nonexistent")]);
    assert_eq!(without_the_program.code, 3, "{}", without_the_program.stdout);
}

/// Its `date` is GNU's or busybox's.
#[cfg(target_os = "linux")]
#[test]
fn the_textfile_for_prometheus_is_replaced_in_one_step_and_only_after_a_good_call() {
    let folder = Folder::new();
    let run = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut command = shell("bash", &server.url(), block("prometheus"));
        command.arg(&folder.0);
        run(command)
    };
    let files = || fs::read_dir(&folder.0).unwrap().map(|file| file.unwrap().file_name()).collect::<Vec<_>>();
    let file = folder.0.join("turso_api_tokens.prom");
    let metrics = |all: u32, unrestricted: u32, old: u32| {
        let lines = [("", all), ("_unrestricted", unrestricted), ("_older_than_90_days", old)];
        let line = |(name, value)| format!("# TYPE turso_api_tokens{name} gauge\nturso_api_tokens{name} {value}\n");
        lines.map(line).concat()
    };
    assert_eq!(run(refused).failed(3).lines().count(), 2);
    assert!(files().is_empty());
    run(|| ok(ORIGINAL_LIST)).succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(2, 2, 2));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    for bad in [refused, || ok("{}"), || error("503 x", "down")] {
        assert_ne!(run(bad).code, 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), metrics(2, 2, 2));
    }
    run(|| ok(r#"{"tokens":[{"name":"a","id":"1","organization":"acme","created_at":"9999-12-31"}]}"#)).succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(1, 0, 0));
    assert_eq!(files(), ["turso_api_tokens.prom"]);
}

#[test]
fn the_transcripts_and_the_options_are_what_is_printed() {
    let server = Server::always(|| ok(CURRENT_LIST));
    assert_eq!(shown("cargo run --example demo"), program(&server.url(), &[]).run().succeeded());
    let checked = program(&server.url(), &["--quiet", "--require", "deploy", "--deny", "unrestricted"]).run();
    assert_eq!(
        (checked.code, checked.stderr.as_str()),
        (1, shown("cargo run --example demo -- --quiet --require deploy --deny unrestricted"))
    );
    let (_, options) = README.split_once("```text\nOutput:\n").unwrap();
    let (options, _) = options.split_once("```\n").unwrap();
    assert!(program_with_empty_env(&["--help"]).run().succeeded().contains(&format!("\nOutput:\n{options}")));
}

#[test]
fn every_marked_recipe_has_a_test_and_every_recipe_a_mark() {
    let tests = include_str!("readme.rs");
    let (_, recipes) = README.split_once("\n## Recipes\n").unwrap();
    let (recipes, _) = recipes.split_once("\n## ").unwrap();
    let marks: Vec<&str> =
        recipes.split("<!-- test: ").skip(1).map(|rest| rest.split_once(" -->").unwrap().0).collect();
    assert_eq!(marks.len(), recipes.matches("\n### ").count());
    assert_eq!(marks.len() * 2, recipes.matches("\n```").count());
    for mark in marks {
        assert!(tests.contains(&format!("block(\"{mark}\")")), "{mark}");
    }
}

#[test]
fn no_relative_link_leaves_the_package() {
    let links = README.split("](").skip(1).map(|rest| rest.split_once(')').unwrap().0);
    for link in links {
        assert!(link.starts_with("https://") || link == "CHANGELOG.md", "{link}");
    }
}
