//! What may stand in a query string or in the headers of a request.

use serde_json::{Value, json};

use crate::question::MAX_MIN_SEQ;
use crate::refusal::Refusal;
use crate::room_tags::MAX_ROOM_TAGS;

/// A parameter that may be left out.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// `query` or `header`.
    pub(crate) place: &'static str,
    pub(crate) description: String,
    pub(crate) schema: Value,
    pub(crate) example: Value,
    /// What may be wrong with it.
    pub(crate) refusals: &'static [Refusal],
}

impl Parameter {
    pub(super) fn describe(&self) -> Value {
        let Self { name, place, description, schema, example, .. } = self;
        json!({
            "name": name,
            "in": place,
            "description": description,
            "required": false,
            "schema": schema,
            "examples": { "usual": { "value": example } },
        })
    }
}

/// An id or tag. JSON Schema counts characters where the limit is in bytes: what is short enough may still be too long.
pub(crate) fn text(most_bytes: usize) -> Value {
    json!({
        "type": "string",
        "description": format!("At most {most_bytes} bytes of UTF-8, which may be fewer characters. No control characters."),
        "minLength": 1,
        "maxLength": most_bytes,
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    })
}

pub(crate) fn tag() -> Value {
    text(events::MAX_TAG_BYTES)
}

/// Which rooms are asked about, and how fresh the answer has to be.
pub(crate) fn filters() -> Vec<Parameter> {
    let tags = |name: &'static str, description: &str, example: &str| Parameter {
        name,
        place: "query",
        description: format!(
            "{description} `{name}[` in any name is refused, and `a,b` is one tag. At most {MAX_ROOM_TAGS} distinct ones: \
             repeating one is the same as giving it once."
        ),
        schema: json!({ "type": "array", "items": tag(), "maxItems": MAX_ROOM_TAGS }),
        example: json!([example]),
        refusals: &[Refusal::InvalidRoomTags],
    };
    let all = "Only rooms with all of these tags, or with any of them as `tagMode` says.";
    let mode = Parameter {
        name: "tagMode",
        place: "query",
        description: "Whether rooms have to have all of `roomTags` or any of them. Given once at the most."
            .to_owned(),
        schema: json!({ "type": "string", "enum": ["all", "any"], "default": "all" }),
        example: json!("any"),
        refusals: &[Refusal::InvalidTagMode],
    };
    vec![
        tags("roomTags", all, "work"),
        tags("notRoomTags", "No rooms with any of these tags.", "news"),
        mode,
        min_seq(),
    ]
}

pub(crate) fn min_seq() -> Parameter {
    Parameter {
        name: "minSeq",
        place: "query",
        description:
            "Every event up to this stream sequence has to be in the answer: it waits for it, within bounds. \
                      Given once at the most."
                .to_owned(),
        schema: json!({ "type": "integer", "minimum": 0, "maximum": MAX_MIN_SEQ }),
        example: json!(0),
        refusals: &[Refusal::InvalidMinSeq, Refusal::NotYet],
    }
}

/// From where a live badge goes on.
pub(crate) fn last_event_id() -> Parameter {
    Parameter {
        name: "Last-Event-ID",
        place: "header",
        description: "`id` of the last event that was seen: the badge with which this begins is no older. As `minSeq`, and beside it."
            .to_owned(),
        schema: json!({ "type": "integer", "minimum": 0, "maximum": MAX_MIN_SEQ }),
        example: json!(0),
        refusals: &[Refusal::InvalidLastEventId, Refusal::NotYet],
    }
}

pub(super) fn if_none_match() -> Parameter {
    Parameter {
        name: "If-None-Match",
        place: "header",
        description: "`ETag` of an answer that the asker has: 304 if this one would have the same body."
            .to_owned(),
        schema: json!({ "type": "string" }),
        example: json!("\"7\""),
        refusals: &[],
    }
}
