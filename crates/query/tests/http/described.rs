//! What `/openapi.json` says is what is answered: everything it says, and nothing else.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use counters::MutedRooms;
use query::{Introspection, LiveLimits, Rate, Rates, Tenant, TenantKeys};
use serde_json::Value;

use crate::document::{Case, Document};
use crate::elsewhere::Elsewhere;
use crate::endpoints::{ask, service};
use crate::support::{Service, demo, other};

#[tokio::test]
async fn the_document_is_as_it_is_made() {
    let Document(document) = Document::of(&Service::new()).await;
    let text = format!("{document:#}\n");
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&place, &text).unwrap();
    }
    let found = fs::read_to_string(&place).unwrap_or_default();
    assert!(found == text, "docs/openapi.json is out of date; `cargo xtask describe` writes it anew");
}

#[tokio::test]
async fn the_document_is_a_valid_one() {
    let official = serde_json::from_str(include_str!("../data/openapi-3.1.json")).unwrap();
    let official = Document(official);
    let Document(document) = Document::of(&Service::new()).await;
    assert_eq!(official.objection("", &document), None);
    for (place, wrong) in [("/paths/~1me~1badge/get/responses/200/descripton", "x"), ("/openapi", "3.0.0")] {
        let mut broken = document.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        broken.pointer_mut(parent).unwrap()[name] = wrong.into();
        assert!(official.objection("", &broken).is_some(), "{place}");
    }
}

/// That the schemas are valid ones is checked on the way.
#[tokio::test]
async fn every_example_is_valid() {
    let document = Document::of(&Service::new()).await;
    let examples = document.examples();
    assert!(examples.len() > 100, "{}", examples.len());
    for (schema, example) in examples {
        assert_eq!(document.objection(&schema, example), None, "{schema}: {example}");
    }
    for (path, method) in document.operations() {
        for (place, parameter) in parameters(&document, path, method).iter().enumerate() {
            let schema = format!("/paths/{}/{method}/parameters/{place}/schema", path.replace('/', "~1"));
            let example = &parameter["examples"]["usual"]["value"];
            assert_eq!(document.objection(&schema, example), None, "{schema}: {example}");
        }
    }
}

fn parameters<'d>(document: &'d Document, path: &str, method: &str) -> &'d Vec<Value> {
    document.0["paths"][path][method]["parameters"].as_array().unwrap()
}

