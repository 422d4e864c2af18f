//! `tallymark dump`: what it writes is what `publish` takes.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use oracle::history::Variant;
use tests::{Finished, Nats, Program, Recount, Redirected, Service, Settings, home, until};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use xtask::Signal;

use crate::random_histories::{check, full_history, messages, settings};
use crate::recovery::digest;
use crate::stream_identity::POSTED;

/// A directory with a settings file for that server.
fn home_for(nats: &Nats) -> tempfile::TempDir {
    let home = home();
    Settings::new(nats, &[]).write(&home.path().join("tallymark.toml"));
    home
}

fn dump(nats: &Nats, arguments: &[&str]) -> (Finished, String) {
    let home = home_for(nats);
    let arguments = [&["dump", "--config", "tallymark.toml"], arguments].concat();
    let (finished, output) = Program::run_apart(home.path(), &arguments, b"");
    (finished, String::from_utf8(output).unwrap())
}

/// The messages of the lines.
fn named(lines: &str) -> Vec<String> {
    let name = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["message"].as_str().unwrap().to_owned()
    };
    lines.lines().map(name).collect()
}

fn post(nats: &Nats, tenant: &str, message: &str, more: &str) -> u64 {
    let body = format!(r#"{{"room":"r1","message":"{message}","sender":"ann"{more}}}"#);
    nats.publish(&format!("chat.{tenant}.message.posted"), body)
}

/// A history is counted, dumped, published to another server and counted there.
fn round_trip(variant: Variant) {
    let history = full_history(11, 2_000, variant);
    let first = Nats::start();
    let mut service = Service::start(settings(&first, &history));
    let mut recount = Recount::new(history.policies);
    for (event, _) in &history.events {
        recount.hear(event);
    }
    let (front, back) = history.events.split_at(1_000);
    assert_eq!((front.len(), back.len()), (1_000, 1_000));
    let messages = messages(&history);
    first.publish_all(messages[..1_000].iter().cloned());
    // What is no event leaves no trace, and neither does a sender's clock that is ahead.
    first.publish(POSTED, "{");
    first.publish("chat.demo.room.gone", "{}");
    for at in [0, 1, u64::from(u32::MAX), (1 << 53) - 1] {
        post(&first, "t1", &format!("at {at}"), &format!(r#","at":{at}"#));
    }
    first.publish_all(messages[1_000..].iter().cloned());
    let counted = first.last_sequence(Nats::STREAM);
    service.applied(counted);
    let counted = digest(&service, counted);

    let (dumped, lines) = dump(&first, &[]);
    assert_eq!(dumped.code, Some(0), "{}", dumped.printed);
    assert!(
        dumped.printed.contains("sequences 1 to 2006: 2004 events, 2 malformed in "),
        "{}",
        dumped.printed
    );
    assert!(dumped.printed.contains("sequence 1001 passed over, undecodable: "), "{}", dumped.printed);
    for line in lines.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["at"].is_u64(), line["event"] == "message.posted", "{line}");
    }

    let second = Nats::start();
    let home = home_for(&second);
    let arguments = ["publish", "--config", "tallymark.toml", "-"];
    let (published, _) = Program::run_apart(home.path(), &arguments, lines.as_bytes());
    assert_eq!(published.code, Some(0), "{}", published.printed);
    let mut again = Service::start(settings(&second, &history));
    let last = second.last_sequence(Nats::STREAM);
    assert_eq!(last, 2_004);
    again.applied(last);
    again.ready();
    assert_eq!(digest(&again, last), counted);
    // The digest says that nothing differs from the first count, the judge that something was counted. The four posts
    // that the judge has not heard are of a room that nobody is in.
    check(&recount, &again);
}

#[test]
fn what_is_published_again_counts_the_same() {
    round_trip(Variant::Default);
}

#[test]
fn what_is_published_again_counts_the_same_with_a_small_window() {
    round_trip(Variant::SmallWindow);
}

#[test]
fn a_part_of_the_stream_can_be_asked_for() {
    let nats = Nats::without_streams(&xtask::Options::default());
    nats.create_stream(Nats::STREAM, &["chat.>", "elsewhere"]);
    for number in 1..=12 {
        post(&nats, if number % 3 == 0 { "other" } else { "demo" }, &format!("m{number}"), "");
    }
    nats.publish("elsewhere", "{}");
    nats.delete_message(Nats::STREAM, 5);
    let parts = |arguments: &[&str]| {
        let (finished, lines) = dump(&nats, arguments);
        assert_eq!(finished.code, Some(0), "{}", finished.printed);
        (finished.printed, named(&lines).join(" "))
    };
    let check = |arguments: &[&str], expected: &str, said: &str| {
        let (printed, found) = parts(arguments);
        assert_eq!(found, expected, "{arguments:?}");
        assert!(printed.contains(said), "{printed}");
    };
    check(&["--from-seq", "10"], "m10 m11 m12", "sequences 10 to 13: 3 events, 1 outside the prefix in");
    check(&["--until-seq", "2"], "m1 m2", "sequences 1 to 2: 2 events in");
    check(&["--from-seq", "4", "--until-seq", "6"], "m4 m6", "the stream has no sequences 5 to 5");
    check(&["--from-seq", "14"], "", "nothing: 0 events");
    let tenant = ["--tenant", "other", "--until-seq", "6"];
    check(&tenant, "m3 m6", "2 events, 3 of other tenants, 1 missing in the stream");
    check(&["--until-time", "1970-01-01T00:00:00Z"], "", "nothing");
    check(&["--from-time", "2100-01-01T00:00:00Z"], "", "nothing");
    let all = "m1 m2 m3 m4 m6 m7 m8 m9 m10 m11 m12";
    check(&["--from-time", "1970-01-01T00:00:00Z", "--until-time", "2100-01-01T00:00:00Z"], all, "11 events");
    nats.purge_before(Nats::STREAM, 11);
    check(&["--from-seq", "3"], "m11 m12", "the stream has no sequences 3 to 10");
    // Without a wish for more, it begins where the stream does.
    check(&[], "m11 m12", "sequences 11 to 13: 2 events");
}

#[test]
fn times_include_what_was_stored_then() {
    let nats = Nats::start();
    let mut stored_ms = Vec::new();
    for number in 0..6 {
        let sequence = post(&nats, "demo", &format!("m{number}"), "");
        let now = nats.messages_from(Nats::STREAM, sequence)[0].stored_ms;
        stored_ms.push(now);
        // Each in a millisecond of its own.
        until("the next millisecond", || {
            let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            if time > u128::from(now) { Ok(()) } else { Err(time) }
        });
    }
    let time = |place: usize| {
        let nanoseconds = i128::from(stored_ms[place]) * 1_000_000;
        let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap();
        time.format(&Rfc3339).unwrap()
    };
    let (finished, lines) = dump(&nats, &["--from-time", &time(2), "--until-time", &time(4)]);
    assert_eq!(finished.code, Some(0), "{}", finished.printed);
    assert_eq!(named(&lines), ["m2", "m3", "m4"]);
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let nats = Nats::start();
    nats.publish_all((0..20_000).map(|number| {
        (POSTED.to_owned(), format!(r#"{{"room":"r","message":"{number}","sender":"a"}}"#).into())
    }));
    let home = home_for(&nats);
    let pipe = home.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let arguments = ["dump", "--config", "tallymark.toml"];
    // Opening a pipe waits for its other end.
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::File::open(pipe).unwrap())
    };
    let redirected = Redirected { output: Some(&pipe), ..Redirected::default() };
    let (program, _input) = Program::start_redirected(home.path(), &arguments, redirected);
    drop(reader.join().unwrap());
    let finished = program.finish();
    assert_eq!((finished.code, finished.printed.as_str()), (Some(0), ""));

    // One that takes nothing more does not keep it from being stopped.
    let reader = {
        let pipe = pipe.clone();
        std::thread::spawn(move || fs::File::open(pipe).unwrap())
    };
    let (mut program, _input) = Program::start_redirected(home.path(), &arguments, redirected);
    let reader = reader.join().unwrap();
    let (mut before, mut looks) = (0, 0);
    until("a full pipe", || {
        let waiting = rustix::io::ioctl_fionread(&reader).unwrap();
        looks = if waiting == before && waiting > 30_000 { looks + 1 } else { 0 };
        before = waiting;
        if looks == 20 { Ok(()) } else { Err(waiting) }
    });
    program.signal(Signal::INT);
    let finished = program.finish();
    assert_eq!(finished.code, Some(1), "{}", finished.printed);
    assert!(
        finished.printed.contains("takes nothing more: the last lines may be missing"),
        "{}",
        finished.printed
    );
}

#[test]
fn a_stream_that_is_not_there_is_named() {
    let nats = Nats::without_streams(&xtask::Options::default());
    let (finished, lines) = dump(&nats, &[]);
    assert_eq!((finished.code, lines.as_str()), (Some(1), ""));
    assert!(finished.printed.contains("there is no stream \"CHAT\""), "{}", finished.printed);
}
