use std::collections::BTreeSet;

use serde_json::Value;

use crate::listener::TurnedAway;
use crate::refusal::Refusal;
use crate::routes;

fn document() -> Value {
    routes::described().document()
}

/// Whatever is refused anywhere, by a route or the listener, is described with its status.
#[test]
fn every_refusal_is_in_the_document() {
    let document = document();
    let mut described = BTreeSet::new();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let responses =
        operations.map(|operation| &operation["responses"]).chain([&document["components"]["responses"]]);
    for (status, response) in responses.flat_map(|responses| responses.as_object().unwrap()) {
        let schema = &response["content"]["application/json"]["schema"]["properties"];
        let codes = schema["error"]["properties"]["code"]["enum"].as_array().into_iter().flatten();
        for code in codes {
            assert_eq!(schema["RC"]["const"].to_string(), *status);
            described.insert((status.clone(), code.as_str().unwrap().to_owned()));
        }
    }
    let of_routes = Refusal::ALL.iter().map(|refusal| (refusal.status(), refusal.code()));
    let of_listener = TurnedAway::ALL.iter().map(|reason| (reason.status(), reason.code()));
    let all = of_routes.chain(of_listener);
    let all: BTreeSet<_> = all.map(|(status, code)| (status.as_u16().to_string(), code.to_owned())).collect();
    assert_eq!(described, all);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = document();
    let mut names = BTreeSet::new();
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(!name.is_empty() && names.insert(name), "{name:?}");
        }
    }
    assert_eq!(names.len(), 14);
}
