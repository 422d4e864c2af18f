//! Questions of a tenant's servers that come another way than over HTTP: the same answers, and the same refusals.

use std::num::NonZero;
use std::time::{Duration, Instant};

use counters::MutedRooms;
use query::{Rate, Rates, ServerAnswer, Tenants};
use serde_json::{Value, json};

use crate::endpoints::{self, ask};
use crate::support::{Service, other};

fn answer(service: &Service, tenant: &str, body: &str) -> ServerAnswer {
    match service.servers.question(tenant, body.as_bytes(), Instant::now()) {
        Ok(question) => question.answer(),
        Err(refused) => refused,
    }
}

fn json_of(answer: &ServerAnswer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[tokio::test]
async fn answers_are_those_over_http() {
    let service = endpoints::service(MutedRooms::Count);
    for body in [
        r#"{"users":["ann","bob","nobody","ann"]}"#,
        r#"{"users":["ann"],"roomTags":["b","a","b"]}"#,
        r#"{"users":["ann"],"roomTags":["unknown"]}"#,
        r#"{"users":[],"roomTags":null}"#,
        r#"{"users":["\u0061nn"],"x":{"users":[]}}"#,
        r#"{"users":["ann",""]}"#,
        r#"{"users":null}"#,
        r#"{"users":["ann"],"roomTags":[1]}"#,
        r#"{"users":["ann"],"roomTags":[""]}"#,
        r#"{"users":["ann"]"#,
        "[]",
        "",
    ] {
        let over_http = ask(&service, &format!("POST /users/badges | api json | {body}")).await;
        let answer = answer(&service, "demo", body);
        assert_eq!(json_of(&answer), over_http.json(), "{body}");
        assert_eq!(answer.status, over_http.status.as_u16(), "{body}");
        let applied = answer.applied.map(|applied| applied.to_string());
        assert_eq!(applied.as_deref(), over_http.header("badge-seq"), "{body}");
        assert_eq!(answer.is_error(), answer.code != "OK", "{body}");
        assert!(ServerAnswer::codes().any(|code| code == answer.code), "{body}");
    }
}

/// One line a case: `body -> code`.
#[tokio::test]
async fn numbers_in_a_body() {
    let service = endpoints::service(MutedRooms::Count);
    for line in [
        r#""minSeq":0 -> OK"#,
        r#""minSeq":null -> OK"#,
        r#""min\u0053eq":9007199254740991 -> NOT_YET"#,
        r#""minSeq":9007199254740992 -> INVALID_MIN_SEQ"#,
        r#""minSeq":-1 -> INVALID_MIN_SEQ"#,
        r#""minSeq":1.0 -> INVALID_MIN_SEQ"#,
        r#""minSeq":"1" -> INVALID_MIN_SEQ"#,
        r#""minSeq":[1] -> INVALID_MIN_SEQ"#,
        r#""minSeq":1,"minSeq":1 -> INVALID_MIN_SEQ"#,
        // Only who watches is asked for how long.
        r#""seconds":"x" -> OK"#,
    ] {
        let (numbers, expected) = line.rsplit_once(" -> ").expect("a line has an arrow");
        let answer = answer(&service, "demo", &format!(r#"{{"users":["ann"],{numbers}}}"#));
        assert_eq!(answer.code, expected, "{line}");
    }
    for (numbers, expected) in [
        ("", Ok(300)),
        (r#","seconds":null"#, Ok(300)),
        (r#","seconds":0"#, Ok(0)),
        (r#","seconds":3600"#, Ok(3_600)),
        (r#","seconds":3601"#, Err("INVALID_SECONDS")),
        (r#","seconds":-1"#, Err("INVALID_SECONDS")),
        (r#","seconds":1.5"#, Err("INVALID_SECONDS")),
        (r#","seconds":1,"seconds":1"#, Err("INVALID_SECONDS")),
        (r#","seconds":1,"minSeq":true"#, Err("INVALID_MIN_SEQ")),
    ] {
        let body = format!(r#"{{"users":["ann"]{numbers}}}"#);
        let asked = service.servers.watch("demo", body.as_bytes(), Instant::now());
        let found = asked.map(|question| question.watch_lasts().as_secs()).map_err(|refused| {
            assert_eq!(json_of(&refused)["RM"], "Invalid parameters");
            refused.code
        });
        assert_eq!(found, expected, "{body}");
    }
}

#[tokio::test]
async fn who_watches_is_told_until_when() {
    let service = endpoints::service(MutedRooms::Count);
    let body = br#"{"users":["bob","ann","bob"],"roomTags":["b","a","b"]}"#;
    let question = service.servers.watch("demo", body, Instant::now()).unwrap_or_else(|_| panic!("refused"));
    assert_eq!(question.tenant(), "demo");
    assert_eq!(question.users().collect::<Vec<_>>(), ["bob", "ann"]);
    assert_eq!(question.room_tags().collect::<Vec<_>>(), ["b", "a"]);
    let plain = json_of(&question.answer());
    let mut expected = plain.clone();
    for until in [json!("later"), Value::Null] {
        expected["result"]["until"] = until.clone();
        assert_eq!(json_of(&question.answer_watching(until.as_str())), expected);
    }
    assert!(plain["result"]["totalBadge"].as_u64() > Some(0));
}

#[tokio::test]
async fn only_tenants_of_the_settings_are_answered() {
    let service = endpoints::service(MutedRooms::Count);
    for tenant in ["", "DEMO", "dem", "demo ", "de.mo", "demo\n", "\u{e9}"] {
        let refused = answer(&service, tenant, "no question");
        assert_eq!((refused.status, refused.code), (401, "UNKNOWN_TENANT"), "{tenant:?}");
        assert_eq!(json_of(&refused)["error"]["code"], "UNKNOWN_TENANT");
        assert!(!service.servers.knows(tenant));
    }
    assert_eq!(json_of(&answer(&service, "other", r#"{"users":["ann"]}"#))["result"]["totalBadge"], 0);
    assert!(service.servers.knows("demo"));
    service.admission.admit(Tenants::new(vec![other()]).expect("valid tenants"));
    assert_eq!(answer(&service, "demo", r#"{"users":["ann"]}"#).code, "UNKNOWN_TENANT");
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let service = endpoints::service(MutedRooms::Count);
    let start = r#"{"users":["ann"],"x":""#;
    for (bytes, expected) in [(1 << 20, "OK"), ((1 << 20) + 1, "BODY_TOO_LARGE")] {
        let body = format!(r#"{start}{}"}}"#, "x".repeat(bytes - start.len() - 2));
        assert_eq!(body.len(), bytes);
        assert_eq!(answer(&service, "demo", &body).code, expected);
    }
}

#[tokio::test]
async fn a_closed_gate_refuses() {
    let service = endpoints::service(MutedRooms::Count);
    let asked = service.servers.question("demo", br#"{"users":["ann"],"minSeq":999}"#, Instant::now());
    let question = asked.unwrap_or_else(|_| panic!("refused"));
    service.gate.close();
    // Nobody waits for counts that can't be trusted.
    tokio::time::timeout(Duration::from_millis(100), question.wait()).await.expect("no wait");
    let refused = question.answer();
    assert_eq!((refused.code, refused.retry_after_seconds), ("NOT_READY", Some(5)));
}

#[tokio::test]
async fn an_answer_waits_for_its_event() {
    let mut service = endpoints::service(MutedRooms::Count);
    let next = service.counters.applied() + 1;
    let body = format!(r#"{{"users":["ann"],"minSeq":{next}}}"#);
    let ask = || service.servers.question("demo", body.as_bytes(), Instant::now());
    let (late, early) =
        (ask().unwrap_or_else(|_| panic!("refused")), ask().unwrap_or_else(|_| panic!("refused")));
    assert!(early.waits());
    let refused = late.answer();
    assert_eq!((refused.code, refused.retry_after_seconds), ("NOT_YET", Some(1)));
    assert_eq!(json_of(&refused)["error"]["badgeSeq"], next - 1);
    let waiting = tokio::spawn(async move {
        early.wait().await;
        early.answer()
    });
    tokio::task::yield_now().await;
    service.counters.advance(next);
    service.arrivals.arrived(next);
    assert_eq!(waiting.await.expect("no panic").applied, Some(next));
}

#[tokio::test]
async fn a_tenant_has_one_rate_whichever_way_it_asks() {
    let rate = Rate { per_second: NonZero::new(1).unwrap(), burst: NonZero::new(3).unwrap() };
    let still = Instant::now() + Duration::from_secs(3_600);
    let service = Service::with_rates(Rates::new(Some(rate), None, 100, still));
    let over_http = || ask(&service, r#"POST /users/badges | api json | {"users":["ann"]}"#);
    assert_eq!(over_http().await.status, 200);
    assert_eq!(answer(&service, "demo", r#"{"users":["ann"]}"#).code, "OK");
    assert_eq!(over_http().await.status, 200);
    let refused = answer(&service, "demo", "no question");
    assert_eq!((refused.status, refused.code), (429, "RATE_LIMIT_EXCEEDED"));
    assert!(refused.retry_after_seconds.is_some());
    assert_eq!(over_http().await.status, 429);
    assert_eq!(answer(&service, "other", r#"{"users":["ann"]}"#).code, "OK");
}
