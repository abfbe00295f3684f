//! README.md and docs/: their commands run as they are written there, and what they show is what is printed.
//!
//! The recipe for jq is ignored unless asked for: `cargo test --test it -- --ignored`.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, Step, error, ok};
use crate::support::{Finished, Folder, SECRET, program, program_with_empty_env};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const README: &str = include_str!("../../README.md");
const RECIPES: &str = include_str!("../../docs/recipes.md");
const BUILD_SCRIPT: &str = include_str!("../../docs/build-script.md");
const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");
const SECURITY: &str = include_str!("../../SECURITY.md");
const BINARY: &str = env!("CARGO_BIN_EXE_turso-api-tokens");
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
const FILE: &str = concat!(
    "turso-api-tokens-",
    env!("CARGO_PKG_VERSION"),
    "-x86_64-unknown-linux-musl"
);
const NO_TOKENS: &str = r#"{"tokens":[]}"#;

/// The fenced block that follows a mark.
fn block(mark: &str) -> &'static str {
    let mark = format!("<!-- test: {mark} -->\n```");
    let (_, block) = [README, RECIPES]
        .iter()
        .find_map(|page| page.split_once(&mark))
        .unwrap_or_else(|| panic!("{mark}"));
    block
        .split_once('\n')
        .unwrap()
        .1
        .split_once("```\n")
        .unwrap()
        .0
}

/// What README shows as the output of a command.
fn transcript(command: &str) -> &'static str {
    let (_, output) = README
        .split_once(&format!("```console\n$ {command}\n"))
        .unwrap();
    output.split_once("```\n").unwrap().0
}

