//! The JSON bodies of requests.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::answer::Refused;
use crate::listener::TurnedAway;
use crate::refusal::Refusal;

/// Reads a body of that many bytes at the most. One that is there has to be JSON.
pub(super) async fn read(headers: &HeaderMap, body: Body, most_bytes: usize) -> Result<Bytes, Refused> {
    let content_type = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    if content_type.is_some_and(|content_type| !is_json(content_type)) {
        return Err(Refusal::UnsupportedMediaType.into());
    }
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|announced| announced > most_bytes) {
        return Err(Refusal::BodyTooLarge.into());
    }
    let bytes = to_bytes(body, most_bytes).await.map_err(|error| {
        let mut cause = error.source();
        while let Some(error) = cause {
            if error.is::<TurnedAway>() {
                return Refused::by_listener();
            }
            cause = error.source();
        }
        // Or the connection broke, and nobody is there to be told.
        Refusal::BodyTooLarge.into()
    })?;
    if content_type.is_none() && !bytes.is_empty() {
        return Err(Refusal::UnsupportedMediaType.into());
    }
    Ok(bytes)
}

/// Whether that is `application/json`, with whatever parameters.
fn is_json(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// A list of texts that a body may have, or one text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct List {
    pub(crate) name: &'static str,
    /// The most texts in it; 0 for one text that is in no list.
    pub(crate) most: usize,
    /// When it is anything else.
    pub(crate) refusal: Refusal,
}

impl List {
    /// One text.
    pub(super) const fn one(name: &'static str, refusal: Refusal) -> Self {
        Self { name, most: 0, refusal }
    }
}

/// The texts of one list; `None` if it is not there or null.
pub(super) type Texts<'b> = Option<Vec<Cow<'b, str>>>;

/// The lists in a JSON object; an empty body is an empty object. Other names are ignored.
pub(super) fn lists<'b, const COUNT: usize>(
    body: &'b [u8],
    wanted: &[List; COUNT],
) -> Result<[Texts<'b>; COUNT], Refusal> {
    if body.is_empty() {
        return Ok([const { None }; COUNT]);
    }
    let mut reading = None;
    let mut json = serde_json::Deserializer::from_slice(body);
    let object = Object { wanted, reading: &mut reading };
    let found = json.deserialize_map(object).and_then(|lists| json.end().map(|()| lists));
    found.map_err(|error| match reading {
        Some(list) if error.is_data() => list.refusal,
        _ => Refusal::InvalidBody,
    })
}

struct Object<'w, const COUNT: usize> {
    wanted: &'w [List; COUNT],
    /// The list that is being read.
    reading: &'w mut Option<List>,
}

impl<'b, const COUNT: usize> Visitor<'b> for Object<'_, COUNT> {
    type Value = [Texts<'b>; COUNT];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'b>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut lists = [const { None }; COUNT];
        let mut seen = [false; COUNT];
        while let Some(Text(name)) = map.next_key()? {
            let Some(place) = self.wanted.iter().position(|list| list.name == name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            *self.reading = Some(self.wanted[place]);
            if std::mem::replace(&mut seen[place], true) {
                return Err(A::Error::custom("the same name twice"));
            }
            lists[place] = map.next_value_seed(self.wanted[place])?;
            *self.reading = None;
        }
        Ok(lists)
    }
}

impl<'b> DeserializeSeed<'b> for List {
    type Value = Texts<'b>;

    fn deserialize<D: Deserializer<'b>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'b> Visitor<'b> for List {
    type Value = Texts<'b>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            0 => formatter.write_str("a string"),
            most => write!(formatter, "an array of at most {most} strings"),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if self.most > 0 {
            return Err(E::invalid_type(Unexpected::Str(text), &self));
        }
        Ok(Some(vec![Cow::Owned(text.to_owned())]))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'b>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        if self.most == 0 {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let mut texts = Vec::new();
        while let Some(Text(text)) = array.next_element()? {
            // Nothing is held beyond what is allowed, however long the body is.
            if texts.len() == self.most {
                return Err(A::Error::custom("too many"));
            }
            texts.push(text);
        }
        Ok(Some(texts))
    }
}

