//! README.md and docs/: what a user copies runs as it is written there, and what they show is what is printed.
//!
//! The tests of jq are ignored unless asked for: `cargo test --test it -- --ignored`.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, Step, error, ok, response};
use crate::support::{
    Finished, Folder, SECRET, program, program_with_empty_env, run_command, shell,
};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");
const RECIPES: &str = include_str!("../../docs/recipes.md");
const BUILD_SCRIPT: &str = include_str!("../../docs/build-script.md");
const NETWORKS: &str = include_str!("../../docs/networks.md");
const SECURITY: &str = include_str!("../../SECURITY.md");
const CONTRIBUTING: &str = include_str!("../../CONTRIBUTING.md");

const BINARY: &str = env!("CARGO_BIN_EXE_turso-api-tokens");
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
#[cfg(target_os = "linux")]
const VERSION_LINE: &str = concat!("turso-api-tokens ", env!("CARGO_PKG_VERSION"), "\n");
/// The released file that the documents download.
#[cfg(target_os = "linux")]
const FILE: &str = "turso-api-tokens-x86_64-unknown-linux-musl";

const NO_TOKENS: &str = r#"{"tokens":[]}"#;

/// The text between the first `start` and the next `end`.
#[track_caller]
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect(start);
    rest.split_once(end).expect(end).0
}

/// The fenced block that follows a mark.
#[track_caller]
fn block(mark: &str) -> &'static str {
    let mark = format!("<!-- test: {mark} -->\n```");
    let page = if README.contains(&mark) {
        README
    } else {
        RECIPES
    };
    let (_language, block) = between(page, &mark, "```\n").split_once('\n').unwrap();
    block
}

/// What README shows as the output of a command.
#[track_caller]
fn transcript(command: &str) -> &'static str {
    between(README, &format!("```console\n$ {command}\n"), "```\n")
}