#[tokio::test]
async fn it_is_asked_for_like_anything_else() {
    let service = Service::new();
    let whole = ask(&service, "GET /openapi.json?x=y").await;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.header("cache-control"), Some("no-store"));
    assert_eq!(whole.header("badge-seq"), None);
    let tag = whole.header("etag").unwrap();
    let known = ask(&service, &format!("GET /openapi.json | If-None-Match={tag}")).await;
    assert_eq!((known.status.as_u16(), known.header("etag")), (304, Some(tag)));
    assert_eq!((known.body.as_str(), known.header("badge-seq")), ("", None));
    let head = ask(&service, "HEAD /openapi.json").await;
    assert_eq!((head.status, head.body.as_str(), head.header("etag")), (whole.status, "", Some(tag)));
    let refused = ask(&service, "POST /openapi.json").await;
    assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(ask(&service, "GET /openapi.json/").await.status, 404);
    service.gate.close();
    assert_eq!(ask(&service, "GET /openapi.json").await.status, 200);
    assert_eq!(service.metric(r#"tallymark_http_requests_total{status="200",code="OK"}"#), 3);
}

/// Requests that are answered, and what makes each of them wrong.
const USER_GET: [&str; 3] = ["/me/badge", "/me/badge/summary", "/me/badge/rooms"];
const WRONG_GET: [&str; 9] = [
    " | client ann",
    " | client ann If-None-Match=*",
    " | ann",
    " | client",
    "?roomTags= | client ann",
    "?notRoomTags[]=a | client ann",
    "?tagMode=some | client ann",
    "?minSeq=-1 | client ann",
    "?minSeq=9007199254740991 | client ann",
];
const WRONG_ROOMS: [&str; 4] = [
    "?sort=x | client ann",
    "?limit=0 | client ann",
    "?cursor=x | client ann",
    "?sort=id&limit=1 | client ann",
];
const POST: [(&str, &str, &str); 5] = [
    ("/badges", "client", r#"{"tokens":["{ann}"]}"#),
    ("/badges/", "client", r#"{"tokens":["{ann}"]}"#),
    ("/badges/byRoomTags", "client ann", r#"{"tags":["a"]}"#),
    ("/badges/byRoomTagsAndTime", "client ann", r#"{"tags":["a"],"beforeTime":"2024-02-29T12:00:00Z"}"#),
    ("/users/badges", "api", r#"{"users":["ann"],"roomTags":["a"]}"#),
];

fn requests() -> Vec<String> {
    let mut lines = Vec::new();
    for method in ["GET", "HEAD"] {
        for path in USER_GET {
            lines.extend(WRONG_GET.map(|rest| format!("{method} {path}{rest}")));
        }
        lines.extend(WRONG_ROOMS.map(|rest| format!("{method} /me/badge/rooms{rest}")));
        lines.extend(["", " | If-None-Match=*"].map(|rest| format!("{method} /openapi.json{rest}")));
    }
    lines.extend(WRONG_GET.map(|rest| format!("GET /me/badge/live{rest}")));
    lines.push("GET /me/badge/live | client ann Last-Event-ID=x".to_owned());
    for (path, who, body) in POST {
        lines.push(format!("POST {path} | json | {body}"));
        lines.push(format!("POST {path} | client json | {body}"));
        lines.push(format!("POST {path} | {who} json | {body}"));
        lines.push(format!("POST {path} | {who} | {body}"));
        lines.push(format!("POST {path} | {who} json Content-Length=9999999 | {body}"));
        lines.push(format!("POST {path} | {who} json | []"));
        lines.push(format!("POST {path} | {who} json | {}", body.replace(['[', ']'], "")));
        for [right, wrong] in [
            ["{ann}", "x"],
            [r#"["a"]"#, "1"],
            ["2024-02-29T12:00:00Z", "yesterday"],
            ["2024-02-29T12:00:00Z", "1970-01-01T00:00:00Z"],
        ] {
            lines.push(format!("POST {path} | {who} json | {}", body.replace(right, wrong)));
        }
        lines.push(format!("POST {path}?minSeq=x | {who} json | {body}"));
        lines.push(format!("POST {path}?minSeq=9007199254740991 | {who} json | {body}"));
    }
    lines
}

/// Asks all of it, and adds what was answered.
async fn provoke(service: &Service, document: &Document, provoked: &mut BTreeSet<Case>) {
    for line in requests() {
        let answer = ask(service, &line).await;
        let (method, rest) = line.split_once(' ').unwrap();
        let path = rest.split([' ', '?']).next().unwrap();
        let mut case = document.check(method, path, &answer);
        if method == "HEAD" {
            // It has no body to tell the code: GET has.
            let same = ask(service, &line.replacen("HEAD", "GET", 1)).await;
            assert_eq!(same.status, answer.status, "{line}");
            case.2 = document.check("GET", path, &same).2;
        }
        provoked.insert(case);
    }
}

/// A service whose users may ask once in a long while.
fn exhausted() -> Service {
    let rate = Rate { per_second: 1.try_into().unwrap(), burst: 1.try_into().unwrap() };
    // What was taken never comes back: that time does not pass.
    Service::with_rates(Rates::new(Some(rate), None, 100, Instant::now() + Duration::from_secs(3600)))
}

/// A service whose users' tokens nobody can judge.
fn unable() -> Service {
    let nobody = Elsewhere::default();
    let url = "https://id.example/introspect".to_owned();
    let introspection = Some(Introspection::new(url, None, Duration::from_secs(1), nobody.fetch()));
    Service::with(vec![Tenant { keys: TenantKeys::default(), introspection, ..demo() }, other()], 10)
}

#[tokio::test]
async fn everything_that_is_described_is_answered_and_nothing_else() {
    let open = service(MutedRooms::Count);
    let document = Document::of(&open).await;
    let mut provoked = BTreeSet::new();
    // A live badge ends as soon as it has begun.
    open.hub.close();
    provoke(&open, &document, &mut provoked).await;
    open.gate.close();
    provoke(&open, &document, &mut provoked).await;
    provoke(&exhausted(), &document, &mut provoked).await;
    provoke(&unable(), &document, &mut provoked).await;
    let full = Service::with_live(LiveLimits { connections: 0, ..LiveLimits::default() });
    full.hub.close();
    provoke(&full, &document, &mut provoked).await;
    let described = document.cases();
    let missing: Vec<_> = described.difference(&provoked).collect();
    assert!(missing.is_empty(), "nothing provokes {missing:#?}");
    let surprising: Vec<_> = provoked.difference(&described).collect();
    assert!(surprising.is_empty(), "the document does not have {surprising:#?}");
}

/// The page for people and the document for programs have the same codes, with the same status.
#[tokio::test]
async fn the_page_has_the_same_errors() {
    let page = include_str!("../../../../docs/http.md");
    let (_, page) = page.split_once("\n## Errors\n").unwrap();
    let (page, _) = page.split_once("\n## Readiness\n").unwrap();
    let mut on_page = BTreeSet::new();
    for row in page.lines().filter_map(|line| line.strip_prefix("| ")) {
        let mut columns = row.split(" | ");
        let (status, codes) = (columns.next().unwrap(), columns.next().unwrap());
        let codes =
            codes.split('`').filter(|code| code.starts_with(|first: char| first.is_ascii_uppercase()));
        on_page.extend(codes.map(|code| format!("{status} {code}")));
    }
    let Document(document) = Document::of(&Service::new()).await;
    let mut in_document = BTreeSet::new();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let responses =
        operations.map(|operation| &operation["responses"]).chain([&document["components"]["responses"]]);
    for (status, response) in responses.flat_map(|responses| responses.as_object().unwrap()) {
        let codes =
            &response["content"]["application/json"]["schema"]["properties"]["error"]["properties"]["code"];
        let codes = codes["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        in_document.extend(codes.map(|code| format!("{status} {code}")));
    }
    assert_eq!(in_document, on_page);
}