/// A string, borrowed from the body where nothing is escaped in it.
#[derive(Deserialize)]
struct Text<'b>(#[serde(borrow)] Cow<'b, str>);

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: [List; 2] = [
        List { name: "tags", most: 3, refusal: Refusal::InvalidTags },
        List { name: "users", most: 1, refusal: Refusal::InvalidUsers },
    ];

    fn outcome(body: &str) -> String {
        match lists(body.as_bytes(), &WANTED) {
            Err(refusal) => refusal.code().to_owned(),
            Ok(lists) => {
                let text = |list: &Texts<'_>| {
                    list.as_ref().map_or("-".to_owned(), |list| format!("[{}]", list.join(",")))
                };
                lists.iter().map(text).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// One line a case: `body -> tags users`, or the code of the refusal.
    #[test]
    fn bodies() {
        for line in [
            r#" -> - -"#,
            r#"{} -> - -"#,
            r#"{"tags":null,"users":[]} -> - []"#,
            r#"{"tags":["a","b\u00e9","a"]} -> [a,bé,a] -"#,
            r#"{"x":[{"tags":[]}],"users":["u"],"y":1e400} -> - [u]"#,
            r#"{"tags":["a","b","c","d"]} -> INVALID_TAGS"#,
            r#"{"tags":["a",1]} -> INVALID_TAGS"#,
            r#"{"tags":[["a"]]} -> INVALID_TAGS"#,
            r#"{"tags":"a"} -> INVALID_TAGS"#,
            r#"{"tags":{"a":1}} -> INVALID_TAGS"#,
            r#"{"tags":true} -> INVALID_TAGS"#,
            r#"{"tags":["a"],"tags":["a"]} -> INVALID_TAGS"#,
            r#"{"tags":["a"],"users":["u","v"]} -> INVALID_USERS"#,
            r#"[] -> INVALID_BODY"#,
            r#"[["a"]] -> INVALID_BODY"#,
            r#""tags" -> INVALID_BODY"#,
            r#"null -> INVALID_BODY"#,
            r#"tags=a -> INVALID_BODY"#,
            r#"{"tags":["a"]} x -> INVALID_BODY"#,
            r#"{"tags":["a"]}{} -> INVALID_BODY"#,
            r#"{"tags":["a" -> INVALID_BODY"#,
            r#"{"tags":["a",]} -> INVALID_BODY"#,
        ] {
            let (body, expected) = line.rsplit_once(" -> ").expect("a line has an arrow");
            assert_eq!(outcome(body), expected, "{line}");
        }
        let one = [List::one("at", Refusal::InvalidBeforeTime)];
        for (body, expected) in [
            (r#"{"at":"x\u0041"}"#, Ok(Some("xA"))),
            (r#"{"at":null}"#, Ok(None)),
            (r#"{}"#, Ok(None)),
            (r#"{"at":["x"]}"#, Err(Refusal::InvalidBeforeTime)),
            (r#"{"at":[]}"#, Err(Refusal::InvalidBeforeTime)),
            (r#"{"at":7}"#, Err(Refusal::InvalidBeforeTime)),
        ] {
            let found = lists(body.as_bytes(), &one).map(|[at]| at.map(|at| at.concat()));
            assert_eq!(found, expected.map(|text| text.map(str::to_owned)), "{body}");
        }
        assert_eq!(lists(b"{\"tags\":[\"\xff\"]}", &WANTED), Err(Refusal::InvalidBody));
    }

    #[test]
    fn media_types() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON ; charset=utf-8", true),
            ("application/json;", true),
            ("text/json", false),
            ("application/jsonx", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            assert_eq!(is_json(content_type.as_bytes()), expected, "{content_type}");
        }
    }
}
