//! AsyncAPI 3: where events and dead letters go, and what they say.

use serde_json::{Map, Value, json};

use super::{schema, words};
use crate::{
    DeadLetterHeader, Kind, MAX_DEAD_LETTER_BODY_BYTES, MAX_DEAD_LETTER_DETAIL_BYTES, MAX_TENANT_BYTES,
    Reason,
};

const ABOUT: &str = "The events of a chat product that Tallymark counts, in a NATS JetStream stream. `docs/events.md` of \
the project has all of this in words. A body is a map with named fields, in JSON or in MessagePack: its first byte says which.";

const DEAD_LETTERS: &str = "dead-letters";

/// The channels of all kinds and of the dead letters.
pub fn asyncapi() -> Value {
    let events = Kind::ALL.map(|kind| (kind.to_string(), event_channel(kind)));
    let dead_letters = (DEAD_LETTERS.to_owned(), dead_letter_channel());
    let messages = Kind::ALL.map(|kind| (kind.to_string(), event(kind)));
    let operation = |action: &str, channel: &str, summary: &str| {
        let channel_ref = format!("#/channels/{channel}");
        json!({ "action": action, "summary": summary, "channel": { "$ref": channel_ref } })
    };
    let hear = Kind::ALL.map(|kind| {
        (
            format!("hear.{kind}"),
            operation("receive", kind.as_str(), "Tallymark counts what is published here."),
        )
    });
    let copied = operation("send", DEAD_LETTERS, "Tallymark copies malformed events here.");
    let operations = hear.into_iter().chain([("copy.malformed".to_owned(), copied)]);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tallymark's events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "defaultContentType": "application/json",
        "channels": events.into_iter().chain([dead_letters]).collect::<Map<_, _>>(),
        "operations": operations.collect::<Map<_, _>>(),
        "components": {
            "messages": messages.into_iter().chain([("dead-letter".to_owned(), dead_letter())]).collect::<Map<_, _>>(),
            "parameters": parameters(),
        },
    })
}

fn event_channel(kind: Kind) -> Value {
    json!({
        "address": format!("{{prefix}}.{{tenant}}.{kind}"),
        "description": words::of_kind(kind),
        "parameters": {
            "prefix": { "$ref": "#/components/parameters/prefix" },
            "tenant": { "$ref": "#/components/parameters/tenant" },
        },
        "messages": { kind.as_str(): { "$ref": format!("#/components/messages/{kind}") } },
    })
}

fn dead_letter_channel() -> Value {
    json!({
        "address": "{prefix}-dead.{tenant}.{kind}",
        "description": "Copies of malformed events, in the stream `<stream>_DEAD`.",
        "parameters": {
            "prefix": { "$ref": "#/components/parameters/prefix" },
            "tenant": { "description": "As in the original subject; `_` where that gives no valid tenant and kind." },
            "kind": {
                "description": "As in the original subject; `_` where that gives no valid tenant and kind.",
                "enum": Kind::ALL.map(Kind::as_str).into_iter().chain(["_"]).collect::<Vec<_>>(),
            },
        },
        "messages": { "dead-letter": { "$ref": "#/components/messages/dead-letter" } },
    })
}

fn parameters() -> Value {
    json!({
        "prefix": {
            "description": "The setting `nats.subject_prefix`. It may have several tokens, such as `chat.prod`.",
            "default": "chat",
        },
        "tenant": {
            "description": format!("One chat application: 1 to {MAX_TENANT_BYTES} of A to Z, a to z, 0 to 9, _ and -."),
            "examples": ["demo"],
        },
    })
}

fn event(kind: Kind) -> Value {
    let late = match kind {
        Kind::MessagePosted | Kind::MessageRecalled => "this event may be sent again all the same",
        _ => "this event would be a new one",
    };
    let id = format!(
        "Within the stream's duplicate window, the server drops what it has already stored under this id. Later, {late}."
    );
    json!({
        "name": kind.as_str(),
        "title": kind.as_str(),
        "summary": words::of_kind(kind),
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "properties": { "Nats-Msg-Id": { "type": "string", "description": id } },
        },
        "payload": schema::body(kind),
        "examples": [{ "name": "all-fields", "payload": schema::example(kind) }],
    })
}

fn dead_letter() -> Value {
    let headers = DeadLetterHeader::ALL.map(|header| (header.name().to_owned(), dead_letter_header(header)));
    json!({
        "name": "dead-letter",
        "title": "A copy of a malformed event",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": headers.into_iter().collect::<Map<_, _>>(),
            "required": DeadLetterHeader::ALL.map(DeadLetterHeader::name),
        },
        "payload": {
            "description": format!("At most the first {MAX_DEAD_LETTER_BODY_BYTES} bytes of the body, whatever they are."),
        },
    })
}

fn dead_letter_header(header: DeadLetterHeader) -> Value {
    let number =
        |description: &str| json!({ "type": "string", "pattern": "^[0-9]+$", "description": description });
    let text = |description: &str| json!({ "type": "string", "description": description });
    match header {
        DeadLetterHeader::Reason => {
            json!({ "type": "string", "enum": Reason::ALL.map(Reason::as_str), "description": "Why it is malformed." })
        }
        DeadLetterHeader::Detail => json!({
            "type": "string",
            "maxLength": MAX_DEAD_LETTER_DETAIL_BYTES,
            "pattern": "^[ -~]*$",
            "description": "What is wrong with it, as a sentence.",
        }),
        DeadLetterHeader::Subject => text("Its subject."),
        DeadLetterHeader::Sequence => number("Its sequence in the stream."),
        DeadLetterHeader::StoredAt => number("When the stream stored it: nanoseconds since the Unix epoch."),
        DeadLetterHeader::Length => number("The length of its whole body, in bytes."),
        DeadLetterHeader::Stream => text("The stream's name."),
        DeadLetterHeader::StreamCreated => {
            number("When the stream was created: nanoseconds since the Unix epoch.")
        }
    }
}
