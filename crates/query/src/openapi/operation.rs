//! What an endpoint says of itself.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::errors::Refusing;
use super::parameters::{Parameter, if_none_match};
use crate::answer::{Fine, Found};
use crate::badges::List;
use crate::listener::TurnedAway;
use crate::refusal::Refusal;

const JSON: &str = "application/json";

/// One route: what is asked there, by whom, and what is answered. With a body its method is POST, else it is GET, with HEAD
/// beside it where the answer is whole at once.
pub(crate) struct Operation {
    /// What generated clients call it.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) asker: Asker,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Content>,
    pub(crate) reply: Reply,
}

/// How whoever asks says who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A user: client key and token.
    User,
    /// An app, with the client key alone.
    App,
    /// A tenant's server, with an API key.
    Server,
    Anybody,
}

/// The body of a request.
pub(crate) struct Content {
    pub(crate) most_bytes: usize,
    pub(crate) properties: Vec<Property>,
}

/// A property of the body of a request.
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) description: String,
    pub(crate) is_required: bool,
    pub(crate) schema: Value,
    pub(crate) example: Value,
    /// What may be wrong with it.
    pub(crate) refusals: Vec<Refusal>,
}

/// What is answered if nothing is wrong.
pub(crate) struct Reply {
    content_type: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
    example: Option<Value>,
    /// Whether it is made of the counts, and says how far they reach.
    is_counted: bool,
    /// Whether it is whole at once: then it has an entity tag, and HEAD gives its headers.
    is_whole: bool,
    /// What may be wrong though all that is asked is right.
    refusals: &'static [Refusal],
}

impl Asker {
    fn refusals(self) -> &'static [Refusal] {
        match self {
            Self::User => &[
                Refusal::InvalidClientKey,
                Refusal::InvalidToken,
                Refusal::TokenCheckUnavailable,
                Refusal::RateLimited,
            ],
            Self::App => &[Refusal::InvalidClientKey],
            Self::Server => &[Refusal::InvalidApiKey, Refusal::RateLimited],
            Self::Anybody => &[],
        }
    }

    fn security(self) -> Value {
        match self {
            Self::User => json!([{ "clientKey": [], "token": [] }]),
            Self::App => json!([{ "clientKey": [] }]),
            Self::Server => json!([{ "apiKey": [] }]),
            Self::Anybody => json!([]),
        }
    }
}

impl Property {
    /// A list that the body's reader knows, of such entries.
    pub(crate) fn list(list: List, entries: &Value, is_required: bool, example: Value) -> Self {
        // Null is the same as leaving out.
        let kinds = if is_required { json!("array") } else { json!(["array", "null"]) };
        let schema = json!({ "type": kinds, "items": entries, "maxItems": list.most });
        let refusals = vec![list.refusal];
        Self { name: list.name, description: String::new(), is_required, schema, example, refusals }
    }
}

impl Content {
    fn describe(&self) -> Value {
        let described = |property: &Property| {
            let mut schema = property.schema.clone();
            schema["description"] = property.description.as_str().into();
            (property.name.to_owned(), schema)
        };
        let properties: Map<String, Value> = self.properties.iter().map(described).collect();
        let required: Vec<_> = self.properties.iter().filter(|property| property.is_required).collect();
        let names: Vec<_> = required.iter().map(|property| property.name).collect();
        let example = |property: &Property| (property.name.to_owned(), property.example.clone());
        let example: Map<String, Value> = self.properties.iter().map(example).collect();
        json!({
            "description": format!("At most {} KiB. Names that mean nothing are ignored.", self.most_bytes / 1024),
            "required": !required.is_empty(),
            "content": { "application/json": {
                "schema": { "type": "object", "properties": properties, "required": names },
                "examples": { "usual": { "value": example } },
            } },
        })
    }
}

