//! What commands show on a terminal, and what in a pipe.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use tempfile::TempDir;
use tests::{Nats, Program, Redirected, Settings, Terminal, home};

/// Clears the line on which the cursor is: what a bar does to show itself anew.
const CLEAR_LINE: &str = "\u{1b}[2K";

fn lines(count: usize) -> String {
    let line = |number: usize| {
        format!(
            r#"{{"tenant":"demo","event":"message.posted","room":"r1","message":"m{number}","sender":"ann"}}"#
        ) + "\n"
    };
    (1..=count).map(line).collect()
}

fn home_for(nats: &Nats) -> TempDir {
    let home = home();
    Settings::new(nats, &[]).write(&home.path().join("tallymark.toml"));
    home
}

/// Runs it to its end; what standard error was given.
#[track_caller]
fn errors_of(home: &Path, arguments: &[&str], redirected: Redirected<'_>) -> String {
    let (program, input) = Program::start_redirected(home, arguments, redirected);
    drop(input);
    let finished = program.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.printed);
    finished.printed
}

fn is_plain(text: &str) -> bool {
    !text.contains(|character: char| character.is_control() && character != '\n')
}

#[test]
fn publish_shows_a_bar_on_a_terminal_and_lines_elsewhere() {
    let nats = Nats::start();
    let home = home_for(&nats);
    fs::write(home.path().join("events.ndjson"), lines(30_000)).unwrap();
    let arguments = ["publish", "--config", "tallymark.toml", "events.ndjson"];

    let terminal = Terminal::open();
    let redirected = Redirected { errors: Some(terminal.path()), ..Redirected::default() };
    errors_of(home.path(), &arguments, redirected);
    let shown = terminal.shows("30000 lines: 30000 published, 0 duplicates");
    for part in ["░", " %  ", " events, ", "/s  ", " left", CLEAR_LINE, "run "] {
        assert!(shown.contains(part), "no {part:?} in {shown:?}");
    }
    let printed = errors_of(home.path(), &arguments, Redirected::default());
    assert!(printed.contains("30000 lines: 30000 published") && is_plain(&printed), "{printed:?}");
}

/// A pipe tells no size: there is nothing to show a part of.
#[test]
fn publish_shows_what_a_pipe_gave_so_far() {
    let nats = Nats::start();
    let home = home_for(&nats);
    let arguments = ["publish", "--config", "tallymark.toml", "-"];
    let terminal = Terminal::open();
    let redirected = Redirected { errors: Some(terminal.path()), ..Redirected::default() };
    let (program, mut input) = Program::start_redirected(home.path(), &arguments, redirected);
    input.write_all(lines(10).as_bytes()).unwrap();
    let shown = terminal.shows("10 events, ");
    assert!(!shown.contains('%'), "{shown:?}");
    drop(input);
    assert_eq!(program.finish().code, Some(0));

    // Elsewhere a line now and then, each of them ended.
    let errors = home.path().join("errors");
    let redirected = Redirected { errors: Some(&errors), ..Redirected::default() };
    let (program, mut input) = Program::start_redirected(home.path(), &arguments, redirected);
    input.write_all(lines(10).as_bytes()).unwrap();
    tests::until("a line", || {
        let printed = fs::read_to_string(&errors).map_err(|error| error.to_string())?;
        if printed.contains("10 events, ") && is_plain(&printed) { Ok(()) } else { Err(printed) }
    });
    drop(input);
    assert_eq!(program.finish().code, Some(0));
}

#[test]
fn dump_shows_a_bar_unless_its_lines_are_shown() {
    let nats = Nats::start();
    let home = home_for(&nats);
    fs::write(home.path().join("events.ndjson"), lines(20_000)).unwrap();
    errors_of(
        home.path(),
        &["publish", "--config", "tallymark.toml", "events.ndjson"],
        Redirected::default(),
    );
    let arguments = ["dump", "--config", "tallymark.toml"];
    let summary = "sequences 1 to 20000: 20000 events in ";

    let terminal = Terminal::open();
    let output = home.path().join("dumped.ndjson");
    let redirected = Redirected { output: Some(&output), errors: Some(terminal.path()) };
    errors_of(home.path(), &arguments, redirected);
    let shown = terminal.shows(summary);
    for part in [" %  ", " events, ", "/s  ", " left", CLEAR_LINE] {
        assert!(shown.contains(part), "no {part:?} in {shown:?}");
    }
    let dumped = fs::read_to_string(&output).unwrap();
    assert!(is_plain(&dumped) && dumped.lines().count() == 20_000);

    let redirected = Redirected { output: Some(&output), errors: None };
    let printed = errors_of(home.path(), &arguments, redirected);
    assert!(printed.contains(summary) && is_plain(&printed), "{printed:?}");

    // Both on one terminal: the lines, and nothing that would be drawn over them.
    let terminal = Terminal::open();
    let both = Redirected { output: Some(terminal.path()), errors: Some(terminal.path()) };
    errors_of(home.path(), &[&arguments[..], &["--until-seq", "3"]].concat(), both);
    let shown = terminal.shows("3 events in ");
    assert!(shown.contains("\"message\":\"m3\"") && is_plain(&shown.replace('\r', "")), "{shown:?}");
}
