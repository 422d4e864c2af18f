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
    for command in COMMANDS {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let help = printed(&arguments);
        let examples = help.split("Example").nth(1).unwrap_or_default();
        let named = format!("tallymark {command}");
        assert!(examples.contains(named.trim()), "no example of `{named}`:\n{help}");
        assert!(help.contains("Usage: "), "{help}");
    }
}

/// Every command and subcommand: what is missing here is missing in no help, which the next test sees.
const COMMANDS: [&str; 24] = [
    "",
    "serve",
    "publish",
    "rebuild",
    "generations",
    "generations list",
    "generations activate",
    "generations rollback",
    "generations remove",
    "snapshot",
    "snapshot create",
    "snapshot list",
    "snapshot inspect",
    "snapshot restore",
    "status",
    "verify",
    "explain",
    "dump",
    "dead-letters",
    "dead-letters list",
    "dead-letters show",
    "dead-letters requeue",
    "config",
    "config default",
];

/// The commands that help names below this one.
fn named_in_help(command: &str) -> Vec<String> {
    let mut arguments: Vec<&str> = command.split_whitespace().collect();
    arguments.push("--help");
    let help = printed(&arguments);
    let Some((_, commands)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(|name| format!("{command} {name}").trim().to_owned()).collect()
}

#[test]
fn every_command_is_in_the_table_of_commands() {
    let mut found = vec![String::new()];
    let mut place = 0;
    while let Some(command) = found.get(place) {
        found.extend(named_in_help(command));
        place += 1;
    }
    found.sort();
    let mut known = COMMANDS.map(str::to_owned).to_vec();
    known.sort();
    assert_eq!(found, known);
}

/// The golden file is what users start from, so a change of it is worth a look. To accept one:
/// `tallymark config default > crates/tallymark/tests/default.toml`.
#[test]
fn config_default_prints_the_golden_file() {
    assert_eq!(printed(&["config", "default"]), include_str!("default.toml"));
}

/// One line a case: the arguments | what standard error has, with status 2.
#[track_caller]
fn wrong_usage(table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (arguments, texts) = line.split_once('|').unwrap();
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let texts: Vec<&str> = texts.split(" & ").map(str::trim).collect();
        check(&arguments, &[], 2, &texts);
    }
}

#[test]
fn wrong_usage_is_status_2() {
    check(&["publish", "--run", "a b", "x"], &[], 2, &["'a b'", "printable ASCII"]);
    wrong_usage(
        "
                                      | Usage: tallymark <COMMAND>
        config                        | Usage: tallymark config <COMMAND> & default
        dead-letters                  | Usage: tallymark dead-letters [OPTIONS] <COMMAND> & requeue
        publish                       | <FILE|->
        publish --from 0 x            | '0' & --from
        dump --from-seq x             | 'x' & --from-seq
        dump --from-seq -1            | '-1'
        dump --from-time yesterday    | 'yesterday' & expected a time such as 2026-01-31T08:00:00Z
        dump --until-time 2026-01-31  | '2026-01-31' & expected a time such as 2026-01-31T08:00:00Z
        dump --from-seq 1 --from-time 2026-01-31T08:00:00Z   | cannot be used with
        dump --until-seq 1 --until-time 2026-01-31T08:00:00Z | cannot be used with
        dump --tenant a.b             | 'a.b' & --tenant
        dump events.ndjson            | unexpected argument 'events.ndjson'
        dead-letters list --limit 0   | '0' & --limit
        dead-letters list --tenant a. | 'a.' & --tenant
        dead-letters show             | <SEQUENCE>
        dead-letters show 0           | '0' & SEQUENCE
        dead-letters show 1 --json --body | cannot be used with
        dead-letters requeue          | <SEQUENCE>
        dead-letters requeue 1 --force | unexpected argument '--force'
        ",
    );
}

#[test]
fn a_wrong_name_gets_a_suggestion() {
    wrong_usage(
        "
        server                      | unrecognized subcommand 'server' & similar & 'serve'
        publsh                      | unrecognized subcommand 'publsh' & similar & 'publish'
        dmp                         | unrecognized subcommand 'dmp' & similar & 'dump'
        deadletters                 | unrecognized subcommand 'deadletters' & similar & 'dead-letters'
        dead-letters lst            | unrecognized subcommand 'lst' & similar & 'list'
        dead-letters shwo 1         | unrecognized subcommand 'shwo' & similar & 'show'
        dead-letters requeu 1       | unrecognized subcommand 'requeu' & similar & 'requeue'
        config defaults             | unrecognized subcommand 'defaults' & similar & 'default'
        serve --confg x             | unexpected argument '--confg' & similar & '--config'
        publish --form 3 x          | unexpected argument '--form' & similar & '--from'
        publish --skip-invald x     | unexpected argument '--skip-invald' & similar & '--skip-invalid'
        dump --from-sequence 3      | unexpected argument '--from-sequence' & similar & '--from-seq'
        dump --until-tme x          | unexpected argument '--until-tme' & similar & '--until-time'
        dump --tenat demo           | unexpected argument '--tenat' & similar & '--tenant'
        dead-letters list --jsn     | unexpected argument '--jsn' & similar & '--json'
        dead-letters list --reason missing-field | invalid value 'missing-field' & similar & 'missing_field' & possible values
        dead-letters show 1 --boddy | unexpected argument '--boddy' & similar & '--body'
        dead-letters requeue 1 --boy x | unexpected argument '--boy' & similar & '--body'
        ",
    );
}

#[test]
fn wrong_settings_are_status_2_in_every_subcommand_that_reads_them() {
    for subcommand in [
        &["serve"] as &[_],
        &["publish", "one.ndjson"],
        &["dump"],
        &["dead-letters", "list"],
        &["dead-letters", "show", "1"],
        &["dead-letters", "requeue", "1"],
    ] {
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
    for arguments in [&["publish", "one.ndjson"] as &[_], &["dump"], &["dead-letters", "list"]] {
        check(arguments, &[url], 1, &["can't connect to NATS at nats://127.0.0.1:1 "]);
    }
}
