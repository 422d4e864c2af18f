//! schemathesis reads the OpenAPI document of a real service, asks all that can be asked by it, and more, and holds each
//! answer against it: status, headers, content type and body.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Nats, Service, Settings, api_key, client_key, home, token};
use xtask::Tool;

const TENANT: &str = "demo";
/// A stream of events has no end to wait for.
const ENDLESS: [&str; 1] = ["/me/badge/live"];
/// All of it takes no longer, on a machine that does other things too.
const LONGEST: Duration = Duration::from_secs(90);

/// The same requests in each run.
///
/// 503 is an answer like others: `NOT_YET` is what a sequence that is far away gets. That there was no other, the test
/// looks up itself. Whether what JSON Schema finds valid is taken, and all else refused, is not checked: limits are in
/// bytes, and names that mean nothing are ignored.
const CONFIGURATION: &str = r#"
seed = 20260101
[generation]
max-examples = 20
database = "none"
[auth.openapi]
clientKey = { api_key = "${CLIENT_KEY}" }
token = { api_key = "${TOKEN}" }
apiKey = { api_key = "${API_KEY}" }
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503]
positive_data_acceptance.enabled = false
negative_data_rejection.enabled = false
[output.sanitization]
enabled = false
"#;

/// Ann has something of everything.
fn chat(nats: &Nats) -> u64 {
    let events = [
        ("room.joined", json!({ "room": "r1", "users": ["ann", "bob"] })),
        ("room.joined", json!({ "room": "r2", "users": ["ann"] })),
        ("room.tagged", json!({ "room": "r1", "tags": ["work", "urgent"] })),
        ("room.tagged", json!({ "room": "r2", "tags": ["news"] })),
        ("room.muted", json!({ "room": "r2", "user": "ann", "muted": true })),
        ("message.posted", json!({ "room": "r1", "message": "m1", "sender": "bob", "mentions": ["ann"] })),
        ("message.posted", json!({ "room": "r1", "message": "m2", "sender": "bob" })),
        ("message.posted", json!({ "room": "r2", "message": "m1", "sender": "eve", "mention_all": true })),
    ];
    let subject = |kind: &str| format!("chat.{TENANT}.{kind}");
    events.iter().map(|(kind, body)| nats.publish(&subject(kind), body.to_string())).max().unwrap()
}

/// The document as it is served, but with tokens that are some, where it has one that only looks like it.
fn document(service: &Service) -> Value {
    let answer = service.public().get("/openapi.json", &[]).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut document = answer.json();
    for path in ["/badges", "/badges/"] {
        let content = &mut document["paths"][path]["post"]["requestBody"]["content"]["application/json"];
        let tokens = &mut content["examples"]["usual"]["value"]["tokens"];
        assert!(tokens[0].is_string(), "the document has other examples: {tokens}");
        *tokens = json!([token(TENANT, "ann"), token(TENANT, "bob")]);
    }
    document
}

struct Run {
    is_fine: bool,
    printed: String,
    /// How often each path was answered how, by method.
    answers: BTreeMap<(String, String), BTreeMap<u64, u32>>,
}

fn schemathesis(service: &Service, document: &Value, arguments: &[&str]) -> Run {
    let home = home();
    let file = |name: &str| home.path().join(name);
    fs::write(file("openapi.json"), document.to_string()).unwrap();
    fs::write(file("schemathesis.toml"), CONFIGURATION).unwrap();
    let mut command = Command::new(Tool::SCHEMATHESIS.find_or_install().unwrap());
    command.current_dir(home.path()).args(["run", "openapi.json", "--no-color"]);
    command.arg(format!("--url=http://{}", service.public().server()));
    command.args(["--report=har", "--report-har-path=report.har"]).args(arguments);
    for path in ENDLESS {
        command.args(["--exclude-path", path]);
    }
    command.env("CLIENT_KEY", client_key(TENANT)).env("API_KEY", api_key(TENANT));
    let output = command.env("TOKEN", token(TENANT, "ann")).output().unwrap();
    let printed =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    Run { is_fine: output.status.success(), answers: answers(&file("report.har"), &printed), printed }
}

