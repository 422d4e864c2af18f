//! `/badges/byRoomTagsAndTime`: what is asked of whoever knows times, and what becomes of the answer.

use counters::MutedRooms;
use query::{BeforeTime, BeforeTimeQuestion, NotBeforeTime};

use crate::endpoints::{check, service};

/// Whoever knows times: of Ann, everything is known from the first second on. Says what was asked.
pub(crate) async fn answer(question: BeforeTimeQuestion, applied: u64) -> Result<BeforeTime, NotBeforeTime> {
    let BeforeTimeQuestion { tenant, user, tags, before_ms, muted_rooms } = question;
    match (user.as_str(), before_ms) {
        ("bob", _) => return Err(NotBeforeTime::NotReady),
        ("ann", 0..1_000) => return Err(NotBeforeTime::TooOld),
        _ => {}
    }
    let asked = format!("{tenant} {user} {} {muted_rooms:?}", tags.join("+"));
    Ok(BeforeTime { total: before_ms, parts: [(asked, before_ms)].into(), applied })
}

#[tokio::test]
async fn badges_by_tag_and_time() {
    let service = service(MutedRooms::Skip);
    let lines = [
        r#"{"beforeTime":"1970-01-01T00:00:00.999Z"} -> TIME_TOO_OLD"#,
        r#"{"beforeTime":"1970-01-01"} -> INVALID_BEFORE_TIME"#,
        r#"{"beforeTime":1000} -> INVALID_BEFORE_TIME"#,
        r#"{"beforeTime":["1970-01-01T00:00:01Z"]} -> INVALID_BEFORE_TIME"#,
        r#"{"beforeTime":null} -> INVALID_BEFORE_TIME"#,
        r#"{"tags":[]} -> INVALID_BEFORE_TIME"#,
        r#"{"tags":[""],"beforeTime":"x"} -> INVALID_TAGS"#,
        r#"{"tags":"a","beforeTime":"x"} -> INVALID_TAGS"#,
        r#"[] -> INVALID_BODY"#,
    ];
    for line in lines {
        check(&service, &format!("POST /badges/byRoomTagsAndTime | client ann json | {line}")).await;
    }
    for line in [
        "GET /badges/byRoomTagsAndTime | client ann -> METHOD_NOT_ALLOWED",
        "POST /badges/byRoomTagsAndTime/ | client ann -> NOT_FOUND",
        "POST /badges/byRoomTagsAndTime | ann json | {} -> INVALID_CLIENT_KEY",
        "POST /badges/byRoomTagsAndTime | client json | {} -> INVALID_TOKEN",
        r#"POST /badges/byRoomTagsAndTime?minSeq | client ann json | {"beforeTime":"1970-01-01T00:00:01Z"} -> INVALID_MIN_SEQ"#,
        r#"POST /badges/byRoomTagsAndTime | client bob json | {"beforeTime":"1970-01-01T00:00:01Z"} -> NOT_READY"#,
    ] {
        check(&service, line).await;
    }
}

#[tokio::test]
async fn who_knows_times_is_asked_what_was_asked() {
    let service = service(MutedRooms::Skip);
    let body = r#"{"tags":["b","a","b"],"beforeTime":"1970-01-01T01:00:01.2345+01:00"}"#;
    let line = format!("POST /badges/byRoomTagsAndTime | client ann json | {body}");
    let answer = crate::endpoints::ask(&service, &line).await;
    let expected = serde_json::json!({ "totalBadge": 1_235, "data": { "demo ann b+a Skip": 1_235 } });
    assert_eq!(answer.json()["result"], expected);
    assert_eq!(answer.header("badge-seq"), Some(service.counters.applied().to_string().as_str()));
    service.gate.close();
    check(&service, &format!("{line} -> NOT_READY")).await;
}