impl Reply {
    /// Such a result, made of the counts.
    pub(crate) fn like<T: Serialize + JsonSchema + 'static>(result: &T) -> Self {
        let body = Found::new(result, 0).body;
        let example = serde_json::from_slice(&body).expect("the body is JSON");
        let schema = |generator: &mut SchemaGenerator| generator.subschema_for::<Fine<'static, T>>();
        let refusals = &[Refusal::NotReady];
        Self {
            content_type: JSON,
            schema,
            example: Some(example),
            is_counted: true,
            is_whole: true,
            refusals,
        }
    }

    /// A document such as this one.
    pub(super) fn document() -> Self {
        let schema =
            |_: &mut SchemaGenerator| json_schema!({ "type": "object", "required": ["openapi", "paths"] });
        Self { content_type: JSON, schema, example: None, is_counted: false, is_whole: true, refusals: &[] }
    }

    /// Server-sent events without an end, such as these.
    pub(crate) fn events(example: &str) -> Self {
        let schema = |_: &mut SchemaGenerator| json_schema!({ "type": "string", "format": "event-stream" });
        Self {
            content_type: "text/event-stream",
            schema,
            example: Some(example.into()),
            is_counted: true,
            is_whole: false,
            refusals: &[Refusal::Overloaded, Refusal::NotReady],
        }
    }

    fn content(&self, generator: &mut SchemaGenerator) -> Value {
        let mut content = json!({ "schema": (self.schema)(generator) });
        if let Some(example) = &self.example {
            content["examples"] = json!({ "usual": { "value": example } });
        }
        json!({ self.content_type: content })
    }

    fn headers(&self, has_tag: bool) -> Map<String, Value> {
        let header = |name: &str, description: &str, schema: Value| {
            (name.to_owned(), json!({ "description": description, "required": true, "schema": schema }))
        };
        let never_kept = "No answer may be kept by anybody on the way.";
        let mut headers =
            Map::from_iter([header("Cache-Control", never_kept, json!({ "const": "no-store" }))]);
        if self.is_counted {
            let description = "Every event up to this stream sequence is in the answer.";
            headers.extend([header("Badge-Seq", description, json!({ "type": "integer", "minimum": 0 }))]);
        }
        if has_tag {
            let description = "Stands for the body: send it back as `If-None-Match`.";
            headers.extend([header(
                "ETag",
                description,
                json!({ "type": "string", "pattern": "^\"[0-9a-f]+\"$" }),
            )]);
        }
        headers
    }
}

impl Operation {
    pub(super) fn methods(&self) -> &'static [&'static str] {
        match (&self.body, self.reply.is_whole) {
            (Some(_), _) => &["post"],
            (None, true) => &["get", "head"],
            (None, false) => &["get"],
        }
    }

    /// All that may be wrong, in the order of the table of refusals.
    pub(super) fn refusals(&self) -> Vec<Refusal> {
        let mut refusals = self.asker.refusals().to_vec();
        if let Some(body) = &self.body {
            refusals.extend([Refusal::UnsupportedMediaType, Refusal::BodyTooLarge, Refusal::InvalidBody]);
            refusals.extend(body.properties.iter().flat_map(|property| &property.refusals));
        }
        refusals.extend(self.parameters.iter().flat_map(|parameter| parameter.refusals));
        refusals.extend(self.reply.refusals);
        Refusal::ALL.iter().copied().filter(|refusal| refusals.contains(refusal)).collect()
    }

    fn turned_away(&self) -> impl Iterator<Item = TurnedAway> {
        let of_body =
            |reason: &TurnedAway| matches!(reason, TurnedAway::BodyTimeout | TurnedAway::BodyTooLarge);
        TurnedAway::ALL.into_iter().filter(move |reason| self.body.is_some() || !of_body(reason))
    }

    /// For one of its methods.
    pub(super) fn describe(&self, method: &str, generator: &mut SchemaGenerator) -> Value {
        let (is_head, has_tag) = (method == "head", self.methods().contains(&"head"));
        let if_none_match = has_tag.then(if_none_match);
        let parameters = self.parameters.iter().chain(&if_none_match);
        let id = if is_head { format!("{}Head", self.id) } else { self.id.to_owned() };
        let only = if is_head { ": the headers alone" } else { "" };
        let mut described = json!({
            "operationId": id,
            "summary": format!("{}{only}", self.summary),
            "description": self.description,
            "security": self.asker.security(),
            "parameters": parameters.map(Parameter::describe).collect::<Vec<_>>(),
            "responses": self.responses(has_tag, generator),
        });
        if let Some(body) = &self.body {
            described["requestBody"] = body.describe();
        }
        if is_head && let Some(responses) = described["responses"].as_object_mut() {
            for response in responses.values_mut().filter_map(Value::as_object_mut) {
                response.remove("content");
            }
        }
        described
    }

    /// By status.
    fn responses(&self, has_tag: bool, generator: &mut SchemaGenerator) -> Map<String, Value> {
        let headers = self.reply.headers(has_tag);
        let content = self.reply.content(generator);
        let fine = json!({ "description": "What was asked for.", "headers": headers, "content": content });
        let mut responses = Map::from_iter([("200".to_owned(), fine)]);
        if has_tag {
            let description = "What was asked for is still what `If-None-Match` stands for.";
            responses.insert("304".to_owned(), json!({ "description": description, "headers": headers }));
        }
        let refusing = self.refusals().into_iter().map(Refusing::from);
        for (status, same) in Refusing::by_status(refusing.chain(self.turned_away().map(Refusing::from))) {
            responses.insert(status.to_string(), Refusing::response(&same, generator));
        }
        responses
    }
}