fn answers(report: &Path, printed: &str) -> BTreeMap<(String, String), BTreeMap<u64, u32>> {
    let report = fs::read(report).unwrap_or_else(|error| panic!("{error}: {printed}"));
    let report: Value = serde_json::from_slice(&report).unwrap();
    let mut answers = BTreeMap::<_, BTreeMap<u64, u32>>::new();
    for exchange in report["log"]["entries"].as_array().unwrap() {
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let (_, rest) = request["url"].as_str().unwrap().split_once("://").unwrap();
        let path = rest.find('/').map_or("/", |start| &rest[start..]).split('?').next().unwrap();
        let place = (request["method"].as_str().unwrap().to_lowercase(), path.to_owned());
        *answers.entry(place).or_default().entry(response["status"].as_u64().unwrap()).or_default() += 1;
    }
    answers
}

#[test]
fn every_answer_is_as_described() {
    let nats = Nats::start();
    let mut settings = Settings::new(&nats, &[TENANT]);
    settings.set("http.min_seq_wait_ms", "5");
    let mut service = Service::start(settings);
    service.ready();
    let last = chat(&nats);
    service.applied(last);
    // Installing it is no part of it.
    Tool::SCHEMATHESIS.find_or_install().unwrap();

    let document = document(&service);
    let started = Instant::now();
    let run = schemathesis(&service, &document, &[]);
    let took = started.elapsed();
    assert!(run.is_fine, "{}", run.printed);
    assert!(took < LONGEST, "it took {took:?}");
    let paths = document["paths"].as_object().unwrap();
    let operations: BTreeSet<_> = paths
        .iter()
        .filter(|(path, _)| !ENDLESS.contains(&path.as_str()))
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone()))
        })
        .collect();
    assert!(operations.len() >= 12, "{operations:?}");
    for operation in &operations {
        let answers = run.answers.get(operation).unwrap_or_else(|| panic!("{operation:?} was never asked"));
        assert!(answers.contains_key(&200), "{operation:?} was never answered: {answers:?}");
        let others = answers.keys().filter(|status| **status >= 400).count();
        assert!(others > 0 || operation.1 == "/openapi.json", "{operation:?} was never refused: {answers:?}");
    }
    let metrics = service.metrics();
    let told = |status: u16, code: &str| {
        let series = format!("tallymark_http_requests_total{{status=\"{status}\",code=\"{code}\"}} ");
        let value = metrics.text().lines().find_map(|line| line.strip_prefix(&series)?.parse::<u64>().ok());
        value.unwrap_or_else(|| panic!("no {series} in {}", metrics.text()))
    };
    let never = [(503, "NOT_READY"), (503, "OVERLOADED"), (503, "TOKEN_CHECK_UNAVAILABLE")];
    assert_eq!(never.map(|(status, code)| told(status, code)), [0_u64; 3]);
    assert!(told(503, "NOT_YET") > 0);

    // With a document that says something else, it objects, and to that: it does look.
    let of_badge = "/paths/~1me~1badge/get/responses";
    for (place, wrong, objection) in [
        (
            "/components/schemas/Badge/properties/badge/type".to_owned(),
            json!("string"),
            "Response violates schema",
        ),
        (
            format!("{of_badge}/200/headers/Badge-Seq/schema/maximum"),
            json!(last - 1),
            "Response header does not conform to the schema",
        ),
        (format!("{of_badge}/200/content"), json!({ "text/plain": {} }), "Undocumented Content-Type"),
        (of_badge.to_owned(), json!({ "400": { "description": "" } }), "Undocumented status code"),
    ] {
        let mut lie = document.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        lie.pointer_mut(parent).unwrap()[name] = wrong;
        let run = schemathesis(&service, &lie, &["--include-path", "/me/badge", "--phases", "examples"]);
        let objects = !run.is_fine && run.printed.contains(objection);
        assert!(objects, "nobody objects to another {place}:\n{}", run.printed);
    }
}
