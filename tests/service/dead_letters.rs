//! `tallymark dead-letters`: what became of malformed events, and how they are counted after all.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use tests::{Finished, Nats, Program, Service, Settings, home, until};

use crate::stream_identity::{POSTED, posts};

/// A service with malformed events behind it, and the place of the commands.
struct Scene {
    nats: Nats,
    service: Service,
    home: TempDir,
}

impl Scene {
    /// Four letters: a field is missing, the body is no text, it is longer than a copy may be, the kind is unknown.
    fn new() -> Self {
        let nats = Nats::start();
        posts(&nats, 1);
        let mut service = Service::start(Settings::new(&nats, &["demo"]));
        nats.publish(POSTED, r#"{"room":"r1","message":"late"}"#);
        nats.publish("chat.other.room.left", &b"\xff\x00"[..]);
        let long =
            format!(r#"{{"room":"r1","message":"long","sender":"ann","more":"{}"}} ?"#, "x".repeat(70_000));
        nats.publish(POSTED, long);
        nats.publish("chat.demo.room.gone", "{}");
        service.applied(6);
        service.ready();
        until("four dead letters", || match nats.count(Nats::DEAD) {
            4 => Ok(()),
            count => Err(count),
        });
        let home = home();
        Settings::new(&nats, &[]).write(&home.path().join("tallymark.toml"));
        Self { nats, service, home }
    }

    fn run(&self, arguments: &[&str], input: &str) -> (Finished, String) {
        let arguments = [&["dead-letters"], arguments, &["--config", "tallymark.toml"]].concat();
        let (finished, output) = Program::run_apart(self.home.path(), &arguments, input.as_bytes());
        (finished, String::from_utf8_lossy(&output).into_owned())
    }

    /// The command ends well; its output.
    #[track_caller]
    fn done(&self, arguments: &[&str], input: &str) -> String {
        let (finished, output) = self.run(arguments, input);
        assert_eq!(finished.code, Some(0), "{}", finished.printed);
        output
    }

    /// The command fails and says this, and nothing is published.
    #[track_caller]
    fn refused(&self, arguments: &[&str], input: &str, expected: &str) {
        let before = self.nats.last_sequence(Nats::STREAM);
        let (finished, output) = self.run(arguments, input);
        assert_eq!((finished.code, output.as_str()), (Some(1), ""), "{}", finished.printed);
        assert!(finished.printed.contains(expected), "{}", finished.printed);
        assert_eq!(self.nats.last_sequence(Nats::STREAM), before);
    }

    /// The sequences of the letters that are listed.
    #[track_caller]
    fn listed(&self, arguments: &[&str]) -> Vec<u64> {
        let listed = self.done(&[&["list", "--json"], arguments].concat(), "");
        let lines = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| line["sequence"].as_u64().unwrap()).collect()
    }

    #[track_caller]
    fn badge(&mut self, sequence: u64) -> u64 {
        self.service.applied(sequence);
        self.service.badge("demo", "bob", &[]).count
    }
}

#[test]
fn letters_are_listed_and_shown() {
    let scene = Scene::new();
    assert_eq!(scene.listed(&[]), [1, 2, 3, 4]);
    assert_eq!(scene.listed(&["--limit", "2"]), [3, 4]);
    assert_eq!(scene.listed(&["--tenant", "demo"]), [1, 3, 4]);
    assert_eq!(scene.listed(&["--tenant", "demo", "--reason", "missing_field"]), [1]);
    assert_eq!(scene.listed(&["--tenant", "nobody"]), [0_u64; 0]);
    let table = scene.done(&["list"], "");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..3], ["SEQUENCE", "STORED", "SUBJECT"]);
    assert_eq!(rows[1][2..6], [POSTED, "missing_field", "3", "30"]);
    assert_eq!(rows.len(), 5);
    let (limited, _) = scene.run(&["list", "--limit", "1"], "");
    assert!(limited.printed.contains("3 older ones are not shown"), "{}", limited.printed);

    let shown = scene.done(&["show", "1"], "");
    assert!(shown.ends_with("body\n{\"room\":\"r1\",\"message\":\"late\"}\n"), "{shown}");
    assert!(scene.done(&["show", "2"], "").ends_with("body (hexadecimal)\nff00\n"));
    assert_eq!(scene.done(&["show", "1", "--body"], ""), r#"{"room":"r1","message":"late"}"#);
    let json: Value = serde_json::from_str(&scene.done(&["show", "3", "--json"], "")).unwrap();
    assert_eq!((&json["cut"], json["body"].as_str().unwrap().len()), (&Value::Bool(true), 65_536));
    scene.refused(
        &["show", "5"],
        "",
        "there is no dead letter 5 in the stream \"CHAT_DEAD\", which has 1 to 4",
    );
}

