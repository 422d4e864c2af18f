//! Errors as they are answered, each asked for once and written down.

use std::collections::BTreeMap;

use axum::http::Version;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::response::Response;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::answer::{self, ErrorAnswer, Refused};
use crate::listener::TurnedAway;
use crate::rates::{Limited, Scope};
use crate::refusal::Refusal;

/// An error as somebody gets it.
pub(super) struct Refusing {
    status: u16,
    code: &'static str,
    meaning: String,
    /// Beyond those that are said elsewhere.
    headers: Vec<(String, String)>,
    body: Value,
}

impl From<Refusal> for Refusing {
    fn from(refusal: Refusal) -> Self {
        // With all that there may be to say.
        let refused: Refused = match refusal {
            Refusal::NotYet => Refused::not_yet(12, 10),
            Refusal::RateLimited => Refused::limited(Limited { scope: Scope::User, retry_after: 2 }),
            _ => refusal.into(),
        };
        let body = serde_json::from_str(&refused.clone().body()).expect("the body is JSON");
        let headers = headers(&answer::refused(refused));
        let meaning = refusal.meaning().to_owned();
        Self { status: refusal.status().as_u16(), code: refusal.code(), meaning, headers, body }
    }
}

impl From<TurnedAway> for Refusing {
    fn from(reason: TurnedAway) -> Self {
        let body: Value = serde_json::from_str(reason.body()).expect("the body is JSON");
        let meaning = body["error"]["message"].as_str().unwrap_or_default();
        let meaning = format!("{meaning}. Told before anybody looks at what is asked for.");
        let headers = headers(&reason.answer(Version::HTTP_11));
        Self { status: reason.status().as_u16(), code: reason.code(), meaning, headers, body }
    }
}

/// The names of headers are as documents write them: `Retry-After`.
fn headers(response: &Response) -> Vec<(String, String)> {
    let told = response.headers().iter().filter(|(name, _)| ![CONTENT_TYPE, CONNECTION].contains(name));
    let as_written = |name: &str| {
        let words = name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]);
        words.collect::<Vec<_>>().join("-")
    };
    told.map(|(name, value)| (as_written(name.as_str()), value.to_str().unwrap_or_default().to_owned()))
        .collect()
}

impl Refusing {
    /// A code may come from a route and from the listener: it is one error.
    pub(super) fn by_status(all: impl Iterator<Item = Self>) -> BTreeMap<u16, Vec<Self>> {
        let mut by_status = BTreeMap::<u16, Vec<Self>>::new();
        for refusing in all {
            let same = by_status.entry(refusing.status).or_default();
            if same.iter().all(|other| other.code != refusing.code || other.headers != refusing.headers) {
                same.push(refusing);
            }
        }
        by_status
    }

    /// All of one status.
    pub(super) fn response(same: &[Self], generator: &mut SchemaGenerator) -> Value {
        let line = |Self { code, meaning, .. }: &Self| format!("- `{code}`: {meaning}");
        let lines: Vec<_> = same.iter().map(line).collect();
        let mut headers = Map::new();
        for (name, _) in same.iter().flat_map(|refusing| &refusing.headers) {
            headers.entry(name).or_insert_with(|| Self::header(same, name));
        }
        let content = json!({ "schema": Self::schema(same, generator), "examples": Self::examples(same) });
        json!({ "description": lines.join("\n"), "headers": headers, "content": { "application/json": content } })
    }

    fn header(same: &[Self], name: &str) -> Value {
        let values = |refusing: &Self| {
            let values = refusing.headers.iter().filter(|(found, _)| found == name);
            values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let required = same.iter().all(|refusing| !values(refusing).is_empty());
        if name == "Retry-After" {
            let schema = json!({ "type": "integer", "minimum": 1 });
            return json!({ "description": "In how many seconds to ask again.", "required": required, "schema": schema });
        }
        let mut values: Vec<String> = same.iter().flat_map(values).collect();
        values.sort_unstable();
        values.dedup();
        json!({ "required": required, "schema": { "enum": values } })
    }

    fn schema(same: &[Self], generator: &mut SchemaGenerator) -> Value {
        let mut schema = generator.subschema_for::<ErrorAnswer<'static>>().to_value();
        let mut codes: Vec<_> = same.iter().map(|refusing| refusing.code).collect();
        codes.dedup();
        let status = same.first().map(|refusing| refusing.status);
        schema["properties"] = json!({
            "RC": { "const": status },
            "error": { "properties": { "code": { "enum": codes } } },
        });
        schema
    }

    fn examples(same: &[Self]) -> Value {
        let example = |refusing: &Self| (refusing.code.to_owned(), json!({ "value": refusing.body }));
        same.iter().map(example).collect::<Map<_, _>>().into()
    }
}
