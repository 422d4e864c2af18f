//! `tallymark publish`: what is in the stream afterwards.

use std::fs;
use std::io::Write;

use events::{Kind, Prefix, Subject};
use tests::{Finished, Nats, Program, Settings, home, until};
use xtask::Options;

/// A directory with a settings file for that server.
struct Publisher {
    home: tempfile::TempDir,
}

impl Publisher {
    fn new(nats: &Nats) -> Self {
        let home = home();
        Settings::new(nats, &[]).write(&home.path().join("tallymark.toml"));
        Self { home }
    }

    /// Publishes these lines from a file.
    #[track_caller]
    fn publish(&self, arguments: &[&str], lines: &str) -> Finished {
        self.start(arguments, lines).finish()
    }

    fn start(&self, arguments: &[&str], lines: &str) -> Program {
        fs::write(self.home.path().join("events.ndjson"), lines).unwrap();
        let arguments = [&["publish", "--config", "tallymark.toml"], arguments, &["events.ndjson"]].concat();
        Program::start(self.home.path(), &arguments)
    }
}

fn line(number: usize) -> String {
    format!(
        r#"{{"tenant":"demo","event":"message.posted","room":"r{}","message":"m{number}","sender":"ann"}}"#,
        number % 7
    )
}

fn lines(count: usize) -> String {
    (1..=count).map(|number| line(number) + "\n").collect()
}

/// The numbers of the lines that the stream holds, in its order.
fn stored(nats: &Nats) -> Vec<usize> {
    let prefix = Prefix::new("chat").unwrap();
    let messages = nats.messages(Nats::STREAM);
    let numbers = messages.iter().map(|message| {
        let Subject::Event { tenant, kind: Kind::MessagePosted } = prefix.parse(&message.subject) else {
            panic!("{message:?}")
        };
        assert_eq!(tenant.as_str(), "demo");
        match events::decode(Kind::MessagePosted, &message.body).unwrap() {
            events::Body::MessagePosted(posted) => posted.message[1..].parse().unwrap(),
            other => panic!("{other:?}"),
        }
    });
    numbers.collect()
}

#[test]
fn lines_are_stored_once_in_their_order() {
    let nats = Nats::start();
    let publisher = Publisher::new(&nats);
    let all: Vec<usize> = (1..=20_000).collect();

    let first = publisher.publish(&["--run", "first"], &lines(12_000));
    assert_eq!(first.code, Some(0), "{}", first.printed);
    assert_eq!(stored(&nats), all[..12_000]);
    // Resumed, the same run stores only what is missing.
    let resumed = publisher.publish(&["--run", "first"], &lines(20_000));
    assert_eq!(resumed.code, Some(0), "{}", resumed.printed);
    assert!(resumed.printed.contains("8000 published, 12000 duplicates"), "{}", resumed.printed);
    assert_eq!(stored(&nats), all);

    // Another run is other events, from wherever they come.
    let arguments = ["publish", "--config", "tallymark.toml", "-"];
    let (piped, mut pipe) = Program::start_with_pipe(publisher.home.path(), &arguments);
    pipe.write_all(lines(500).as_bytes()).unwrap();
    drop(pipe);
    let piped = piped.finish();
    assert_eq!(piped.code, Some(0), "{}", piped.printed);
    assert_eq!(stored(&nats), [&all[..], &all[..500]].concat());
}

#[test]
fn an_invalid_line_is_named_and_stops_or_is_skipped() {
    let nats = Nats::start();
    let publisher = Publisher::new(&nats);
    let text =
        [&line(1), &line(2), r#"{"tenant":"demo","event":"room.gone","room":"r1"}"#, &line(4)].join("\n");

    let stopped = publisher.publish(&["--run", "run"], &text);
    assert_eq!(stopped.code, Some(1), "{}", stopped.printed);
    assert!(
        stopped.printed.contains("line 3: ") && stopped.printed.contains("room.gone"),
        "{}",
        stopped.printed
    );
    assert_eq!(stored(&nats), [1, 2]);

    let skipped = publisher.publish(&["--run", "run", "--skip-invalid"], &text);
    assert_eq!(skipped.code, Some(0), "{}", skipped.printed);
    assert!(skipped.printed.contains("line 3 skipped: "), "{}", skipped.printed);
    assert_eq!(stored(&nats), [1, 2, 4]);
}

#[test]
fn a_stream_that_is_not_there_is_named() {
    let nats = Nats::without_streams(&Options::default());
    let refused = Publisher::new(&nats).publish(&[], &lines(3));
    assert_eq!(refused.code, Some(1), "{}", refused.printed);
    for part in ["line 1: no stream takes its subject", "\"CHAT\"", "chat.>", "nats.create_stream"] {
        assert!(refused.printed.contains(part), "no {part} in {}", refused.printed);
    }
}

/// Stops the server in the middle of publishing, twice, in that way, and starts it again.
fn publish_through(stop: impl Fn(&mut Nats)) -> (Nats, usize, Finished) {
    let count = 100_000;
    let mut nats = Nats::start();
    let publisher = Publisher::new(&nats);
    let mut publishing = publisher.start(&["--run", "run"], &lines(count));
    for stopped_at in [20_000, 50_000] {
        until("half of the lines", || {
            publishing.must_run();
            let last = nats.last_sequence(Nats::STREAM);
            if last >= stopped_at { Ok(()) } else { Err(last) }
        });
        stop(&mut nats);
        publishing.must_run();
        nats.restart();
    }
    let finished = publishing.finish();
    (nats, count, finished)
}

#[test]
fn a_server_restarted_meanwhile_costs_no_line_and_no_order() {
    let (nats, count, finished) = publish_through(|_| {});
    assert_eq!(finished.code, Some(0), "{}", finished.printed);
    assert_eq!(stored(&nats), (1..=count).collect::<Vec<_>>());
}

/// A killed server may have lost what it had acknowledged, and give its sequences away again. Then
/// the order can't be kept, and that is said.
#[test]
fn a_server_killed_meanwhile_costs_no_order_unseen() {
    let (nats, count, finished) = publish_through(Nats::kill);
    if finished.code == Some(0) {
        assert_eq!(stored(&nats), (1..=count).collect::<Vec<_>>());
    } else {
        assert_eq!(finished.code, Some(1), "{}", finished.printed);
        let names_both = finished.printed.contains("the order on the stream is broken")
            && finished.printed.matches("line ").count() >= 2;
        assert!(names_both, "{}", finished.printed);
    }
}