#[test]
fn a_corrected_letter_is_counted() {
    let mut scene = Scene::new();
    assert_eq!(scene.badge(6), 1);
    scene.refused(
        &["requeue", "1"],
        "",
        "it would be malformed again: message.posted: field `sender` is missing",
    );
    let wrong = r#"{"room":"r1","message":"late","sender":""}"#;
    scene.refused(&["requeue", "1", "--body", "-"], wrong, "it would be malformed again: ");
    let right = r#"{"room":"r1","message":"late","sender":"ann"}"#;
    let done = scene.done(&["requeue", "1", "--body", "-"], right);
    assert_eq!(done, "dead letter 1: published, as sequence 7 of CHAT\n");
    assert_eq!(scene.badge(7), 2);
    let again = scene.done(&["requeue", "1", "--body", "-"], right);
    assert_eq!(again, "dead letter 1: was already there, as sequence 7 of CHAT\n");
    assert_eq!(scene.nats.last_sequence(Nats::STREAM), 7);
    // The letter stays, and is copied no second time.
    assert_eq!(scene.listed(&[]), [1, 2, 3, 4]);

    scene.refused(&["requeue", "3"], "", "the copy is cut: it has 65536 of ");
    fs::write(scene.home.path().join("whole.json"), right.replace("late", "long")).unwrap();
    scene.done(&["requeue", "3", "--body", "whole.json"], "");
    assert_eq!(scene.badge(8), 3);
    scene.refused(&["requeue", "4"], "", "malformed again, whatever its body: the kind \"room.gone\"");
    scene.refused(&["requeue", "4", "--body", "-"], right, "malformed again, whatever its body");
    scene.refused(&["requeue", "9"], "", "there is no dead letter 9");
    scene.refused(&["requeue", "1", "--body", "none.json"], "", "can't read none.json");
}

/// A body that was malformed for an older version, or by a mistake of ours, needs no correction.
#[test]
fn a_letter_that_is_well_formed_goes_as_it_is() {
    let scene = Scene::new();
    let letter = &scene.nats.messages(Nats::DEAD)[0];
    let headers = letter.headers.clone();
    let body = r#"{"room":"r1","message":"new","sender":"ann"}"#;
    let length = body.len().to_string();
    scene.nats.publish_with_headers(
        "chat-dead.demo.message.posted",
        headers.clone(),
        &[("Tallymark-Length", &length), ("Nats-Msg-Id", "counted by another version")],
        body,
    );
    assert_eq!(scene.done(&["requeue", "5"], ""), "dead letter 5: published, as sequence 7 of CHAT\n");
    assert_eq!(scene.nats.messages_from(Nats::STREAM, 7)[0].body, body.as_bytes());
    // What is no copy is no letter.
    scene.nats.publish("chat-dead.demo.message.posted", "x");
    let (listed, _) = scene.run(&["list"], "");
    assert!(
        listed.printed.contains("1 messages of the stream \"CHAT_DEAD\" are no dead letters"),
        "{}",
        listed.printed
    );
    scene.refused(&["requeue", "6"], "", "message 6 of the stream \"CHAT_DEAD\" is no dead letter");
    // Settings of another prefix are no reason to send the event anywhere.
    let mut settings = Settings::new(&scene.nats, &[]);
    settings.set("nats.subject_prefix", "\"other\"");
    settings.write(&scene.home.path().join("tallymark.toml"));
    scene.refused(&["requeue", "5"], "", "does not begin with \"other\" (nats.subject_prefix)");
}
