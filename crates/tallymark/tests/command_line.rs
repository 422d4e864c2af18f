//! The executable from outside: what it prints, where, and with which exit status.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::fs;
use std::process::{Command, Output};

/// Runs the executable in an empty directory, with no environment but the variables given.
fn tallymark(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("typo.toml"), "[nats]\n\nstrem = 'X'\n").unwrap();
    fs::write(directory.path().join("one.ndjson"), "\n").unwrap();
    Command::new(env!("CARGO_BIN_EXE_tallymark"))
        .args(arguments)
        .current_dir(&directory)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// The command ends with this status, and its standard error has these texts.
fn check(arguments: &[&str], environment: &[(&str, &str)], status: i32, texts: &[&str]) {
    let output = tallymark(arguments, environment);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{arguments:?}\n{errors}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert!(!errors.contains("hunter2"), "{arguments:?} shows a password:\n{errors}");
    for text in texts {
        assert!(errors.contains(text), "{arguments:?}: no `{text}` in\n{errors}");
    }
}

/// The command ends well with nothing on standard error; this is what it prints.
fn printed(arguments: &[&str]) -> String {
    let output = tallymark(arguments, &[]);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn version_and_help_go_to_standard_output() {
    assert_eq!(printed(&["--version"]), concat!("tallymark ", env!("CARGO_PKG_VERSION"), "\n"));
    for arguments in [
        &["--help"] as &[_],
        &["serve", "--help"],
        &["publish", "--help"],
        &["config", "--help"],
        &["config", "default", "--help"],
    ] {
        let help = printed(arguments);
        assert!(help.contains("Example"), "{arguments:?} without an example:\n{help}");
    }
}

/// The golden file is what users start from, so a change of it is worth a look. To accept one:
/// `tallymark config default > crates/tallymark/tests/default.toml`.
#[test]
fn config_default_prints_the_golden_file() {
    assert_eq!(printed(&["config", "default"]), include_str!("default.toml"));
}

#[test]
fn wrong_usage_is_status_2() {
    check(&[], &[], 2, &["Usage: tallymark <COMMAND>"]);
    check(&["server"], &[], 2, &["unrecognized subcommand 'server'", "'serve'"]);
    check(&["serve", "--confg", "x"], &[], 2, &["unexpected argument '--confg'", "'--config'"]);
    check(&["config"], &[], 2, &["default"]);
    check(&["publish"], &[], 2, &["<FILE|->"]);
    check(&["publish", "--run", "a b", "x"], &[], 2, &["'a b'", "printable ASCII"]);
    check(&["publish", "--from", "0", "x"], &[], 2, &["'0'", "--from"]);
}

#[test]
fn wrong_settings_are_status_2_in_every_subcommand_that_reads_them() {
    for subcommand in [&["serve"] as &[_], &["publish", "one.ndjson"]] {
        let with = |more: &[&'static str]| [subcommand, more].concat();
        let typo = "typo.toml:3: nats.strem is not a setting; did you mean nats.stream?";
        check(&with(&["--config", "typo.toml"]), &[], 2, &[typo]);
        check(&with(&["--config", "no.toml"]), &[], 2, &["no.toml: the settings file can't be read"]);
        let variable = ("TALLYMARK_NATS_URL", "nats://a");
        check(&with(&[]), &[variable], 2, &["did you mean TALLYMARK_NATS__URL?"]);
        let value = ("TALLYMARK_HTTP__LISTEN", "8080");
        let problem = "TALLYMARK_HTTP__LISTEN: http.listen is \"8080\", expected an IP address and a port";
        check(&with(&[]), &[value], 2, &[problem]);
    }
    let creds = ("NATS_CREDS", "no.creds");
    check(&["publish", "one.ndjson"], &[creds], 2, &["nats.creds is \"no.creds\"", "No such file"]);
}

#[test]
fn what_can_not_be_done_is_status_1() {
    check(&["publish", "no.ndjson"], &[], 1, &["can't open no.ndjson", "No such file"]);
    // Nothing listens on port 1.
    let url = ("NATS_URL", "nats://ann:hunter2@127.0.0.1:1");
    check(&["publish", "one.ndjson"], &[url], 1, &["can't connect to NATS at nats://127.0.0.1:1 "]);
}
