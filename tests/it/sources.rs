//! Where the library finds a credential, and what it says where there is none.

use crate::server::{ORIGINAL_LIST, Server, ok};
use crate::support::{Folder, is_own_process, rerun_in_subprocess};
use turso_api_tokens::{Client, Credential, CredentialSource, Error};

/// The text of a credential, as a server gets it.
fn text(credential: Credential) -> String {
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let builder = Client::builder(credential).base_url(&server.url());
    builder.build().unwrap().list().unwrap();
    let request = server.requests().remove(0);
    let (_, rest) = request.split_once("authorization: Bearer ").unwrap();
    rest.split_once("\r\n").unwrap().0.to_owned()
}

fn source(credential: &Credential) -> CredentialSource {
    credential.source().unwrap().clone()
}

/// A folder with a login of the turso CLI.
fn login(token: &str) -> Folder {
    let folder = Folder::new();
    folder.write("settings.json", format!(r#"{{"token":"{token}"}}"#));
    folder
}

#[test]
fn from_env_reads_turso_api_token_before_turso_token() {
    let test = || {
        let credential = Credential::from_env().unwrap();
        assert_eq!(
            source(&credential),
            CredentialSource::Variable("TURSO_API_TOKEN")
        );
        assert_eq!(text(credential), "first");
    };
    if is_own_process() {
        return test();
    }
    rerun_in_subprocess(
        &test,
        &[("TURSO_API_TOKEN", "first"), ("TURSO_TOKEN", "second")],
    );
}

#[test]
fn from_env_reads_turso_token_if_there_is_no_turso_api_token() {
    let test = || {
        let credential = Credential::from_env().unwrap();
        assert_eq!(
            source(&credential),
            CredentialSource::Variable("TURSO_TOKEN")
        );
        assert_eq!(text(credential), "second");
    };
    if is_own_process() {
        return test();
    }
    rerun_in_subprocess(&test, &[("TURSO_TOKEN", "second")]);
}

#[test]
fn from_env_does_not_read_the_login_and_names_both_variables() {
    let test = || {
        let error = Credential::from_env().unwrap_err();
        assert!(matches!(error, Error::Credential { .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            "no credential: TURSO_API_TOKEN and TURSO_TOKEN are not set"
        );
    };
    if is_own_process() {
        return test();
    }
    let folder = login("login");
    rerun_in_subprocess(&test, &[("TURSO_CONFIG_FOLDER", &folder.path())]);
}

#[test]
fn from_turso_cli_reads_the_login_though_there_is_a_variable() {
    let test = || {
        let credential = Credential::from_turso_cli().unwrap();
        let CredentialSource::TursoCli(path) = source(&credential) else {
            panic!("{credential:?}")
        };
        assert!(path.ends_with("settings.json"), "{path:?}");
        assert_eq!(text(credential), "login");
    };
    if is_own_process() {
        return test();
    }
    let folder = login("login");
    let variables = [
        ("TURSO_CONFIG_FOLDER", &*folder.path()),
        ("TURSO_API_TOKEN", "variable"),
    ];
    rerun_in_subprocess(&test, &variables);
}

#[test]
fn from_turso_cli_names_the_file_without_a_login_and_how_to_log_in() {
    let test = || {
        let folder = std::env::var("TURSO_CONFIG_FOLDER").unwrap();
        let path = std::path::Path::new(&folder).join("settings.json");
        let error = Credential::from_turso_cli().unwrap_err();
        assert!(matches!(error, Error::Credential { .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "no credential: there is no login of the turso CLI in {}; run `turso auth login`",
                path.display()
            )
        );
    };
    if is_own_process() {
        return test();
    }
    let (empty, logged_out) = (Folder::new(), login(""));
    let a_file = empty.write("a-file", "");
    for folder in [empty.path(), logged_out.path(), a_file] {
        rerun_in_subprocess(&test, &[("TURSO_CONFIG_FOLDER", &folder)]);
    }
}

#[test]
fn discover_tries_the_environment_before_the_login() {
    let test = || {
        let credential = Credential::discover().unwrap();
        assert_eq!(
            source(&credential),
            CredentialSource::Variable("TURSO_TOKEN")
        );
        assert_eq!(text(credential), "variable");
    };
    if is_own_process() {
        return test();
    }
    let folder = login("login");
    let variables = [
        ("TURSO_CONFIG_FOLDER", &*folder.path()),
        ("TURSO_TOKEN", "variable"),
    ];
    rerun_in_subprocess(&test, &variables);
}

#[test]
fn discover_finds_the_login_where_there_is_no_variable() {
    let test = || {
        let credential = Credential::discover().unwrap();
        assert!(
            matches!(source(&credential), CredentialSource::TursoCli(_)),
            "{credential:?}"
        );
        assert_eq!(text(credential), "login");
    };
    if is_own_process() {
        return test();
    }
    let folder = login("login");
    rerun_in_subprocess(&test, &[("TURSO_CONFIG_FOLDER", &folder.path())]);
}

#[test]
fn discover_names_every_place_it_looked_in() {
    let test = || {
        let folder = std::env::var("TURSO_CONFIG_FOLDER").unwrap();
        let path = std::path::Path::new(&folder).join("settings.json");
        let error = Credential::discover().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "no credential: TURSO_API_TOKEN and TURSO_TOKEN are not set, and there is no login of the turso CLI in \
                 {}; set TURSO_API_TOKEN or run `turso auth login`",
                path.display()
            )
        );
    };
    if is_own_process() {
        return test();
    }
    let folder = Folder::new();
    rerun_in_subprocess(&test, &[("TURSO_CONFIG_FOLDER", &folder.path())]);
}

#[test]
fn from_file_and_from_reader_say_where_they_found_it() {
    let folder = Folder::new();
    let path = folder.write("token", "from-file\n");
    let credential = Credential::from_file(&path).unwrap();
    assert_eq!(
        source(&credential),
        CredentialSource::File(path.clone().into())
    );
    assert_eq!(text(credential), "from-file");

    let credential = Credential::from_reader(&b"from-reader\n"[..], "the vault").unwrap();
    let named = CredentialSource::Named("the vault".to_owned());
    assert_eq!(source(&credential), named);
    assert_eq!(text(credential), "from-reader");

    assert!(Credential::new("from-text").unwrap().source().is_none());
}

#[test]
fn a_login_whose_folder_looks_like_a_credential_is_named_without_it() {
    let test = || {
        let error = Credential::from_turso_cli().unwrap_err();
        let expected = std::path::Path::new("nowhere")
            .join("***")
            .join("settings.json");
        assert_eq!(
            error.to_string(),
            format!(
                "no credential: there is no login of the turso CLI in {}; run `turso auth login`",
                expected.display()
            )
        );
    };
    if is_own_process() {
        return test();
    }
    let folder = std::path::Path::new("nowhere").join("eyJhbGciOiJFZERTQSJ9");
    let folder = folder.to_str().unwrap();
    rerun_in_subprocess(&test, &[("TURSO_CONFIG_FOLDER", folder)]);
}