/// The names in the marks of a page.
fn marks(page: &'static str) -> Vec<&'static str> {
    page.split("<!-- test: ")
        .skip(1)
        .map(|rest| rest.split_once(" -->").unwrap().0)
        .collect()
}

/// A shell that has the credential and the server's address, and finds programs in this folder first, then the binary.
fn shell_with(stubs: &Path, name: &str, url: &str, script: &str) -> Command {
    let path = [stubs, Path::new(BINARY).parent().unwrap()]
        .map(|folder| folder.to_str().unwrap())
        .join(":");
    let mut command = Command::new(name);
    command
        .env_clear()
        .env("PATH", format!("{path}:{}", std::env::var("PATH").unwrap()));
    command
        .env("TURSO_API_TOKEN", SECRET)
        .env("TURSO_API_BASEURL", url)
        .args(["-c", script, name]);
    command
}

fn shell(name: &str, url: &str, script: &str) -> Command {
    shell_with(Path::new("/nonexistent"), name, url, script)
}

fn run(mut command: Command) -> Finished {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    Finished {
        code: status.code().unwrap(),
        stdout,
        stderr,
    }
}

/// Runs a script against a server that always sends the same response.
fn recipe(script: &str, step: fn() -> Step) -> Finished {
    run(shell("bash", &Server::always(step).url(), script))
}

fn refused() -> Step {
    error("401 Unauthorized", "token expired")
}

/// The tokens `ci` and `deploy`, bound to an organization.
fn two_allowed() -> Step {
    ok(
        r#"{"tokens":[{"name":"ci","id":"1","organization":"acme"},{"name":"deploy","id":"2","organization":"acme"}]}"#,
    )
}

/// Writes a program for a recipe to find.
fn stub(folder: &Folder, name: &str, script: &str) {
    let path = folder.write(name, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_first_transcript_is_what_the_binary_prints_and_fits_80_columns() {
    let table = transcript("cargo run --example demo");
    assert_eq!(
        table,
        program(&Server::always(|| ok(CURRENT_LIST)).url(), &[])
            .run()
            .succeeded()
    );
    assert_eq!(
        table
            .lines()
            .map(|line| line.chars().count())
            .find(|columns| *columns > 80),
        None
    );
}

#[test]
fn the_transcript_of_a_failed_check_is_what_the_binary_prints() {
    let args = [
        "--quiet", "--deny", "any", "--allow", "ci", "--allow", "deploy",
    ];
    let shown = transcript(&format!("cargo run --example demo -- {}", args.join(" ")));
    assert_eq!(
        program(&Server::always(|| ok(CURRENT_LIST)).url(), &args)
            .run()
            .failed(1),
        shown
    );
}

#[test]
fn the_options_in_the_readme_are_those_of_the_help() {
    let (_, options) = README.split_once("```text\nOutput:\n").unwrap();
    let (options, _) = options.split_once("```\n").unwrap();
    let help = program_with_empty_env(&["--help"]).run().succeeded();
    assert!(help.contains(&format!("\nOutput:\n{options}\n")), "{help}");
}

#[test]
fn the_exit_codes_in_the_readme_are_those_of_the_help() {
    let (_, rows) = README
        .split_once("| code | meaning |\n|---|---|\n")
        .unwrap();
    let (rows, _) = rows.split_once("\n\n").unwrap();
    let lines = rows
        .lines()
        .map(|row| format!("  {}\n", row.trim_matches(['|', ' ']).replace(" | ", "  ")));
    let help = program_with_empty_env(&["--help"]).run().succeeded();
    assert_eq!(
        help.split_once("\nExit codes:\n").unwrap().1,
        lines.collect::<String>()
    );
}

#[test]
fn the_platforms_in_the_readme_are_those_that_a_release_has() {
    let (_, targets) = include_str!("../../.ci/release")
        .split_once("\ntargets=(\n")
        .unwrap();
    let (targets, _) = targets.split_once("\n)").unwrap();
    let name = |target: &str| {
        let extension = if target.contains("windows") {
            "zip"
        } else {
            "tar.gz"
        };
        format!(
            "turso-api-tokens-{}-{target}.{extension}",
            env!("CARGO_PKG_VERSION")
        )
    };
    let (_, rows) = README
        .split_once("| platform | file |\n|---|---|\n")
        .unwrap();
    let files = rows
        .split_once("\n\n")
        .unwrap()
        .0
        .lines()
        .map(|row| row.split('`').nth(1).unwrap().to_owned());
    assert_eq!(
        files.collect::<Vec<_>>(),
        targets
            .lines()
            .map(|target| name(target.trim()))
            .collect::<Vec<_>>()
    );
}

#[test]
fn every_file_name_and_tag_in_the_docs_has_the_version_of_this_package() {
    for page in [README, RECIPES] {
        let numbers = |prefix| {
            page.split(prefix)
                .skip(1)
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        let versions: Vec<&str> = numbers("turso-api-tokens-")
            .chain(numbers("download/v"))
            .chain(numbers("download v"))
            .collect();
        assert!(versions.len() >= 2);
        for version in versions {
            assert!(
                version.starts_with(env!("CARGO_PKG_VERSION")),
                "{}",
                version.lines().next().unwrap()
            );
        }
    }
}

/// A folder with an archive and its checksum, made as `.ci/release pack` makes them.
#[cfg(target_os = "linux")]
fn release() -> Folder {
    let folder = Folder::new();
    let program = folder.write(
        &format!("{FILE}/turso-api-tokens"),
        format!("#!/bin/sh\nexec '{BINARY}' \"$@\"\n"),
    );
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let script =
        format!("tar -cz {FILE} >{FILE}.tar.gz && sha256sum {FILE}.tar.gz >{FILE}.tar.gz.sha256");
    assert!(
        Command::new("sh")
            .current_dir(&folder.0)
            .args(["-c", &script])
            .status()
            .unwrap()
            .success()
    );
    folder
}

#[cfg(target_os = "linux")]
#[test]
fn the_lines_for_installing_stop_before_a_file_that_does_not_match_its_checksum() {
    let (release, stubs, folder) = (release(), Folder::new(), Folder::new());
    let url = format!(
        "{REPOSITORY}/releases/download/v{}/",
        env!("CARGO_PKG_VERSION")
    );
    // Copies from the folder what it is asked to download.
    stub(
        &stubs,
        "curl",
        &format!(
            "[ \"$1 $2\" = '-fsSL --remote-name-all' ] || exit 2\nshift 2\nfor file; do\n  \
             cp \"{}/${{file#{url}}}\" . || exit 22\ndone",
            release.path()
        ),
    );
    stub(&stubs, "sudo", "exec \"$@\"");
    stub(
        &stubs,
        "install",
        &format!(
            "[ \"$2\" = /usr/local/bin ] && cp \"$1\" '{}/installed'",
            folder.path()
        ),
    );
    let install = |after: &str| {
        let mut command = shell_with(&stubs.0, "sh", "", &format!("{}{after}", block("install")));
        command.current_dir(&folder.0);
        run(command)
    };
    let archive = release.0.join(format!("{FILE}.tar.gz"));
    let bytes = fs::read(&archive).unwrap();
    fs::write(&archive, [&bytes[..], b"changed"].concat()).unwrap();
    let ended = install("");
    assert_eq!(
        (ended.code, ended.stdout),
        (1, format!("{FILE}.tar.gz: FAILED\n"))
    );
    fs::remove_file(&archive).unwrap();
    assert_eq!(install("").code, 22);
    assert!(!folder.0.join("installed").exists() && !folder.0.join(FILE).exists());

    fs::write(&archive, bytes).unwrap();
    assert_eq!(install("").succeeded(), format!("{FILE}.tar.gz: OK\n"));
    let installed = Command::new(folder.0.join("installed"))
        .arg("--version")
        .output()
        .unwrap()
        .stdout;
    assert_eq!(
        installed,
        concat!("turso-api-tokens ", env!("CARGO_PKG_VERSION"), "\n").as_bytes()
    );

    // The line for the attestation goes on where these end.
    stub(&stubs, "gh", "echo \"gh $*\"");
    let verified = install(block("attestation")).succeeded();
    assert_eq!(
        verified.lines().nth(1).unwrap(),
        format!("gh attestation verify {FILE}.tar.gz --repo turso-api-tokens/turso-api-tokens")
    );
}

#[test]
fn the_lines_for_cargo_name_this_package() {
    let stubs = Folder::new();
    stub(&stubs, "cargo", "echo \"$*\"");
    let commands = run(shell_with(&stubs.0, "sh", "", block("cargo"))).succeeded();
    assert_eq!(
        commands,
        "binstall turso-api-tokens\ninstall turso-api-tokens --locked\ninstall --path . --locked\n"
    );
    let rust = format!("with Rust {} or newer\n", env!("CARGO_PKG_RUST_VERSION"));
    assert!(block("cargo").contains(&rust), "{rust}");
}

/// The crates that a `cargo tree` command lists.
#[cfg(target_os = "linux")]
fn crates(command: &str) -> std::collections::BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(command.split(' '));
    cargo.args(["--locked", "--offline", "--prefix=none", "--no-dedupe"]);
    let ended = run(cargo);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
        .stdout
        .lines()
        .map(|line| line.split(" (").next().unwrap().to_owned())
        .collect()
}

/// On other systems rustls and ureq need other crates.
#[cfg(target_os = "linux")]
#[test]
fn an_embedder_builds_as_many_crates_as_the_docs_say() {
    let text = README.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, rest) = text.split_once(" embeds the library builds ").unwrap();
    let (stated, rest) = rest
        .split_once(" further crates, and no async runtime: `cargo ")
        .unwrap();
    let listed = crates(rest.split_once('`').unwrap().0);
    // The list has this crate as well.
    assert_eq!(stated, (listed.len() - 1).to_string(), "{listed:?}");
    let is_runtime = |name: &&String| {
        ["tokio ", "async-std ", "smol "]
            .iter()
            .any(|it| name.starts_with(it))
    };
    assert_eq!(listed.iter().find(is_runtime), None);

    // With the crates that run in the compiler.
    let listed = crates("tree --package build-script -e normal,build");
    assert!(
        BUILD_SCRIPT.contains(&format!(": {} crates, and ", listed.len() - 1)),
        "{listed:?}"
    );
}

#[test]
fn the_dependency_in_the_docs_has_the_version_and_features_of_this_package() {
    let version = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap().0;
    let line = format!(
        "turso-api-tokens = {{ version = \"{version}\", default-features = false, features = [\"rustls\", \"miniserde\"] }}"
    );
    assert!(
        README.contains(&format!("```toml\n[dependencies]\n{line}\n```\n")),
        "{line}"
    );
    assert!(
        BUILD_SCRIPT.contains(&format!("```toml\n[build-dependencies]\n{line}\n```\n")),
        "{line}"
    );
}

#[test]
fn a_pipe_fails_on_a_401_and_without_pipefail_it_would_look_like_an_empty_list() {
    let pipes = block("pipes");
    assert_eq!(recipe(pipes, || ok(CURRENT_LIST)).succeeded().trim(), "1");
    let ended = recipe(pipes, refused);
    assert_eq!((ended.code, ended.stdout.trim()), (3, "0"));
    assert!(ended.stderr.contains("token expired"), "{}", ended.stderr);
    let ended = recipe(pipes.strip_prefix("set -o pipefail\n").unwrap(), refused);
    assert_eq!((ended.code, ended.stdout.trim()), (0, "0"));
}

const UNRESTRICTED_THEN_OLD: &str =
    "clGFZ4STEe6fljpFzIum8A laptop\nclGFZ4STEe6fljpFzIum8A laptop\nSYzcpe3jEe2We-rqOx4wmQ ci\n";

/// The original documentation's tokens have neither organization nor date: both lists have them.
const ORIGINAL_TWICE: &str = "SYzcpe3jEe2We-rqOx4wmQ token1\nwPvoKe3qEe2We-rqOx4wmQ token2\n\
                              SYzcpe3jEe2We-rqOx4wmQ token1\nwPvoKe3qEe2We-rqOx4wmQ token2\n";

#[test]
fn awk_finds_unrestricted_and_old_tokens() {
    assert_eq!(
        recipe(block("awk"), || ok(CURRENT_LIST)).succeeded(),
        UNRESTRICTED_THEN_OLD
    );
    assert_eq!(
        recipe(block("awk"), || ok(ORIGINAL_LIST)).succeeded(),
        ORIGINAL_TWICE
    );
    assert_eq!(recipe(block("awk"), refused).code, 3);
}

#[test]
#[ignore = "needs jq"]
fn jq_finds_unrestricted_and_old_tokens_and_scopes() {
    let found = Command::new("jq").arg("--version").output();
    assert!(
        found.is_ok(),
        "this test runs jq, which is not on this machine: install it (apt-get install jq)"
    );
    let scopes = "backup: read\ndeploy: read db:mint-token\n";
    assert_eq!(
        recipe(block("jq"), || ok(CURRENT_LIST)).succeeded(),
        format!("{UNRESTRICTED_THEN_OLD}{scopes}")
    );
    assert_eq!(
        recipe(block("jq"), || ok(ORIGINAL_LIST)).succeeded(),
        ORIGINAL_TWICE
    );
    assert_eq!(
        recipe(block("jq"), || ok(r#"{"tokens":null}"#)).succeeded(),
        ""
    );
    assert_eq!(recipe(block("jq"), refused).code, 3);
}

#[test]
fn the_allow_list_fails_for_any_other_token_and_for_a_failed_call() {
    let (allow_list, exemption) = block("allow-list").split_once('\n').unwrap();
    assert_eq!(recipe(allow_list, two_allowed).succeeded(), "");
    assert_eq!(recipe(allow_list, || ok(NO_TOKENS)).succeeded(), "");
    let shown =
        transcript("cargo run --example demo -- --quiet --deny any --allow ci --allow deploy");
    assert_eq!(recipe(allow_list, || ok(CURRENT_LIST)).failed(1), shown);
    assert_eq!(recipe(allow_list, refused).code, 3);

    let old = || ok(r#"{"tokens":[{"name":"backup","id":"1","created_at":"2023-11-16"}]}"#);
    assert_eq!(recipe(exemption, old).succeeded(), "");
    assert!(
        recipe(exemption, || ok(CURRENT_LIST))
            .failed(1)
            .contains("--deny older-than=90d: laptop ")
    );
    // The pipe that the page warns of.
    let pipe = "set -o pipefail\n! turso-api-tokens --tsv | cut -f 1 | grep -vxF -e ci -e deploy";
    assert_eq!(recipe(pipe, two_allowed).code, 0);
    assert_eq!(recipe(pipe, refused).code, 0);
}

#[test]
fn the_comparison_prints_new_and_gone_tokens_and_keeps_the_last_list_when_a_call_fails() {
    let folder = Folder::new();
    let compare = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut command = shell("bash", &server.url(), block("changes"));
        command.arg(folder.0.join("lists"));
        run(command)
    };
    assert_eq!(compare(|| ok(ORIGINAL_LIST)).succeeded(), "");
    assert_eq!(compare(|| ok(ORIGINAL_LIST)).succeeded(), "");
    assert_eq!(compare(refused).code, 3);
    let renamed = || {
        ok(
            r#"{"tokens":[{"name":"token2","id":"wPvoKe3qEe2We-rqOx4wmQ"},{"name":"Clé","id":"3"}]}"#,
        )
    };
    let difference = "new:  Clé\t3\t\t\t\t\ngone: token1\tSYzcpe3jEe2We-rqOx4wmQ\t\t\t\t\n";
    assert_eq!(compare(renamed).succeeded(), difference);
    assert_eq!(compare(renamed).succeeded(), "");
    let restricted = || {
        ok(r#"{"tokens":[{"name":"token2","id":"wPvoKe3qEe2We-rqOx4wmQ","organization":"acme"}]}"#)
    };
    let difference = "new:  token2\twPvoKe3qEe2We-rqOx4wmQ\tacme\t\t\t\n\
                   gone: Clé\t3\t\t\t\t\ngone: token2\twPvoKe3qEe2We-rqOx4wmQ\t\t\t\t\n";
    assert_eq!(compare(restricted).succeeded(), difference);
}

#[test]
fn the_line_for_cron_runs_with_no_more_than_cron_gives() {
    let line = block("cron");
    let command = line
        .strip_prefix("0 6 * * * /usr/local/bin/turso-api-tokens ")
        .expect("an absolute path");
    // cron ends a command at a percent sign.
    assert_eq!((line.lines().count(), line.find('%')), (1, None));
    let home = Folder::new();
    home.write(".turso-token", format!("{SECRET}\n"));
    let run = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut cron = Command::new("env");
        cron.args(["-i", "PATH=/usr/bin:/bin", &format!("HOME={}", home.path())]);
        cron.arg(format!("TURSO_API_BASEURL={}", server.url()));
        cron.args(["sh", "-c", &format!("'{BINARY}' {command}")]);
        run(cron)
    };
    let stderr = run(|| ok(CURRENT_LIST)).failed(1);
    assert!(
        stderr.contains("unrestricted: laptop") && stderr.contains("older-than=90d: backup"),
        "{stderr}"
    );
    assert_eq!(run(|| ok(NO_TOKENS)).succeeded(), "");
    assert!(run(refused).failed(3).contains("token expired"));
}

/// A step of the workflow: its lines before `run`, and its script.
fn step(name: &str) -> (String, String) {
    let step = block("ci")
        .split("- name: ")
        .find(|step| step.starts_with(&format!("{name}\n")))
        .unwrap();
    let (head, script) = step.split_once("\n  run: |\n").unwrap();
    assert!(
        script.lines().all(|line| line.starts_with("    ")),
        "{script}"
    );
    (
        head.to_owned(),
        script.replace("\n    ", "\n").trim_start().to_owned(),
    )
}

#[test]
fn both_steps_in_ci_are_skipped_for_forks_only_and_the_secret_is_in_the_second_alone() {
    let only_without_a_fork = "  if: github.event_name != 'pull_request' || \
                               github.event.pull_request.head.repo.full_name == github.repository\n  env:\n    ";
    let head = |name: &str, variable: &str| format!("{name}\n{only_without_a_fork}{variable}");
    let (install, check) = ("install turso-api-tokens", "check the Turso tokens");
    assert_eq!(
        step(install).0,
        head(install, "GH_TOKEN: ${{ github.token }}")
    );
    assert_eq!(
        step(check).0,
        head(check, "TURSO_API_TOKEN: ${{ secrets.TURSO_API_TOKEN }}")
    );
    assert_eq!(block("ci").matches("- name: ").count(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn the_step_in_ci_installs_only_a_file_with_the_right_checksum_and_attestation() {
    let release = release();
    let install = |attested: &str| {
        let (stubs, runner) = (Folder::new(), Folder::new());
        let repository = "--repo turso-api-tokens/turso-api-tokens";
        let version = env!("CARGO_PKG_VERSION");
        stub(
            &stubs,
            "gh",
            &format!(
                "case \"$*\" in\n\
                 'release download v{version} {repository} --pattern {FILE}.tar.gz*') cp '{}'/{FILE}.tar.gz* . ;;\n\
                 'attestation verify {FILE}.tar.gz {repository}') {attested} ;;\n\
                 *) exit 2 ;;\nesac",
                release.path()
            ),
        );
        // As runners do, which end at the first command that fails.
        let script = format!("set -e\n{}", step("install turso-api-tokens").1);
        let mut command = shell_with(&stubs.0, "bash", "", &script);
        command
            .env_remove("TURSO_API_TOKEN")
            .env("RUNNER_TEMP", &runner.0)
            .env("GITHUB_PATH", runner.0.join("path"));
        let ended = run(command);
        let version = fs::read_to_string(runner.0.join("path")).map(|path| {
            assert_eq!(path, format!("{}/{FILE}\n", runner.path()));
            let installed = Path::new(path.trim_end()).join("turso-api-tokens");
            String::from_utf8(
                Command::new(installed)
                    .arg("--version")
                    .output()
                    .unwrap()
                    .stdout,
            )
            .unwrap()
        });
        (ended, version.ok())
    };
    let (ended, version) = install("true");
    assert_eq!(ended.succeeded(), format!("{FILE}.tar.gz: OK\n"));
    assert_eq!(
        version.as_deref(),
        Some(concat!(
            "turso-api-tokens ",
            env!("CARGO_PKG_VERSION"),
            "\n"
        ))
    );
    let (ended, version) = install("exit 1");
    assert_eq!((ended.code, version), (1, None));
    fs::write(release.0.join(format!("{FILE}.tar.gz")), "another file").unwrap();
    let (ended, version) = install("true");
    assert_eq!(
        (ended.code, ended.stdout, version),
        (1, format!("{FILE}.tar.gz: FAILED\n"), None)
    );
}

#[test]
fn the_step_in_ci_fails_when_the_secret_is_missing_or_a_check_fails() {
    let check = |server: &Server, credential: &str| {
        let script = format!("set -e\n{}", step("check the Turso tokens").1);
        let mut command = shell("bash", &server.url(), &script);
        // A runner may have another credential, which must not be taken instead.
        command
            .env("TURSO_API_TOKEN", credential)
            .env("TURSO_TOKEN", SECRET);
        run(command)
    };
    let server = Server::script([
        ok(CURRENT_LIST),
        two_allowed(),
        error("401 Unauthorized", "token expired"),
    ]);
    let unrestricted = "turso-api-tokens: --deny unrestricted: laptop (clGFZ4STEe6fljpFzIum8A)";
    let stderr = check(&server, SECRET).failed(1);
    assert!(
        stderr.starts_with(unrestricted) && stderr.lines().count() == 1,
        "{stderr}"
    );
    assert_eq!(check(&server, SECRET).succeeded(), "");
    assert_eq!(check(&server, SECRET).code, 3);
    let ended = check(&server, "");
    assert_eq!((ended.code == 0, ended.stdout.as_str()), (false, ""));
    assert!(
        ended
            .stderr
            .ends_with("TURSO_API_TOKEN: the secret TURSO_API_TOKEN is missing or empty\n")
    );
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn the_monitoring_plugin_translates_every_exit_code() {
    let run = |step: fn() -> Step, variables: &[(&str, &str)]| {
        let server = Server::always(step);
        let mut command = shell("/bin/sh", &server.url(), block("monitoring"));
        command.envs(variables.iter().copied());
        run(command)
    };
    assert_eq!(
        run(|| ok(NO_TOKENS), &[]).succeeded(),
        "OK: no token is unrestricted\n"
    );
    for (code, beginning, ended) in [
        (
            2,
            "CRITICAL: turso-api-tokens: --deny unrestricted: laptop",
            run(|| ok(CURRENT_LIST), &[]),
        ),
        (
            3,
            "UNKNOWN: turso-api-tokens: no credential",
            run(|| ok(CURRENT_LIST), &[("TURSO_API_TOKEN", "")]),
        ),
        (
            2,
            "CRITICAL: turso-api-tokens: http://127.0.0.1",
            run(refused, &[]),
        ),
        (
            3,
            "UNKNOWN: turso-api-tokens: http://127.0.0.1",
            run(|| error("503 x", "down"), &[]),
        ),
        (
            3,
            "UNKNOWN: turso-api-tokens: the response from",
            run(|| ok("{}"), &[]),
        ),
    ] {
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (code, ""),
            "{}",
            ended.stdout
        );
        assert!(ended.stdout.starts_with(beginning), "{}", ended.stdout);
    }
    let without_the_program = run(|| ok(CURRENT_LIST), &[("PATH", "/nonexistent")]);
    assert_eq!(
        without_the_program.code, 3,
        "{}",
        without_the_program.stdout
    );
    assert!(
        without_the_program.stdout.starts_with("UNKNOWN: "),
        "{}",
        without_the_program.stdout
    );
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
    let files = || {
        fs::read_dir(&folder.0)
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    let file = folder.0.join("turso_api_tokens.prom");
    let metrics = |all: u32, unrestricted: u32, old: u32| {
        let lines = [
            ("", all),
            ("_unrestricted", unrestricted),
            ("_older_than_90_days", old),
        ];
        let line = |(name, value)| {
            format!("# TYPE turso_api_tokens{name} gauge\nturso_api_tokens{name} {value}\n")
        };
        lines.map(line).concat()
    };
    assert!(run(refused).failed(3).contains("token expired"));
    assert!(files().is_empty());
    run(|| ok(ORIGINAL_LIST)).succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(2, 2, 2));
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o644
    );
    for (code, bad) in [
        (3, refused as fn() -> Step),
        (5, || ok("{}")),
        (4, || error("503 x", "down")),
    ] {
        assert_eq!(run(bad).code, code);
        assert_eq!(fs::read_to_string(&file).unwrap(), metrics(2, 2, 2));
    }
    run(|| {
        ok(r#"{"tokens":[{"name":"a","id":"1","organization":"acme","created_at":"9999-12-31"}]}"#)
    })
    .succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(1, 0, 0));
    assert_eq!(files(), ["turso_api_tokens.prom"]);
}

#[test]
fn every_marked_block_has_a_test_and_every_recipe_a_mark() {
    let tests = include_str!("docs.rs");
    for mark in [marks(README), marks(RECIPES)].concat() {
        assert!(tests.contains(&format!("block(\"{mark}\")")), "{mark}");
    }
    // A section of recipes.md is a recipe, except the one about formats; each has one block.
    let sections = RECIPES
        .split("\n## ")
        .skip(1)
        .filter(|section| !section.starts_with("The two formats"));
    assert_eq!(
        sections
            .map(|section| section.matches("<!-- test: ").count())
            .find(|marks| *marks != 1),
        None
    );
    assert_eq!(RECIPES.matches("\n```").count(), marks(RECIPES).len() * 2);
    // In README all but the first two commands are marked, and those are what runs here and in `.ci/run`.
    let shell_blocks: Vec<&str> = README.split("\n```sh\n").skip(1).collect();
    assert_eq!(shell_blocks.len(), marks(README).len() + 1);
    assert!(shell_blocks[0].starts_with("cargo run --example demo\ncargo test\n```\n"));
}

#[test]
fn the_readme_links_to_nothing_that_the_package_lacks() {
    let links = README
        .split("](")
        .skip(1)
        .map(|rest| rest.split_once(')').unwrap().0);
    for link in links {
        assert!(
            link.starts_with("https://") || link == "CHANGELOG.md",
            "{link}"
        );
    }
}

#[test]
fn every_link_into_the_repository_leads_to_a_file_and_every_anchor_to_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let headings = |text: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("## "));
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-');
        lines
            .map(|line| {
                line.to_lowercase()
                    .chars()
                    .filter(kept)
                    .collect::<String>()
                    .replace(' ', "-")
            })
            .collect()
    };
    for page in [README, RECIPES, BUILD_SCRIPT, CONTRIBUTING, SECURITY] {
        for link in page
            .split("](")
            .skip(1)
            .map(|rest| rest.split_once(')').unwrap().0)
        {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = target
                .strip_prefix(REPOSITORY)
                .and_then(|path| path.split_once("/main/"))
                .map(|(_, path)| path);
            let text = match path {
                None if target.is_empty() => page.to_owned(),
                None => continue,
                Some(path) => {
                    assert!(root.join(path).exists(), "{link}");
                    fs::read_to_string(root.join(path)).unwrap_or_default()
                }
            };
            assert!(
                anchor.is_empty() || headings(&text).iter().any(|heading| heading == anchor),
                "{link}"
            );
        }
    }
}

#[test]
fn every_file_of_the_source_has_a_line_in_the_contributing_guide() {
    let mut files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
    let missing = files.find_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        (name != "bin" && !CONTRIBUTING.contains(&format!("`src/{name}"))).then_some(name)
    });
    assert_eq!(missing, None);
}
