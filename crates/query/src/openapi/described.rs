//! Routes and what they say of themselves, in one list: nothing can be answered that the document does not have, and
//! nothing is in the document that is not answered.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, get};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::errors::Refusing;
use super::{Document, Operation};
use crate::badges::{self, Badges};
use crate::refusal::Refusal;

/// Where the document is.
const DOCUMENT: &str = "/openapi.json";

const ABOUT: &str = "Exact unread badges of a chat product. `docs/http.md` of the project has all of this in words.

Errors are told in the order of the table there. Any other path is a 404 `NOT_FOUND`, any other method of a path that \
there is a 405 `METHOD_NOT_ALLOWED` with `Allow`.";

/// A router with its document.
pub(crate) struct Described {
    router: Router<Arc<Badges>>,
    paths: Map<String, Value>,
    generator: SchemaGenerator,
}

impl Described {
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
        });
        Self { router: Router::new(), paths: Map::new(), generator: settings.into_generator() }
    }

    /// Adds a route, with the methods that the operation has.
    pub(crate) fn route(
        mut self,
        path: &str,
        route: MethodRouter<Arc<Badges>>,
        operation: &Operation,
    ) -> Self {
        self.router = self.router.route(path, route);
        self.describe(path, operation);
        self
    }

    fn describe(&mut self, path: &str, operation: &Operation) {
        let methods = operation.methods().iter();
        let described = methods.map(|method| {
            let mut described = operation.describe(method, &mut self.generator);
            if path.len() > 1 && path.ends_with('/') {
                // The same question, which must have a name of its own all the same.
                let id = described["operationId"].as_str().unwrap_or_default();
                described["operationId"] = format!("{id}WithSlash").into();
            }
            ((*method).to_owned(), described)
        });
        let described: Map<_, _> = described.collect();
        self.paths.insert(path.to_owned(), described.into());
    }

    /// All routes, and one for the document of all of them.
    pub(crate) fn finish(mut self) -> Router<Arc<Badges>> {
        let document = Arc::new(Document::new(&self.document()));
        let answer = |State(badges): State<Arc<Badges>>, request: Request| async move {
            document.answer(&badges, &request)
        };
        self.router.route(DOCUMENT, get(answer).fallback(badges::method_not_allowed))
    }

    /// The document of all routes that were added, and of itself.
    pub(super) fn document(&mut self) -> Value {
        self.describe(DOCUMENT, &super::operation());
        let elsewhere = [Refusal::NotFound, Refusal::MethodNotAllowed, Refusal::OnlyGet, Refusal::OnlyPost]
            .map(Refusing::from);
        let mut responses = Map::new();
        for (status, same) in Refusing::by_status(elsewhere.into_iter()) {
            responses.insert(status.to_string(), Refusing::response(&same, &mut self.generator));
        }
        let key = |name: &str, description: &str| json!({ "type": "apiKey", "in": "header", "name": name, "description": description });
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Tallymark",
                "version": env!("CARGO_PKG_VERSION"),
                "description": ABOUT,
                "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
            },
            "servers": [{ "url": "/" }],
            "paths": self.paths,
            "components": {
                "schemas": self.generator.take_definitions(true),
                "responses": responses,
                "securitySchemes": {
                    "clientKey": key("IM-CLIENT-KEY", "Names the tenant. Public: every copy of an app may have it. Sent once."),
                    "token": key("IM-Authorization", "Proves the user: a token, bare or after `Bearer`. Sent once."),
                    "apiKey": key("IM-API-KEY", "One of the tenant's API keys, which are secret. Sent once."),
                },
            },
        })
    }
}
