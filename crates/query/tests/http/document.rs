//! The document at `/openapi.json`, and real answers held against it.

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use serde_json::Value;

use crate::endpoints::ask;
use crate::support::{Answer, Service};

const PLACE: &str = "https://tallymark.invalid/openapi.json";

/// What is answered at one place: method, path, and status with code, such as `401 INVALID_TOKEN`.
pub(crate) type Case = (String, String, String);

pub(crate) struct Document(pub(crate) Value);

impl Document {
    pub(crate) async fn of(service: &Service) -> Self {
        Self(ask(service, "GET /openapi.json").await.json())
    }

    /// The value that a pointer's parts lead to.
    fn at(&self, parts: &[&str]) -> &Value {
        let pointer = pointer(parts);
        self.0.pointer(&pointer).unwrap_or_else(|| panic!("the document has no {pointer}"))
    }

    /// What is wrong with a value, if anything is, by the schema there.
    pub(crate) fn objection(&self, schema: &str, value: &Value) -> Option<String> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource(PLACE, self.strict()).unwrap();
        let place = format!("{PLACE}#{schema}");
        let index = compiler.compile(&place, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        schemas.validate(value, index).err().map(|error| format!("{error:#}"))
    }

    /// The document, with no names allowed in an answer but its own: otherwise what may be left out could be called anything.
    fn strict(&self) -> Value {
        let mut document = self.0.clone();
        let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
        for schema in schemas.into_iter().flat_map(|schemas| schemas.values_mut()) {
            if schema.get("properties").is_some() {
                schema["additionalProperties"] = false.into();
            }
        }
        document
    }

    /// Each path with its methods.
    pub(crate) fn operations(&self) -> Vec<(&str, &str)> {
        let paths = self.at(&["paths"]).as_object().unwrap().iter();
        paths
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(|method| (path.as_str(), method.as_str()))
            })
            .collect()
    }

    /// All that the routes may answer. What the listener answers before them, which anybody may get anywhere, is not asked
    /// for here.
    pub(crate) fn cases(&self) -> BTreeSet<Case> {
        let mut cases = BTreeSet::new();
        for (path, method) in self.operations() {
            for (status, response) in self.at(&["paths", path, method, "responses"]).as_object().unwrap() {
                let told = response["description"].as_str().unwrap().lines();
                let codes = told.filter(|line| !line.contains("Told before anybody looks"));
                let codes: Vec<_> = codes.filter_map(|line| line.split('`').nth(1)).collect();
                let of_route = |code: &&str| status.as_str() >= "400" && !code.is_empty();
                let case = |what: String| (method.to_owned(), path.to_owned(), what);
                if status.as_str() < "400" {
                    cases.insert(case(status.clone()));
                }
                cases.extend(codes.into_iter().filter(of_route).map(|code| case(format!("{status} {code}"))));
            }
        }
        cases
    }

    /// Holds an answer against what is said of it. Returns which case it is.
    pub(crate) fn check(&self, method: &str, path: &str, answer: &Answer) -> Case {
        let (method, status) = (method.to_lowercase(), answer.status.as_u16().to_string());
        let parts = ["paths", path, &method, "responses", &status];
        let place = pointer(&parts);
        let response = self.at(&parts);
        for (name, header) in response["headers"].as_object().unwrap() {
            let Some(text) = answer.header(&name.to_lowercase()) else {
                assert!(header["required"] != true, "{place}: no {name} in {answer:?}");
                continue;
            };
            let value = match header["schema"]["type"].as_str() {
                Some("integer") => serde_json::from_str(text).unwrap(),
                _ => Value::from(text),
            };
            let schema = pointer(&[&parts[..], &["headers", name, "schema"]].concat());
            assert_eq!(self.objection(&schema, &value), None, "{place}: {name}: {text}");
        }
        let Some(content) = response.get("content") else {
            assert_eq!(answer.body, "", "{place}");
            return (method, path.to_owned(), status);
        };
        let media_type = answer.header("content-type").unwrap();
        assert!(content.get(media_type).is_some(), "{place}: {answer:?}");
        let schema = pointer(&[&parts[..], &["content", media_type, "schema"]].concat());
        let is_json = media_type == "application/json";
        let body = if is_json { answer.json() } else { Value::from(answer.body.as_str()) };
        assert_eq!(self.objection(&schema, &body), None, "{place}: {body}");
        let code = body["error"]["code"].as_str().map_or_else(String::new, |code| format!(" {code}"));
        (method, path.to_owned(), format!("{status}{code}"))
    }

    /// Every example of an answer, with the schema that it belongs to.
    pub(crate) fn examples(&self) -> Vec<(String, &Value)> {
        let mut found = Vec::new();
        for (path, method) in self.operations() {
            let mut contents = vec![vec!["requestBody", "content"]];
            let responses = self.at(&["paths", path, method, "responses"]).as_object().unwrap();
            contents.extend(responses.keys().map(|status| vec!["responses", status.as_str(), "content"]));
            for content in contents {
                let parts = [&["paths", path, method][..], &content].concat();
                let Some(content) = self.0.pointer(&pointer(&parts)) else { continue };
                for (media_type, content) in content.as_object().unwrap() {
                    for example in content["examples"].as_object().into_iter().flatten() {
                        let schema = pointer(&[&parts[..], &[media_type, "schema"]].concat());
                        found.push((schema, &example.1["value"]));
                    }
                }
            }
        }
        found
    }
}

/// RFC 6901.
fn pointer(parts: &[&str]) -> String {
    parts.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}
