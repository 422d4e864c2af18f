//! JSON Schemas (2020-12) of bodies and lines.

use serde_json::{Map, Value, json};

use super::words;
use crate::codec::{Field, OF_LINE};
use crate::{Kind, MAX_AT, MAX_ID_BYTES, MAX_TAG_BYTES, MAX_TENANT_BYTES, decode};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a body of this kind has to be.
pub fn body_schema(kind: Kind) -> Value {
    let mut schema = body(kind);
    schema["$schema"] = DRAFT.into();
    schema
}

/// What a line of NDJSON has to be: its `event` decides which fields are known.
pub fn line_schema() -> Value {
    let of_kind = |kind: Kind| {
        let is_it = json!({ "properties": { "event": { "const": kind.as_str() } }, "required": ["event"] });
        json!({ "if": is_it, "then": { "$ref": format!("#/$defs/{kind}") } })
    };
    let bodies: Map<_, _> = Kind::ALL.map(|kind| (kind.to_string(), body(kind))).into_iter().collect();
    let properties: Map<_, _> =
        OF_LINE.iter().map(|&field| (field.name().to_owned(), value(field))).collect();
    let example = |kind: Kind| {
        let mut line = example(kind);
        for &field in OF_LINE {
            line[field.name()] = words::example(kind, field);
        }
        line
    };
    json!({
        "$schema": DRAFT,
        "title": "line",
        "description": "An event in a file or pipe: the body with `tenant` and `event` added.",
        "type": "object",
        "properties": properties,
        "required": OF_LINE.iter().map(|field| field.name()).collect::<Vec<_>>(),
        "allOf": Kind::ALL.map(of_kind),
        "$defs": bodies,
        "examples": [example(Kind::MessagePosted)],
    })
}

/// The same as [`body_schema`], as a part of a document.
pub(super) fn body(kind: Kind) -> Value {
    let fields = Field::of_body(kind);
    let required: Vec<_> = fields.iter().copied().filter(|&field| is_required(kind, field)).collect();
    let property = |&field: &Field| {
        let mut schema = value(field);
        if !required.contains(&field) {
            or_null(&mut schema);
        }
        let limits = schema["description"].as_str().map(|limits| format!(" {limits}"));
        let meaning = words::of_field(field);
        schema["description"] = format!("{meaning}{}", limits.unwrap_or_default()).into();
        if let Some(default) = words::default(field).filter(|_| !required.contains(&field)) {
            schema["default"] = default;
        }
        (field.name().to_owned(), schema)
    };
    json!({
        "title": kind.as_str(),
        "description": words::of_kind(kind),
        "type": "object",
        "properties": fields.iter().map(property).collect::<Map<_, _>>(),
        "required": required.iter().map(|field| field.name()).collect::<Vec<_>>(),
        "examples": [example(kind)],
    })
}

/// A body of this kind with all the fields that it knows.
pub(super) fn example(kind: Kind) -> Value {
    let fields = Field::of_body(kind).iter();
    fields.map(|&field| (field.name().to_owned(), words::example(kind, field))).collect::<Map<_, _>>().into()
}

/// Whether no body is taken without it. The decoder is asked.
fn is_required(kind: Kind, field: Field) -> bool {
    let mut body = example(kind);
    if let Some(fields) = body.as_object_mut() {
        fields.remove(field.name());
    }
    decode(kind, body.to_string().as_bytes()).is_err()
}

/// What a field that is there has to hold.
fn value(field: Field) -> Value {
    let texts = |most_bytes| json!({ "type": "array", "items": text(most_bytes), "maxItems": field.limit() });
    match field {
        Field::Tenant => {
            json!({ "type": "string", "pattern": format!("^[A-Za-z0-9_-]{{1,{MAX_TENANT_BYTES}}}$") })
        }
        Field::Event => json!({ "type": "string", "enum": Kind::ALL.map(Kind::as_str) }),
        Field::Room | Field::Message | Field::Sender | Field::User | Field::Upto | Field::From => {
            text(MAX_ID_BYTES)
        }
        Field::At => json!({ "type": "integer", "minimum": 0, "maximum": MAX_AT }),
        Field::Silent | Field::MentionAll | Field::Muted => json!({ "type": "boolean" }),
        Field::History => json!({ "type": "string", "enum": ["none", "all"] }),
        Field::Mentions | Field::Users => texts(MAX_ID_BYTES),
        Field::Tags => texts(MAX_TAG_BYTES),
    }
}

/// An id or tag. A schema counts characters, of which there are never more than bytes.
fn text(most_bytes: usize) -> Value {
    json!({
        "type": "string",
        "description": format!("At most {most_bytes} bytes of UTF-8, which may be fewer characters. No control characters."),
        "minLength": 1,
        "maxLength": most_bytes,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    })
}

/// An optional field that is null is absent.
fn or_null(schema: &mut Value) {
    schema["type"] = json!([schema["type"], "null"]);
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
}
