//! What tools are told of the events is what the decoder does, and stands in `docs/` as it is made.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use events::describe::{asyncapi, body_schema, documents, line_schema};
use events::{Kind, Line, Reason, decode, encode_json, to_line};
use oracle::history::{History, Variant};
use serde_json::{Value, json};

use crate::schemas::Schema;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_documents_are_as_they_are_made() {
    for (path, document) in documents() {
        let place = repository().join("docs").join(&path);
        let text = format!("{document:#}\n");
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(&place, &text).unwrap();
        }
        let found = fs::read_to_string(&place).unwrap_or_default();
        assert!(found == text, "docs/{path} is out of date; `cargo xtask describe` writes it anew");
    }
    let mut files: Vec<_> = fs::read_dir(repository().join("docs/schemas")).unwrap().collect();
    files.retain(|file| !is_made(&file.as_ref().unwrap().path()));
    assert!(files.is_empty(), "nobody makes {files:?}");
}

fn is_made(file: &Path) -> bool {
    let made = documents().into_iter().map(|(path, _)| repository().join("docs").join(path));
    made.into_iter().any(|path| path.file_name() == file.file_name())
}

/// That a JSON Schema is a valid one is checked whenever it is made.
#[test]
fn the_asyncapi_document_is_a_valid_one() {
    let official = include_str!("../data/asyncapi-3.0.0.json");
    let official = Schema::new(serde_json::from_str(official).unwrap());
    assert_eq!(official.objection(&asyncapi()), None);
    let mut broken = asyncapi();
    broken["channels"]["message.posted"]["adress"] = "chat.demo.message.posted".into();
    assert!(!official.takes(&broken));
    broken = asyncapi();
    broken["components"]["messages"]["message.posted"]["payload"]["type"] = "map".into();
    assert!(!official.takes(&broken));
}

/// Every reference leads somewhere, and every message is that of its kind.
#[test]
fn every_kind_has_its_channel_and_its_message() {
    let document = asyncapi();
    for kind in Kind::ALL.map(Kind::as_str) {
        assert_eq!(document["channels"][kind]["address"], format!("{{prefix}}.{{tenant}}.{kind}"));
        let message = &document["channels"][kind]["messages"][kind]["$ref"];
        let message = document.pointer(&message.as_str().unwrap()[1..]).unwrap();
        assert_eq!(message["payload"]["title"], kind);
        let operation = &document["operations"][format!("hear.{kind}")];
        assert_eq!(operation["channel"]["$ref"], format!("#/channels/{kind}"));
    }
    assert_eq!(document["channels"].as_object().unwrap().len(), Kind::ALL.len() + 1);
}

#[test]
fn the_examples_are_taken_by_the_decoder() {
    for kind in Kind::ALL {
        let schema = body_schema(kind);
        let example = &schema["examples"][0];
        assert_eq!(decode(kind, example.to_string().as_bytes()).err(), None);
        assert_eq!(Schema::new(schema.clone()).objection(example), None);
        // What a field stands for that is left out is what it may be left out for.
        for (field, property) in schema["properties"].as_object().unwrap() {
            let Some(default) = property.get("default") else { continue };
            let (mut with, mut without) = (example.clone(), example.clone());
            with[field] = default.clone();
            without.as_object_mut().unwrap().remove(field);
            let [with, without] = [with, without].map(|body| body.to_string());
            assert_eq!(decode(kind, with.as_bytes()), decode(kind, without.as_bytes()), "{kind} {field}");
        }
    }
}

