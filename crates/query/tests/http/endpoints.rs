//! The whole family of questions: what is asked, and what is answered.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use counters::MutedRooms;
use query::Routes;
use serde_json::{Value, json};

use crate::model::after;
use crate::support::{Answer, Service, demo, hs256, other, token_of};

/// Ann has two unread messages in `work` (one mentions her), three in `play` (two mention all), which she muted, and
/// one in `plain`, which has no tags; nothing in `quiet`.
const STEPS: &str = "joined work ann,bob; tagged work a,b; joined play ann; tagged play b,c; muted play ann; \
    joined plain ann; joined quiet ann; tagged quiet d; \
    posted work m1 by bob mentions ann; posted work m2 by bob; posted work m3 by ann; \
    posted play m1 by eve mention_all; posted play m2 by eve; posted play m3 by eve mention_all; \
    posted plain m1 by eve; posted quiet m1 by eve mention_all; read quiet ann";

pub(crate) fn service(muted_rooms: MutedRooms) -> Service {
    Service::counting(after(STEPS), vec![demo(), other()], 100, muted_rooms)
}

/// `method target | headers | body`. Headers are `client`, the demo tenant's client key; `api`, its API key; a user's
/// name, for their token; `json`, for the content type; or `Name=value`. In the body, `{ann}` is Ann's token.
pub(crate) async fn ask(service: &Service, line: &str) -> Answer {
    ask_routes(&service.routes, line).await
}

pub(crate) async fn ask_routes(routes: &Routes, line: &str) -> Answer {
    let mut fields = line.trim_end_matches([' ', '|']).splitn(3, " | ").map(str::trim);
    let (method, target) = fields.next().and_then(|start| start.split_once(' ')).expect("method and target");
    let mut request = Request::builder().method(method).uri(target.trim());
    for word in fields.next().unwrap_or_default().split_whitespace() {
        let (name, value) = match word {
            "client" => ("im-client-key", "demo-client-key".to_owned()),
            "api" => ("im-api-key", "demo-api-key".to_owned()),
            "json" => ("content-type", "application/json; charset=utf-8".to_owned()),
            _ => match word.split_once('=') {
                Some((name, value)) => (name, value.to_owned()),
                None => ("im-authorization", token_of(word)),
            },
        };
        request = request.header(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(&value).unwrap());
    }
    let body = fields
        .next()
        .unwrap_or_default()
        .replace("{ann}", &token_of("ann"))
        .replace("{bob}", &token_of("bob"));
    Answer::of(routes, request.body(Body::from(body)).unwrap()).await
}

/// One line a case: a request as above, ` -> `, and the code of the refusal or `result` of the answer.
pub(crate) async fn check(service: &Service, line: &str) {
    let (request, expected) = line.rsplit_once(" -> ").expect("a line has an arrow");
    let answer = ask(service, request).await;
    assert_eq!(answer.header("content-type"), Some("application/json"), "{line}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{line}");
    let body = answer.json();
    if expected.starts_with('{') {
        let expected: Value =
            serde_json::from_str(expected).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(body, json!({ "RC": 0, "RM": "OK", "result": expected }), "{line}");
        assert_eq!(answer.status, 200, "{line}");
        let applied = service.counters.applied().to_string();
        assert_eq!(answer.header("badge-seq"), Some(applied.as_str()), "{line}");
        return;
    }
    assert_eq!(body["error"]["code"], expected, "{line}: {}", answer.body);
    assert_eq!(body["RC"], answer.status.as_u16(), "{line}");
    assert!(body["RM"].is_string() && body["error"]["message"].is_string(), "{line}: {}", answer.body);
    assert_eq!(answer.header("badge-seq"), None, "{line}");
    let is_post = !line.contains(" /me/badge");
    let allow = (expected == "METHOD_NOT_ALLOWED").then_some(if is_post { "POST" } else { "GET, HEAD" });
    assert_eq!(answer.header("allow"), allow, "{line}");
    let status = match expected {
        "NOT_FOUND" => 404,
        "METHOD_NOT_ALLOWED" => 405,
        "BODY_TOO_LARGE" => 413,
        "UNSUPPORTED_MEDIA_TYPE" => 415,
        "INVALID_CLIENT_KEY" | "INVALID_TOKEN" | "INVALID_API_KEY" => 401,
        "NOT_READY" | "NOT_YET" => 503,
        _ => 400,
    };
    assert_eq!(answer.status, status, "{line}");
    assert_eq!(answer.header("retry-after").is_some(), status == 503, "{line}");
    assert_eq!(body["RM"] == "Invalid parameters", status == 400, "{line}");
}