/// The names in the marks of a page.
fn marks(page: &'static str) -> Vec<&'static str> {
    let rests = page.split("<!-- test: ").skip(1);
    rests
        .map(|rest| rest.split_once(" -->").unwrap().0)
        .collect()
}

/// Writes a program that a recipe finds instead of the real one.
fn stub(folder: &Folder, name: &str, script: &str) {
    let path = folder.write(name, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Lets a script find the programs in a folder before all others.
fn with_stubs(mut script: Command, stubs: &Folder) -> Command {
    let is_path = |(name, _): &(&std::ffi::OsStr, _)| *name == "PATH";
    let (_, path) = script.get_envs().find(is_path).unwrap();
    let path = path.unwrap().to_str().unwrap();
    let path = format!("{}:{path}", stubs.path());
    script.env("PATH", path);
    script
}

/// Runs a script in bash against a server that always sends the same response.
fn recipe(script: &str, step: fn() -> Step) -> Finished {
    let server = Server::always(step);
    run_command(&mut shell("bash", &server.url(), script))
}

fn refused() -> Step {
    error("401 Unauthorized", "token expired")
}

/// The tokens `ci` and `deploy`, bound to an organization, from today.
fn two_allowed() -> Step {
    let today = turso_api_tokens::Date::today_utc();
    let token = |name: &str| {
        format!(
            r#"{{"name":"{name}","id":"{name}-id","organization":"acme","created_at":"{today}"}}"#
        )
    };
    ok(&format!(
        r#"{{"tokens":[{},{}]}}"#,
        token("ci"),
        token("deploy")
    ))
}

// README.

#[test]
fn the_first_transcript_is_what_the_binary_prints_and_fits_80_columns() {
    let table = transcript("cargo run --example demo");
    let server = Server::always(|| ok(CURRENT_LIST));
    assert_eq!(program(&server.url(), &[]).run().succeeded(), table);
    for line in table.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn the_first_command_prints_what_the_readme_shows_and_fails() {
    let server = Server::always(|| ok(CURRENT_LIST));
    let ended = program(&server.url(), &["--deny", "unrestricted"]).run();
    assert_eq!(ended.code, 1);
    let shown = transcript("turso-api-tokens --deny unrestricted");
    assert_eq!(ended.stdout + &ended.stderr, shown);
}

#[test]
fn the_transcript_of_a_failed_check_is_what_the_binary_prints() {
    let args = [
        "--quiet", "--deny", "any", "--allow", "ci", "--allow", "deploy",
    ];
    let shown = transcript(&format!("cargo run --example demo -- {}", args.join(" ")));
    let server = Server::always(|| ok(CURRENT_LIST));
    assert_eq!(program(&server.url(), &args).run().failed(1), shown);
}

#[test]
fn the_options_and_exit_codes_in_the_readme_are_those_of_the_help() {
    let help = program_with_empty_env(&["--help"]).run().succeeded();
    let options = between(README, "```text\nOutput:\n", "```\n");
    assert!(help.contains(&format!("\nOutput:\n{options}\n")), "{help}");

    let rows = between(README, "| code | meaning |\n|---|---|\n", "\n\n");
    let mut lines = String::new();
    for row in rows.lines() {
        let text = row.trim_matches(['|', ' ']).replace(" | ", "  ");
        lines += &format!("  {text}\n");
    }
    assert_eq!(help.split_once("\nExit codes:\n").unwrap().1, lines);
}

#[test]
fn the_platforms_in_the_readme_are_those_that_a_release_has() {
    let release = include_str!("../../.ci/release");
    let mut expected = Vec::new();
    for target in between(release, "\ntargets=(\n", "\n)").lines() {
        let target = target.trim();
        let ending = if target.contains("windows") {
            "zip"
        } else {
            "tar.gz"
        };
        expected.push(format!("turso-api-tokens-{target}.{ending}"));
    }

    let rows = between(README, "| platform | file |\n|---|---|\n", "\n\n");
    let files: Vec<_> = rows
        .lines()
        .map(|row| row.split('`').nth(1).unwrap())
        .collect();
    assert_eq!(files, expected);
}

/// A folder with an archive and its checksum, made as `.ci/release pack` makes them.
#[cfg(target_os = "linux")]
fn release() -> Folder {
    let folder = Folder::new();
    folder.write(&format!("{FILE}/README.md"), README);
    let program = format!("exec '{BINARY}' \"$@\"");
    stub(&folder, &format!("{FILE}/turso-api-tokens"), &program);
    let script = format!(
        "cd {} && tar -cz {FILE} >{FILE}.tar.gz && sha256sum {FILE}.tar.gz >{FILE}.tar.gz.sha256",
        folder.path()
    );
    run_command(&mut shell("sh", "", &script)).succeeded();
    folder
}

#[cfg(target_os = "linux")]
#[test]
fn the_lines_for_installing_stop_before_a_file_that_does_not_match_its_checksum() {
    let (release, stubs, folder) = (release(), Folder::new(), Folder::new());
    // Copies from the folder what it is asked to download.
    let curl = format!(
        "[ \"$1 $2\" = '-fsSL --remote-name-all' ] || exit 2\n\
         shift 2\n\
         for file; do cp \"{}/${{file#{REPOSITORY}/releases/latest/download/}}\" . || exit 22; done",
        release.path()
    );
    stub(&stubs, "curl", &curl);
    stub(&stubs, "sudo", "exec \"$@\"");
    let install = format!(
        "[ \"$2\" = /usr/local/bin ] && cp \"$1\" '{}/installed'",
        folder.path()
    );
    stub(&stubs, "install", &install);
    stub(&stubs, "gh", "echo \"gh $*\"");

    // The line for the attestation goes on where these end.
    let install = |after: &str| {
        let script = format!("{}{after}", block("install"));
        let mut script = with_stubs(shell("sh", "", &script), &stubs);
        run_command(script.current_dir(&folder.0))
    };

    let archive = release.0.join(format!("{FILE}.tar.gz"));
    let bytes = fs::read(&archive).unwrap();
    fs::write(&archive, [&bytes[..], b"changed"].concat()).unwrap();
    let ended = install("");
    assert_eq!(ended.code, 1);
    assert_eq!(ended.stdout, format!("{FILE}.tar.gz: FAILED\n"));

    fs::remove_file(&archive).unwrap();
    assert_eq!(install("").code, 22);
    assert!(!folder.0.join("installed").exists() && !folder.0.join(FILE).exists());

    fs::write(&archive, bytes).unwrap();
    let printed = install(block("attestation")).succeeded();
    let expected = format!(
        "{FILE}.tar.gz: OK\n\
         gh attestation verify {FILE}.tar.gz --repo turso-api-tokens/turso-api-tokens\n"
    );
    assert_eq!(printed, expected);
    assert_eq!(version(&folder.0.join("installed")), VERSION_LINE);
}

/// What a program prints for `--version`.
#[cfg(target_os = "linux")]
fn version(program: &Path) -> String {
    run_command(Command::new(program).arg("--version")).succeeded()
}

#[test]
fn the_lines_for_cargo_name_this_package() {
    let stubs = Folder::new();
    stub(&stubs, "cargo", "echo \"$*\"");
    let mut script = with_stubs(shell("sh", "", block("cargo")), &stubs);
    let commands = "binstall turso-api-tokens\n\
                    install turso-api-tokens --locked --features resolver\n\
                    install --path . --locked --features resolver\n";
    assert_eq!(run_command(&mut script).succeeded(), commands);

    let rust = format!("with Rust {} or newer\n", env!("CARGO_PKG_RUST_VERSION"));
    assert!(block("cargo").contains(&rust), "{rust}");
}

#[test]
fn the_dependency_in_the_docs_has_the_version_and_features_of_this_package() {
    let version = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap().0;
    let line = format!(
        "turso-api-tokens = {{ version = \"{version}\", default-features = false, \
         features = [\"rustls\", \"miniserde\"] }}"
    );
    for (page, section) in [
        (README, "dependencies"),
        (BUILD_SCRIPT, "build-dependencies"),
    ] {
        let block = format!("```toml\n[{section}]\n{line}\n```\n");
        assert!(page.contains(&block), "{block}");
    }
}

/// The crates that a `cargo tree` command lists, this one included.
#[cfg(target_os = "linux")]
fn crates(command: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(command.split(' '))
        .args(["--locked", "--offline", "--prefix=none", "--no-dedupe"]);
    let ended = run_command(&mut cargo);
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
    let command = between(&text, "and no async runtime: `cargo ", "`");
    let listed = crates(command);
    let stated = format!(" builds {} further crates, ", listed.len() - 1);
    assert!(text.contains(&stated), "{stated}: {listed:?}");
    for runtime in ["tokio ", "async-std ", "smol "] {
        assert!(!listed.iter().any(|name| name.starts_with(runtime)));
    }

    // With the crates that run in the compiler.
    let listed = crates("tree --package build-script -e normal,build");
    let stated = format!(": {} crates, and ", listed.len() - 1);
    assert!(BUILD_SCRIPT.contains(&stated), "{stated}: {listed:?}");
}

#[test]
#[ignore = "needs jq"]
fn curl_and_jq_succeed_without_a_list_as_the_readme_says() {
    require("jq");
    require("curl");
    let filter = between(README, "`curl -fsS --max-time 30 … | ", "`");
    let pipe = format!(
        "curl -fsS --max-time 30 -H \"Authorization: Bearer $TURSO_API_TOKEN\" \
         \"$TURSO_API_BASEURL/v1/auth/api-tokens\" | {filter}"
    );
    let code = |options: &str, step| recipe(&format!("{options}{pipe}"), step).code;
    let pipefail = "set -o pipefail\n";

    assert_eq!(code(pipefail, two_allowed), 0);
    assert_ne!(code(pipefail, || ok(CURRENT_LIST)), 0);
    let to_a_login_page = || response("302 Found", "Location: https://login.example/\r\n", "");
    for no_list in [
        || Step::Reply(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        || ok(""),
        to_a_login_page,
    ] {
        assert_eq!(code(pipefail, no_list), 0);
    }

    let page = || {
        let headers = "Location: https://login.example/\r\n";
        response("302 Found", headers, "<html>Sign in</html>")
    };
    assert_ne!(code(pipefail, page), 0);
    let cut_off = || {
        let body = r#"{"tokens":[{"name":"a","id":"1","organization":"acme"}]}"#;
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
        Step::ReplyAndClose(format!("{head}{body}").into_bytes())
    };
    for failure in [refused as fn() -> Step, || error("503 x", "down"), cut_off] {
        assert_ne!(code(pipefail, failure), 0);
        assert_eq!(code("", failure), 0);
    }
}

fn require(program: &str) {
    let found = Command::new(program).arg("--version").output();
    assert!(
        found.is_ok(),
        "this test runs {program}, which is not on this machine: install it (apt-get install {program})"
    );
}

// The recipes.

#[test]
fn a_pipe_fails_on_a_401_and_without_pipefail_it_would_look_like_an_empty_list() {
    let pipes = block("pipes");
    assert_eq!(recipe(pipes, || ok(CURRENT_LIST)).succeeded().trim(), "1");

    let ended = recipe(pipes, refused);
    assert_eq!((ended.code, ended.stdout.trim()), (3, "0"));
    assert!(ended.stderr.contains("token expired"), "{}", ended.stderr);

    let without_pipefail = pipes.strip_prefix("set -o pipefail\n").unwrap();
    let ended = recipe(without_pipefail, refused);
    assert_eq!((ended.code, ended.stdout.trim()), (0, "0"));
}

/// The original documentation's tokens have no organization.
const ORIGINAL_UNRESTRICTED: &str =
    "SYzcpe3jEe2We-rqOx4wmQ token1\nwPvoKe3qEe2We-rqOx4wmQ token2\n";

#[test]
fn awk_finds_unrestricted_tokens_and_counts_those_of_each_organization() {
    let awk = block("awk");
    let found = recipe(awk, || ok(CURRENT_LIST)).succeeded();
    assert_eq!(found, "clGFZ4STEe6fljpFzIum8A laptop\n3 acme\n1 \n");
    let found = recipe(awk, || ok(ORIGINAL_LIST)).succeeded();
    assert_eq!(found, format!("{ORIGINAL_UNRESTRICTED}2 \n"));
    assert_eq!(recipe(awk, refused).code, 3);
}

#[test]
fn bash_reads_every_field_into_its_own_variable() {
    let read = block("bash");
    let expected = "laptop (clGFZ4STEe6fljpFzIum8A): all/all all, created 2023-11-16\n\
                    ci (SYzcpe3jEe2We-rqOx4wmQ): acme/all all, created 2025-02-03\n\
                    backup (wPvoKe3qEe2We-rqOx4wmQ): acme/default read, created 2026-01-31\n\
                    deploy (0Qm1bJ3mEe2We-rqOx4wmQ): acme/edge read,db:mint-token, created 2026-10-05\n";
    assert_eq!(recipe(read, || ok(CURRENT_LIST)).succeeded(), expected);

    // The separator, a tab and a backslash in names.
    let odd = || ok(r#"{"tokens":[{"name":"a\u001fb\tc\\d","id":"1"}]}"#);
    let expected = "a\\u{1f}b\\tc\\\\d (1): all/all all, created on an unknown day\n";
    assert_eq!(recipe(read, odd).succeeded(), expected);
    assert_eq!(recipe(read, refused).code, 3);

    // What the page warns of.
    let with_tabs = read
        .replace(" tr '\\t' '\\037' |", "")
        .replace("\\037", "\\t");
    let wrong = recipe(&with_tabs, || ok(CURRENT_LIST)).succeeded();
    assert!(wrong.starts_with("laptop (clGFZ4STEe6fljpFzIum8A): 2023-11-16/"));
}

#[test]
#[ignore = "needs jq"]
fn jq_finds_unrestricted_tokens_and_scopes() {
    require("jq");
    let jq = block("jq");
    let expected = "clGFZ4STEe6fljpFzIum8A laptop\nbackup: read\ndeploy: read db:mint-token\n";
    assert_eq!(recipe(jq, || ok(CURRENT_LIST)).succeeded(), expected);
    let found = recipe(jq, || ok(ORIGINAL_LIST)).succeeded();
    assert_eq!(found, ORIGINAL_UNRESTRICTED);
    assert_eq!(recipe(jq, || ok(r#"{"tokens":null}"#)).succeeded(), "");
    assert_eq!(recipe(jq, refused).code, 3);
}

#[test]
fn the_allow_list_fails_for_any_other_token_and_for_a_failed_call() {
    let (allow_list, exemption) = block("allow-list").split_once('\n').unwrap();
    assert_eq!(recipe(allow_list, two_allowed).succeeded(), "");
    assert_eq!(recipe(allow_list, || ok(NO_TOKENS)).succeeded(), "");
    let command = "cargo run --example demo -- --quiet --deny any --allow ci --allow deploy";
    let ended = recipe(allow_list, || ok(CURRENT_LIST));
    assert_eq!(ended.failed(1), transcript(command));
    assert_eq!(recipe(allow_list, refused).code, 3);

    let old = || ok(r#"{"tokens":[{"name":"backup","id":"1","created_at":"2023-11-16"}]}"#);
    assert_eq!(recipe(exemption, old).succeeded(), "");
    let stderr = recipe(exemption, || ok(CURRENT_LIST)).failed(1);
    assert!(
        stderr.contains("--deny older-than=90d: laptop "),
        "{stderr}"
    );

    // The pipe that the page warns of.
    let pipe = "set -o pipefail\n! turso-api-tokens --tsv | cut -f 1 | grep -vxF -e ci -e deploy";
    assert_eq!(recipe(pipe, two_allowed).code, 0);
    assert_eq!(recipe(pipe, refused).code, 0);
}

#[test]
fn a_rotation_allows_both_tokens_until_the_old_one_is_revoked() {
    let tokens = |names: &[&str]| {
        let token = |name: &&str| format!(r#"{{"name":"{name}","id":"1","organization":"acme"}}"#);
        let tokens: Vec<String> = names.iter().map(token).collect();
        ok(&format!(r#"{{"tokens":[{}]}}"#, tokens.join(",")))
    };
    let rotate = |after_revoking: &[&str]| {
        let stubs = Folder::new();
        stub(&stubs, "turso", "echo \"turso $*\"");
        let server = Server::script([
            tokens(&["ci", "deploy", "deploy-2"]),
            tokens(after_revoking),
        ]);
        let script = format!("set -e\n{}", block("rotation"));
        run_command(&mut with_stubs(shell("sh", &server.url(), &script), &stubs))
    };

    let commands = "turso auth api-tokens mint deploy-2 --org ORG\n\
                    turso auth api-tokens revoke deploy\n";
    assert_eq!(rotate(&["ci", "deploy-2"]).succeeded(), commands);
    let ended = rotate(&["ci", "deploy", "deploy-2"]);
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stderr,
        "turso-api-tokens: --deny any: deploy (1) is not allowed\n"
    );
}

/// `flock` is of Linux.
#[cfg(target_os = "linux")]
#[test]
fn the_comparison_prints_new_and_gone_tokens_and_keeps_the_last_list_when_a_call_fails() {
    let folder = Folder::new();
    let compare = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut script = shell("bash", &server.url(), block("changes"));
        run_command(script.arg(folder.0.join("lists")))
    };
    assert_eq!(compare(|| ok(ORIGINAL_LIST)).succeeded(), "");
    assert_eq!(compare(|| ok(ORIGINAL_LIST)).succeeded(), "");
    assert_eq!(compare(refused).code, 3);

    let renamed = || {
        ok(r#"{"tokens":[
            {"name":"token2","id":"wPvoKe3qEe2We-rqOx4wmQ"},
            {"name":"Clé","id":"3"}
        ]}"#)
    };
    let difference = "new:  Clé\t3\t\t\t\t\n\
                      gone: token1\tSYzcpe3jEe2We-rqOx4wmQ\t\t\t\t\n";
    assert_eq!(compare(renamed).succeeded(), difference);
    assert_eq!(compare(renamed).succeeded(), "");

    let restricted = || {
        ok(r#"{"tokens":[{"name":"token2","id":"wPvoKe3qEe2We-rqOx4wmQ","organization":"acme"}]}"#)
    };
    let difference = "new:  token2\twPvoKe3qEe2We-rqOx4wmQ\tacme\t\t\t\n\
                      gone: Clé\t3\t\t\t\t\n\
                      gone: token2\twPvoKe3qEe2We-rqOx4wmQ\t\t\t\t\n";
    assert_eq!(compare(restricted).succeeded(), difference);
}

/// `flock` is of Linux.
#[cfg(target_os = "linux")]
#[test]
fn of_two_comparisons_at_once_the_second_waits_for_the_first() {
    let folder = Folder::new();
    folder.write("last.tsv", "");
    // The slow list keeps both runs busy at once, unless one waits.
    let server = Server::always(|| ok(ORIGINAL_LIST));
    let slow = Folder::new();
    stub(
        &slow,
        "turso-api-tokens",
        &format!("sleep 0.3\nexec '{BINARY}' \"$@\""),
    );
    let compare = || {
        let mut script = with_stubs(shell("bash", &server.url(), block("changes")), &slow);
        run_command(script.arg(&folder.0)).succeeded()
    };

    let mut outputs = std::thread::scope(|scope| {
        let runs = [scope.spawn(compare), scope.spawn(compare)];
        runs.map(|run| run.join().unwrap())
    });
    outputs.sort();
    let both = "new:  token1\tSYzcpe3jEe2We-rqOx4wmQ\t\t\t\t\n\
                new:  token2\twPvoKe3qEe2We-rqOx4wmQ\t\t\t\t\n";
    assert_eq!(outputs, ["", both]);
}

#[test]
fn the_line_for_cron_runs_with_no_more_than_cron_gives() {
    let line = block("cron");
    let command = line
        .strip_prefix("0 6 * * * /usr/local/bin/turso-api-tokens ")
        .expect("an absolute path");
    assert_eq!(line.lines().count(), 1);
    assert!(!line.contains('%'), "cron ends a command at a percent sign");

    let home = Folder::new();
    home.write(".turso-token", format!("{SECRET}\n"));
    let run = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut cron = Command::new("env");
        cron.args(["-i", "PATH=/usr/bin:/bin"])
            .arg(format!("HOME={}", home.path()))
            .arg(format!("TURSO_API_BASEURL={}", server.url()))
            .args(["sh", "-c", &format!("'{BINARY}' {command}")]);
        run_command(&mut cron)
    };
    let stderr = run(|| ok(CURRENT_LIST)).failed(1);
    assert!(stderr.contains("unrestricted: laptop"), "{stderr}");
    assert!(stderr.contains("older-than=90d: backup"), "{stderr}");
    assert_eq!(run(two_allowed).succeeded(), "");
    let stderr = run(|| ok(NO_TOKENS)).failed(1);
    assert!(stderr.contains("--require deploy: no token"), "{stderr}");
    assert!(run(refused).failed(3).contains("token expired"));
}

/// systemd puts each credential into a folder, which `%d` names, and runs the command without a shell.
#[test]
fn the_service_runs_with_no_more_than_systemd_gives() {
    let service = block("service");
    let credentials = Folder::new();
    let name = between(service, "LoadCredential=", ":");
    credentials.write(name, format!("{SECRET}\n"));
    let command = between(service, "ExecStart=/usr/local/bin/turso-api-tokens ", "\n");
    let args: Vec<String> = command
        .split(' ')
        .map(|arg| arg.replace("%d", &credentials.path()))
        .collect();

    let run = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut service = Command::new(BINARY);
        service
            .env_clear()
            .env("TURSO_API_BASEURL", server.url())
            .args(&args);
        run_command(&mut service)
    };
    assert_eq!(run(two_allowed).succeeded(), "");
    let stderr = run(|| ok(CURRENT_LIST)).failed(1);
    assert!(stderr.contains("unrestricted: laptop"), "{stderr}");
    assert_eq!(run(refused).code, 3);
    assert!(block("timer").contains("\nOnCalendar="));
}

#[cfg(target_os = "linux")]
#[test]
fn the_image_holds_the_program_of_an_archive_and_runs_it() {
    let image = block("container");
    let (source, path) = between(image, "FROM scratch\nCOPY ", "\n")
        .split_once(' ')
        .unwrap();
    assert!(release().0.join(source).is_file(), "{source}");
    assert!(image.ends_with(&format!("\nENTRYPOINT [\"{path}\"]\n")));

    // A docker that is as much of one as these lines need: it mounts nothing, and the image is the binary.
    let (stubs, home) = (Folder::new(), Folder::new());
    let token = home.write(".turso-token", SECRET);
    let docker = format!(
        "case \"$*\" in\n\
         'build --tag turso-api-tokens .') ;;\n\
         \"run --rm --user $(id -u) --volume {token}:/token:ro turso-api-tokens --quiet --token-file /token \"*)\n\
         shift 10\n\
         exec '{BINARY}' --token-file '{token}' \"$@\" ;;\n\
         *) echo \"docker $*\"; exit 125 ;;\n\
         esac"
    );
    stub(&stubs, "docker", &docker);
    let run = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut script = with_stubs(shell("sh", &server.url(), block("container-run")), &stubs);
        run_command(script.env("HOME", &home.0).env_remove("TURSO_API_TOKEN"))
    };
    run(two_allowed).succeeded();
    assert_eq!(run(|| ok(CURRENT_LIST)).code, 1);
    assert_eq!(run(refused).code, 3);
}

/// A step of the workflow: its lines before `run`, and its script as runners run it, which end at the first command that
/// fails.
#[track_caller]
fn step(name: &str) -> (&'static str, String) {
    let is_named = |step: &&str| step.starts_with(&format!("{name}\n"));
    let step = block("ci").split("- name: ").find(is_named).unwrap();
    let (head, run) = step.split_once("\n  run: ").unwrap();
    let script = run.strip_prefix("|\n").unwrap_or(run);
    let script = script.replace("\n    ", "\n");
    (head, format!("set -e\n{}", script.trim_start()))
}

#[test]
fn both_steps_in_ci_are_skipped_for_forks_only_and_the_secret_is_in_the_second_alone() {
    let head = |name: &str, variable: &str| {
        format!(
            "{name}\n  if: github.event_name != 'pull_request' || \
             github.event.pull_request.head.repo.full_name == github.repository\n  \
             env:\n    {variable}"
        )
    };
    for (name, variable) in [
        ("install turso-api-tokens", "GH_TOKEN: ${{ github.token }}"),
        (
            "check the Turso tokens",
            "TURSO_API_TOKEN: ${{ secrets.TURSO_API_TOKEN }}",
        ),
    ] {
        assert_eq!(step(name).0, head(name, variable));
    }
    assert_eq!(block("ci").matches("- name: ").count(), 2);
}

#[cfg(target_os = "linux")]
#[test]
fn the_step_in_ci_installs_only_a_file_with_the_right_checksum_and_attestation() {
    let release = release();
    let script = step("install turso-api-tokens").1;
    // How it ended, and the folder that it put on the path.
    let install = |attested: &str, runner: &Folder| {
        let stubs = Folder::new();
        let repository = "--repo turso-api-tokens/turso-api-tokens";
        let gh = format!(
            "case \"$*\" in\n\
             'release download {repository} --pattern {FILE}.tar.gz*') cp '{}'/{FILE}.tar.gz* . ;;\n\
             'attestation verify {FILE}.tar.gz {repository}') {attested} ;;\n\
             *) exit 2 ;;\n\
             esac",
            release.path()
        );
        stub(&stubs, "gh", &gh);
        let mut script = with_stubs(shell("bash", "", &script), &stubs);
        script
            .env("RUNNER_TEMP", &runner.0)
            .env("GITHUB_PATH", runner.0.join("path"));
        let ended = run_command(&mut script);
        (ended, fs::read_to_string(runner.0.join("path")).ok())
    };

    let runner = Folder::new();
    let (ended, path) = install("true", &runner);
    assert_eq!(ended.succeeded(), format!("{FILE}.tar.gz: OK\n"));
    assert_eq!(path, Some(format!("{}/{FILE}\n", runner.path())));
    let installed = runner.0.join(FILE).join("turso-api-tokens");
    assert_eq!(version(&installed), VERSION_LINE);

    let (ended, path) = install("exit 1", &Folder::new());
    assert_eq!((ended.code, path), (1, None));

    fs::write(release.0.join(format!("{FILE}.tar.gz")), "another file").unwrap();
    let (ended, path) = install("true", &Folder::new());
    assert_eq!((ended.code, path), (1, None));
    assert_eq!(ended.stdout, format!("{FILE}.tar.gz: FAILED\n"));
}

#[test]
fn the_step_in_ci_fails_when_the_secret_is_missing_or_a_check_fails() {
    let script = step("check the Turso tokens").1;
    let server = Server::script([ok(CURRENT_LIST), two_allowed(), ok(NO_TOKENS), refused()]);
    let check = |credential: &str| {
        let mut script = shell("bash", &server.url(), &script);
        // A runner may have another credential, which must not be taken instead.
        script
            .env("TURSO_API_TOKEN", credential)
            .env("TURSO_TOKEN", SECRET);
        run_command(&mut script)
    };

    assert_eq!(
        check(SECRET).failed(1),
        "turso-api-tokens: --deny unrestricted: laptop (clGFZ4STEe6fljpFzIum8A) \
         may act on every organization\n"
    );
    assert_eq!(check(SECRET).succeeded(), "");
    assert_eq!(check(SECRET).code, 1);
    assert_eq!(check(SECRET).code, 3);

    let stderr = check("").failed(2);
    assert!(
        stderr.contains("TURSO_API_TOKEN is set but empty"),
        "{stderr}"
    );
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn the_monitoring_plugin_translates_every_exit_code() {
    let folder = Folder::new();
    let file = folder.write("turso-token", SECRET);
    let run = |file: &str, step: fn() -> Step, path: Option<&str>| {
        let server = Server::always(step);
        let mut script = shell("/bin/sh", &server.url(), block("monitoring"));
        script.env_remove("TURSO_API_TOKEN").arg(file);
        if let Some(path) = path {
            script.env("PATH", path);
        }
        let ended = run_command(&mut script);
        assert_eq!(ended.stderr, "");
        (ended.code, ended.stdout)
    };
    let ok_line = "OK: no token is unrestricted\n".to_owned();
    assert_eq!(run(&file, two_allowed, None), (0, ok_line));

    let responses: [(fn() -> Step, i32, &str); 5] = [
        (
            || ok(CURRENT_LIST),
            2,
            "CRITICAL: turso-api-tokens: --deny unrestricted: laptop",
        ),
        (
            || ok(NO_TOKENS),
            2,
            "CRITICAL: turso-api-tokens: --require deploy: ",
        ),
        (refused, 2, "CRITICAL: turso-api-tokens: http://127.0.0.1"),
        (
            || error("503 x", "down"),
            3,
            "UNKNOWN: turso-api-tokens: http://127.0.0.1",
        ),
        (
            || ok("{}"),
            3,
            "UNKNOWN: turso-api-tokens: the response from",
        ),
    ];
    for (step, code, beginning) in responses {
        let (ended, stdout) = run(&file, step, None);
        assert_eq!(ended, code, "{stdout}");
        assert!(stdout.starts_with(beginning), "{stdout}");
    }

    let (code, stdout) = run("/nonexistent", two_allowed, None);
    assert_eq!(code, 3);
    assert!(
        stdout.starts_with("UNKNOWN: turso-api-tokens: could not read"),
        "{stdout}"
    );
    let (code, stdout) = run(&file, two_allowed, Some("/nonexistent"));
    assert_eq!(code, 3);
    assert!(stdout.starts_with("UNKNOWN: "), "{stdout}");
}

#[test]
fn the_textfile_for_prometheus_is_replaced_in_one_step_and_only_after_a_good_call() {
    let folder = Folder::new();
    let credentials = Folder::new();
    let token = credentials.write("turso-token", SECRET);
    let run = |step: fn() -> Step| {
        let server = Server::always(step);
        let mut script = shell("bash", &server.url(), block("prometheus"));
        script.env_remove("TURSO_API_TOKEN");
        run_command(script.arg(&folder.0).arg(&token))
    };
    let file = folder.0.join("turso_api_tokens.prom");
    let metrics = |all: u32, unrestricted: u32, old: u32| {
        let lines = [
            ("", all),
            ("_unrestricted", unrestricted),
            ("_older_than_90_days", old),
        ];
        lines
            .map(|(name, value)| {
                format!("# TYPE turso_api_tokens{name} gauge\nturso_api_tokens{name} {value}\n")
            })
            .concat()
    };

    assert!(run(refused).failed(3).contains("token expired"));
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);

    assert_eq!(run(|| ok(ORIGINAL_LIST)).succeeded(), "");
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(2, 2, 2));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);

    let failures: [(fn() -> Step, i32); 3] = [
        (refused, 3),
        (|| ok("{}"), 5),
        (|| error("503 x", "down"), 4),
    ];
    for (step, code) in failures {
        assert_eq!(run(step).code, code);
        assert_eq!(fs::read_to_string(&file).unwrap(), metrics(2, 2, 2));
    }

    // A date that cannot be read, and one in the future, count as old; a name cannot add to a number.
    let odd = || {
        ok(r#"{"tokens":[
            {"name":"a","id":"1","organization":"acme","created_at":"soon"},
            {"name":"b","id":"2","organization":"acme","created_at":"9999-12-31"},
            {"name":"\n--deny unrestricted: c","id":"3","organization":"acme"}
        ]}"#)
    };
    run(odd).succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(3, 0, 3));
    run(two_allowed).succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(2, 0, 0));
    run(|| ok(NO_TOKENS)).succeeded();
    assert_eq!(fs::read_to_string(&file).unwrap(), metrics(0, 0, 0));
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1);
}

// The pages.

#[test]
fn every_block_that_a_user_copies_has_a_mark_and_every_mark_a_test() {
    let tests = include_str!("docs.rs");
    for mark in [marks(README), marks(RECIPES)].concat() {
        assert!(tests.contains(&format!("block(\"{mark}\")")), "{mark}");
    }
    assert_eq!(RECIPES.matches("\n```").count(), marks(RECIPES).len() * 2);

    // In README all but the first two commands are marked, and those are what runs here and in `.ci/run`.
    let shell_blocks: Vec<&str> = README.split("\n```sh\n").skip(1).collect();
    assert_eq!(shell_blocks.len(), marks(README).len() + 1);
    assert!(shell_blocks[0].starts_with("cargo run --example demo\ncargo test\n```\n"));
}

/// The targets of a page's links.
fn links(page: &'static str) -> impl Iterator<Item = &'static str> {
    page.split("](")
        .skip(1)
        .map(|rest| rest.split_once(')').unwrap().0)
}

#[test]
fn the_readme_links_to_nothing_that_the_package_lacks() {
    for link in links(README) {
        let is_there = link.starts_with("https://") || link == "CHANGELOG.md";
        assert!(is_there, "{link}");
    }
}

#[test]
fn every_link_into_the_repository_leads_to_a_file_and_every_anchor_to_a_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in [
        README,
        RECIPES,
        BUILD_SCRIPT,
        NETWORKS,
        SECURITY,
        CONTRIBUTING,
    ] {
        for link in links(page) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = target
                .strip_prefix(REPOSITORY)
                .and_then(|path| path.split_once("/main/"));
            let text = match path {
                None if target.is_empty() => page.to_owned(),
                None => continue,
                Some((_, path)) => {
                    assert!(root.join(path).exists(), "{link}");
                    fs::read_to_string(root.join(path)).unwrap_or_default()
                }
            };
            let is_there = anchor.is_empty() || headings(&text).contains(anchor);
            assert!(is_there, "{link}");
        }
    }
}

/// The anchors of a page's sections, as GitHub makes them.
fn headings(page: &str) -> BTreeSet<String> {
    let titles = page.lines().filter_map(|line| line.strip_prefix("## "));
    titles
        .map(|title| {
            let mut anchor = title.to_lowercase().replace(' ', "-");
            anchor.retain(|c| c.is_alphanumeric() || c == '-');
            anchor
        })
        .collect()
}

/// The layers of the library, top down, as CONTRIBUTING numbers them.
fn layers() -> Vec<Vec<&'static str>> {
    let list = between(CONTRIBUTING, "none looks up:\n\n", "\n## ");
    list.lines()
        .map(|line| line.split('`').skip(1).step_by(2).collect())
        .collect()
}

/// The code of each module of the library, without its tests.
fn modules() -> Vec<(String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = Vec::new();
    for folder in ["", "json", "transport"] {
        for entry in fs::read_dir(source.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let stem = path.file_stem().unwrap().to_str().unwrap();
            let name = if folder.is_empty() { stem } else { folder };
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            modules.push((name.to_owned(), code.to_owned()));
        }
    }
    modules
}

#[test]
fn a_file_of_the_library_uses_only_files_of_lower_layers() {
    let layers = layers();
    let layer = |module: &str| {
        let found = layers.iter().position(|names| names.contains(&module));
        found.unwrap_or_else(|| panic!("{module} is in no layer"))
    };
    let mut count = 0;
    for (module, code) in modules() {
        if module == "lib" {
            continue;
        }
        for rest in code.split("use crate::").skip(1) {
            let used = rest.split([':', ';']).next().unwrap();
            count += 1;
            let is_pair = ["builder", "client"].contains(&module.as_str())
                && ["builder", "client"].contains(&used);
            assert!(
                used == module || layer(used) > layer(&module) || is_pair,
                "{module} uses {used}"
            );
        }
    }
    assert!(count > 50, "{count} uses");
}