/// Whatever a field holds, decoder and schema agree whether it may.
#[test]
fn decoder_and_schema_agree() {
    let list = |entries: usize| json!(vec!["x"; entries]);
    let mut values = vec![json!(null), json!(true), json!(false), json!({}), json!({ "id": "x" })];
    values.extend([0, 1, (1 << 53) - 1, 1 << 53, u64::MAX].map(|number: u64| json!(number)));
    values.extend([json!(-1), json!(0.5), json!("5"), json!([1]), json!([null]), json!([["x"]])]);
    values.extend(
        ["", "x", " ", "a\u{0}", "\n", "a\u{7f}", "\u{85}", "none", "all", "All", "é"]
            .map(|text| json!(text)),
    );
    values.extend([128, 129, 256, 257].map(|length| json!("x".repeat(length))));
    values.extend([128, 129, 256, 257].map(|length| json!(["x".repeat(length)])));
    values.extend([list(0), json!(["x", "x"]), json!(["x", ""]), json!(["\t"])]);
    values.extend([64, 65, 1_000, 1_001, 10_000, 10_001].map(list));
    let (mut taken, mut refused) = (0, 0);
    for kind in Kind::ALL {
        let schema = Schema::new(body_schema(kind));
        let example = body_schema(kind)["examples"][0].clone();
        let mut check = |body: &Value| {
            let text = body.to_string();
            let decoded = decode(kind, text.as_bytes());
            assert_eq!(schema.takes(body), decoded.is_ok(), "{kind} {body}: {decoded:?}");
            *if decoded.is_ok() { &mut taken } else { &mut refused } += 1;
        };
        check(&json!([]));
        check(&json!({}));
        for field in example.as_object().unwrap().keys() {
            let mut body = example.clone();
            body.as_object_mut().unwrap().remove(field);
            check(&body);
            for value in &values {
                body[field] = value.clone();
                check(&body);
            }
        }
        let mut body = example;
        body["unknown"] = json!([{ "room": 1 }]);
        check(&body);
    }
    assert!(taken > 200 && refused > 500, "{taken} taken, {refused} refused");
}

/// What only the decoder sees, as the documents say.
#[test]
fn where_a_schema_is_wider_than_the_decoder() {
    let schema = Schema::new(body_schema(Kind::MessagePosted));
    let long = "é".repeat(200);
    for body in [
        json!({ "room": long, "message": "m", "sender": "a" }).to_string(),
        r#"{"room":"r","message":"m","sender":"a","at":5.0}"#.to_owned(),
        r#"{"room":"r","message":"m","sender":"a","sender":"a"}"#.to_owned(),
    ] {
        assert!(decode(Kind::MessagePosted, body.as_bytes()).is_err(), "{body}");
        assert!(schema.takes(&serde_json::from_str(&body).unwrap()), "{body}");
    }
}

#[test]
fn whatever_a_history_has_is_valid() {
    let bodies = Kind::ALL.map(|kind| Schema::new(body_schema(kind)));
    let lines = Schema::new(line_schema());
    for (seed, variant) in (0..30).zip(Variant::ALL.into_iter().cycle()) {
        for (event, _) in History::generate(seed, 100, variant).events {
            let body = serde_json::from_slice(&encode_json(&event.body)).unwrap();
            assert_eq!(bodies[event.body.kind() as usize].objection(&body), None, "{body}");
            let line = serde_json::from_str(&to_line(&event)).unwrap();
            assert_eq!(lines.objection(&line), None, "{line}");
        }
    }
}

/// The inputs of the fuzz targets: every kind and every reason, as bodies and as lines.
#[test]
fn what_the_fuzz_corpus_has_is_judged_alike() {
    let lines = Schema::new(line_schema());
    let (mut taken, mut refused) = (0, 0);
    for entry in fs::read_dir(repository().join("crates/fuzz/corpus/event")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = String::from_utf8(fs::read(&path).unwrap()) else { continue };
        let (value, schema, reason) = if text.starts_with('{') {
            (text.clone(), &lines, Line::parse(&text).err().map(|error| error.reason()))
        } else {
            let Some((subject, body)) = text.split_once('\n') else { continue };
            let kind = subject.splitn(3, '.').nth(2).and_then(Kind::from_name);
            let Some(kind) = kind.filter(|_| body.starts_with('{')) else { continue };
            let reason = decode(kind, body.as_bytes()).err().map(|error| error.reason());
            (body.to_owned(), &Schema::new(body_schema(kind)), reason)
        };
        let value: Value = match serde_json::from_str(&value) {
            Ok(value) => value,
            Err(error) => {
                // Nothing for a schema to judge: no JSON, or too deep for its reader. The decoder ignores at any depth.
                let is_too_deep = error.to_string().starts_with("recursion limit exceeded");
                assert!(reason.is_some() || is_too_deep, "{}: {error}", path.display());
                continue;
            }
        };
        if reason == Some(Reason::RepeatedField) {
            continue;
        }
        assert_eq!(schema.objection(&value).is_none(), reason.is_none(), "{}: {reason:?}", path.display());
        *if reason.is_none() { &mut taken } else { &mut refused } += 1;
    }
    assert!(taken > 20 && refused > 10, "{taken} taken, {refused} refused");
}