async fn check_all(service: &Service, lines: &[&str]) {
    for line in lines {
        check(service, line).await;
    }
}

#[tokio::test]
async fn badges_by_filter() {
    let lines = [
        r#"GET /me/badge?roomTags=a&roomTags=c | client ann -> {"badge":0}"#,
        r#"GET /me/badge?roomTags=a&roomTags=c&tagMode=all | client ann -> {"badge":0}"#,
        r#"GET /me/badge?roomTags=a&roomTags=c&tagMode=any | client ann -> {"badge":5}"#,
        r#"GET /me/badge?roomTags=a&roomTags=unknown&tagMode=any | client ann -> {"badge":2}"#,
        r#"GET /me/badge?roomTags=unknown&tagMode=any | client ann -> {"badge":0}"#,
        r#"GET /me/badge?tagMode=any | client ann -> {"badge":6}"#,
        r#"GET /me/badge?notRoomTags=c | client ann -> {"badge":3}"#,
        r#"GET /me/badge?notRoomTags=a&notRoomTags=c | client ann -> {"badge":1}"#,
        r#"GET /me/badge?roomTags=b&notRoomTags=c | client ann -> {"badge":2}"#,
        r#"GET /me/badge?roomTags=b&notRoomTags=b | client ann -> {"badge":0}"#,
        r#"GET /me/badge?notRoomTags=unknown | client ann -> {"badge":6}"#,
        "GET /me/badge?tagMode=some | client ann -> INVALID_TAG_MODE",
        "GET /me/badge?notRoomTags= | client ann -> INVALID_ROOM_TAGS",
        "GET /me/badge?notRoomTags[]=a | client ann -> INVALID_ROOM_TAGS",
        "GET /me/badge?minSeq=x | client ann -> INVALID_MIN_SEQ",
    ];
    check_all(&service(MutedRooms::Count), &lines).await;
}

#[tokio::test]
async fn summaries() {
    let muted = r#""muted":{"badge":3,"rooms":1,"mentions":2}"#;
    let none = r#"{"badge":0,"rooms":0,"mentions":0}"#;
    let counting = service(MutedRooms::Count);
    for (query, expected) in [
        ("", format!(r#"{{"badge":6,"rooms":3,"mentions":3,{muted}}}"#)),
        ("?roomTags=b", format!(r#"{{"badge":5,"rooms":2,"mentions":3,{muted}}}"#)),
        ("?notRoomTags=b", format!(r#"{{"badge":1,"rooms":1,"mentions":0,"muted":{none}}}"#)),
        (
            "?roomTags=a&roomTags=d&tagMode=any",
            format!(r#"{{"badge":2,"rooms":1,"mentions":1,"muted":{none}}}"#),
        ),
    ] {
        check(&counting, &format!("GET /me/badge/summary{query} | client ann -> {expected}")).await;
    }
    let skipping = service(MutedRooms::Skip);
    let expected = format!(r#"{{"badge":3,"rooms":2,"mentions":1,{muted}}}"#);
    check(&skipping, &format!("GET /me/badge/summary | client ann -> {expected}")).await;
    let nothing = format!(r#"{{"badge":0,"rooms":0,"mentions":0,"muted":{none}}}"#);
    check(&skipping, &format!("GET /me/badge/summary | client nobody -> {nothing}")).await;
}

#[tokio::test]
async fn badges_by_tag() {
    let lines = [
        r#"POST /badges/byRoomTags | client ann | -> {"totalBadge":5,"data":{"a":2,"b":5,"c":3,"d":0}}"#,
        r#"POST /badges/byRoomTags | client ann json | {} -> {"totalBadge":5,"data":{"a":2,"b":5,"c":3,"d":0}}"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":[]} -> {"totalBadge":5,"data":{"a":2,"b":5,"c":3,"d":0}}"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":null,"x":1} -> {"totalBadge":5,"data":{"a":2,"b":5,"c":3,"d":0}}"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":["a","c"]} -> {"totalBadge":5,"data":{"a":2,"c":3}}"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":["b","a","b"]} -> {"totalBadge":5,"data":{"a":2,"b":5}}"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":["d","nobody's"]} -> {"totalBadge":0,"data":{"d":0,"nobody's":0}}"#,
        r#"POST /badges/byRoomTags | client nobody | -> {"totalBadge":0,"data":{}}"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":"a"} -> INVALID_TAGS"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":[1]} -> INVALID_TAGS"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":[""]} -> INVALID_TAGS"#,
        r#"POST /badges/byRoomTags | client ann json | {"tags":["a\u0000"]} -> INVALID_TAGS"#,
        r#"POST /badges/byRoomTags | client ann json | ["a"] -> INVALID_BODY"#,
        r#"POST /badges/byRoomTags | client ann json | tags=a -> INVALID_BODY"#,
        r#"POST /badges/byRoomTags | client ann | {"tags":["a"]} -> UNSUPPORTED_MEDIA_TYPE"#,
        r#"POST /badges/byRoomTags | client ann Content-Type=text/plain | {"tags":["a"]} -> UNSUPPORTED_MEDIA_TYPE"#,
        r#"POST /badges/byRoomTags?minSeq=x | client ann -> INVALID_MIN_SEQ"#,
    ];
    let counting = service(MutedRooms::Count);
    check_all(&counting, &lines).await;
    let skipping =
        r#"POST /badges/byRoomTags | client ann | -> {"totalBadge":2,"data":{"a":2,"b":2,"c":0,"d":0}}"#;
    check(&service(MutedRooms::Skip), skipping).await;
    let message = ask(&counting, r#"POST /badges/byRoomTags | client ann json | {"tags":7}"#).await;
    assert_eq!(message.json()["error"]["message"], "Tags must be an array of strings");

    let tags = |count: usize| json!({ "tags": (0..count).map(|tag| format!("t{tag}")).collect::<Vec<_>>() });
    let of = |count| format!("POST /badges/byRoomTags | client ann json | {}", tags(count));
    assert_eq!(ask(&counting, &of(32)).await.status, 200);
    check(&counting, &format!("{} -> INVALID_TAGS", of(33))).await;
    let long = json!({ "tags": [], "more": "x".repeat(64 * 1024) });
    check(&counting, &format!("POST /badges/byRoomTags | client ann json | {long} -> BODY_TOO_LARGE")).await;
}

#[tokio::test]
async fn badges_of_tokens() {
    let service = service(MutedRooms::Count);
    let lines = [
        r#"POST /badges  | client json | {"tokens":["{ann}","{bob}"]} -> {"data":[{"client":"ann","badge":6},{"client":"bob","badge":1}],"totalBadge":7}"#,
        r#"POST /badges/ | client json | {"tokens":["{bob}"]} -> {"data":[{"client":"bob","badge":1}],"totalBadge":1}"#,
        r#"POST /badges  | client json | {"tokens":["{ann}","{ann}"]} -> {"data":[{"client":"ann","badge":6}],"totalBadge":6}"#,
        r#"POST /badges  | client json | {"tokens":[]} -> {"data":[],"totalBadge":0}"#,
        r#"POST /badges  | client json | {"tokens":"{ann}"} -> INVALID_TOKENS"#,
        r#"POST /badges  | client json | {"tokens":[7]} -> INVALID_TOKENS"#,
        r#"POST /badges  | client json | {} -> INVALID_TOKENS"#,
        r#"POST /badges  | client -> INVALID_TOKENS"#,
        r#"POST /badges  | client json | [] -> INVALID_BODY"#,
        r#"POST /badges  | client json | {"tokens":["Bearer {ann}"]} -> INVALID_TOKEN"#,
        r#"POST /badges  | IM-CLIENT-KEY=other-client-key json | {"tokens":["{ann}"]} -> INVALID_TOKEN"#,
        r#"POST /badges  | ann json | {"tokens":["{ann}"]} -> INVALID_CLIENT_KEY"#,
        r#"POST /badges  | client client json | {"tokens":["{ann}"]} -> INVALID_CLIENT_KEY"#,
        r#"POST /badges  | client Content-Type=text/plain | {"tokens":["{ann}"]} -> UNSUPPORTED_MEDIA_TYPE"#,
    ];
    check_all(&service, &lines).await;

    let expired = hs256(b"demo-secret", r#"{"sub":"ann","exp":1}"#);
    for (bad, place) in [("x", 1), (expired.as_str(), 1)] {
        let line = format!(r#"POST /badges | client json | {{"tokens":["{{ann}}","{bad}","y"]}}"#);
        let answer = ask(&service, &line).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status.as_u16(), &error["code"]), (401, &json!("INVALID_TOKEN")));
        assert_eq!(error["index"], place);
        assert_eq!(error["message"], format!("Invalid or expired token: tokens[{place}]"));
    }
    for (count, expected) in [(100, 200), (101, 400)] {
        let tokens = json!({ "tokens": vec!["{ann}"; count] });
        assert_eq!(ask(&service, &format!("POST /badges | client json | {tokens}")).await.status, expected);
    }
}

#[tokio::test]
async fn badges_for_servers() {
    let service = service(MutedRooms::Count);
    let lines = [
        r#"POST /users/badges | api json | {"users":["bob","ann","nobody"]} -> {"data":[{"client":"bob","badge":1},{"client":"ann","badge":6},{"client":"nobody","badge":0}],"totalBadge":7}"#,
        r#"POST /users/badges | api json | {"users":["ann","ann"],"roomTags":[]} -> {"data":[{"client":"ann","badge":6}],"totalBadge":6}"#,
        r#"POST /users/badges | api json | {"users":["ann"],"roomTags":["b","a"]} -> {"data":[{"client":"ann","badge":2}],"totalBadge":2}"#,
        r#"POST /users/badges | api json | {"users":["ann"],"roomTags":["b","unknown"]} -> {"data":[{"client":"ann","badge":0}],"totalBadge":0}"#,
        r#"POST /users/badges | api json | {"users":[]} -> {"data":[],"totalBadge":0}"#,
        r#"POST /users/badges | IM-API-KEY=other-api-key json | {"users":["ann"]} -> {"data":[{"client":"ann","badge":0}],"totalBadge":0}"#,
        r#"POST /users/badges | json | {"users":["ann"]} -> INVALID_API_KEY"#,
        r#"POST /users/badges | client ann json | {"users":["ann"]} -> INVALID_API_KEY"#,
        r#"POST /users/badges | api api json | {"users":["ann"]} -> INVALID_API_KEY"#,
        r#"POST /users/badges | IM-API-KEY=demo-api-keys json | {"users":["ann"]} -> INVALID_API_KEY"#,
        r#"POST /users/badges | IM-API-KEY=demo-client-key json | {"users":["ann"]} -> INVALID_API_KEY"#,
        r#"POST /users/badges | api json | {"users":[""]} -> INVALID_USERS"#,
        r#"POST /users/badges | api json | {"users":"ann"} -> INVALID_USERS"#,
        r#"POST /users/badges | api json | {} -> INVALID_USERS"#,
        r#"POST /users/badges | api json | {"users":["ann"],"roomTags":"a"} -> INVALID_ROOM_TAGS"#,
        r#"POST /users/badges | api json | {"users":["ann"],"roomTags":[""]} -> INVALID_ROOM_TAGS"#,
        r#"POST /users/badges | api json | {"users":["ann" -> INVALID_BODY"#,
        r#"POST /users/badges | api | {"users":["ann"]} -> UNSUPPORTED_MEDIA_TYPE"#,
        r#"POST /users/badges?minSeq | api json | {"users":["ann"]} -> INVALID_MIN_SEQ"#,
    ];
    check_all(&service, &lines).await;
    for (count, expected) in [(1_000, 200), (1_001, 400)] {
        let users = json!({ "users": vec!["ann"; count] });
        assert_eq!(ask(&service, &format!("POST /users/badges | api json | {users}")).await.status, expected);
    }
    let long = json!({ "users": [], "more": "x".repeat(1024 * 1024) });
    check(&service, &format!("POST /users/badges | api json | {long} -> BODY_TOO_LARGE")).await;
}

/// A request with several faults is refused for the first of them.
#[tokio::test]
async fn order_of_checks() {
    let service = service(MutedRooms::Count);
    service.gate.close();
    let lines = [
        "POST /me/badge/summary/ | -> NOT_FOUND",
        "GET  /badges/byRoomTags/ | -> NOT_FOUND",
        "GET  /users/badges/ | -> NOT_FOUND",
        "POST /me/badge/summary | -> METHOD_NOT_ALLOWED",
        "POST /me/badge/rooms | -> METHOD_NOT_ALLOWED",
        "GET  /badges | -> METHOD_NOT_ALLOWED",
        "PUT  /badges/ | -> METHOD_NOT_ALLOWED",
        "GET  /badges/byRoomTags | -> METHOD_NOT_ALLOWED",
        "GET  /users/badges | -> METHOD_NOT_ALLOWED",
        "GET  /me/badge/summary?roomTags&minSeq | -> INVALID_CLIENT_KEY",
        "GET  /me/badge/summary?roomTags&minSeq | client -> INVALID_TOKEN",
        "GET  /me/badge/summary?roomTags&minSeq | client ann -> INVALID_ROOM_TAGS",
        "GET  /me/badge/summary?minSeq | client ann -> INVALID_MIN_SEQ",
        "GET  /me/badge/summary | client ann -> NOT_READY",
        "GET  /me/badge/summary?minSeq=99999 | client ann -> NOT_READY",
        "GET  /me/badge/rooms?cursor&limit&sort&minSeq | client ann -> INVALID_MIN_SEQ",
        "GET  /me/badge/rooms?cursor&limit&sort | client ann -> INVALID_SORT",
        "GET  /me/badge/rooms?cursor&limit | client ann -> INVALID_LIMIT",
        "GET  /me/badge/rooms?cursor | client ann -> INVALID_CURSOR",
        "GET  /me/badge/rooms | client ann -> NOT_READY",
        "POST /badges/byRoomTags?minSeq | Content-Type=x | x -> INVALID_CLIENT_KEY",
        "POST /badges/byRoomTags?minSeq | client Content-Type=x | x -> INVALID_TOKEN",
        "POST /badges/byRoomTags?minSeq | client ann Content-Type=x | x -> UNSUPPORTED_MEDIA_TYPE",
        "POST /badges/byRoomTags?minSeq | client ann json Content-Length=999999 | x -> BODY_TOO_LARGE",
        "POST /badges/byRoomTags?minSeq | client ann json | x -> INVALID_BODY",
        r#"POST /badges/byRoomTags?minSeq | client ann json | {"tags":1} -> INVALID_TAGS"#,
        "POST /badges/byRoomTags?minSeq | client ann json -> INVALID_MIN_SEQ",
        "POST /badges/byRoomTags | client ann json -> NOT_READY",
        r#"POST /badges?minSeq | client json | {"tokens":["x"]} -> INVALID_MIN_SEQ"#,
        r#"POST /badges | client json | {"tokens":["x"]} -> INVALID_TOKEN"#,
        r#"POST /badges | client json | {"tokens":["{ann}"]} -> NOT_READY"#,
        r#"POST /users/badges | api json | {"users":["ann"]} -> NOT_READY"#,
    ];
    check_all(&service, &lines).await;
}

#[tokio::test]
async fn answers_are_counted() {
    let service = service(MutedRooms::Count);
    let series = |status: u16, code: &str| {
        service.metric(&format!(r#"tallymark_http_requests_total{{status="{status}",code="{code}"}}"#))
    };
    for code in ["NOT_YET", "NOT_READY"] {
        assert_eq!(series(503, code), 0);
    }
    ask(&service, "POST /badges/byRoomTags | client ann").await;
    ask(&service, "GET /me/badge/summary | client ann").await;
    ask(&service, "GET /me/badge/summary | client ann If-None-Match=*").await;
    ask(&service, "POST /users/badges | client ann").await;
    ask(&service, "GET /badges | client ann").await;
    ask(&service, "DELETE /me/badge | client ann").await;
    assert_eq!((series(200, "OK"), series(304, "NOT_MODIFIED")), (2, 1));
    assert_eq!((series(401, "INVALID_API_KEY"), series(405, "METHOD_NOT_ALLOWED")), (1, 2));
    assert_eq!(service.metric("tallymark_http_request_duration_seconds_count"), 6);
}
