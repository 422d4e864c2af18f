use std::time::Duration;

use axum::body::to_bytes;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::answer;

fn rate(per_second: u32, burst: u32) -> Option<Rate> {
    Some(Rate { per_second: NonZero::new(per_second).unwrap(), burst: NonZero::new(burst).unwrap() })
}

/// One line a case: milliseconds and what comes of asking then, for 2 a second and a burst of 3.
#[test]
fn a_burst_and_then_the_rate() {
    let began = Instant::now();
    let rates = Rates::new(None, rate(2, 3), 10, began);
    for line in [
        "0     | fine",
        "0     | fine",
        "0     | fine",
        "0     | 1",
        "499   | 1",
        "500   | fine",
        "500   | 1",
        "999   | 1",
        "1000  | fine",
        "9000  | fine",
        "9000  | fine",
        "9000  | fine",
        "9000  | 1",
    ] {
        let (at, expected) = line.split_once('|').unwrap();
        let now = began + Duration::from_millis(at.trim().parse().unwrap());
        let found = match rates.admit("demo", Some("ann"), now) {
            Ok(()) => "fine".to_owned(),
            Err(Limited { scope: Scope::User, retry_after }) => retry_after.to_string(),
            Err(limited) => format!("{limited:?}"),
        };
        assert_eq!(found, expected.trim(), "{line}");
    }
}

/// Asking again after as long as was said is never in vain.
#[test]
fn retry_after_is_long_enough_and_not_longer() {
    let began = Instant::now();
    for (per_second, burst) in [(1, 1), (1, 7), (3, 1), (1_000_000, 1)] {
        let rates = Rates::new(rate(per_second, burst), None, 10, began);
        let mut admitted = 0;
        let limited = loop {
            match rates.admit("demo", None, began) {
                Ok(()) => admitted += 1,
                Err(limited) => break limited,
            }
        };
        assert_eq!(admitted, burst);
        let at = |seconds| began + Duration::from_secs(seconds);
        assert!(rates.admit("demo", None, at(limited.retry_after - 1)).is_err(), "{per_second} {burst}");
        assert_eq!(rates.admit("demo", None, at(limited.retry_after)), Ok(()), "{per_second} {burst}");
    }
}

#[test]
fn each_has_a_bucket_of_their_own() {
    let now = Instant::now();
    let rates = Rates::new(None, rate(1, 1), 10, now);
    for (tenant, user) in [("a", "ann"), ("a", "bob"), ("b", "ann"), ("ab", "b"), ("a", "bb")] {
        assert_eq!(rates.admit(tenant, Some(user), now), Ok(()), "{tenant} {user}");
        assert!(rates.admit(tenant, Some(user), now).is_err(), "{tenant} {user}");
    }
}

/// A user who asks too often takes nothing from the others of the tenant.
#[test]
fn users_share_the_bucket_of_their_tenant() {
    let now = Instant::now();
    let rates = Rates::new(rate(1, 3), rate(1, 1), 10, now);
    let scope = |user| rates.admit("demo", Some(user), now).map_err(|limited| limited.scope);
    assert_eq!(scope("ann"), Ok(()));
    for _ in 0..10 {
        assert_eq!(scope("ann"), Err(Scope::User));
    }
    assert_eq!((scope("bob"), scope("cid"), scope("dan")), (Ok(()), Ok(()), Err(Scope::Tenant)));
    assert_eq!(rates.admit("other", Some("dan"), now), Ok(()));
}

#[test]
fn without_rates_nothing_is_kept() {
    let rates = Rates::new(None, None, 10, Instant::now());
    for _ in 0..1_000 {
        assert_eq!(rates.admit("demo", Some("ann"), Instant::now()), Ok(()));
    }
    assert!(rates.tenants.is_none() && rates.users.is_none());
}

#[test]
fn the_memory_for_users_is_bounded() {
    let now = Instant::now();
    let rates = Rates::new(None, rate(1, 1), 1_000, now);
    for user in 0..100_000 {
        assert_eq!(rates.admit("demo", Some(&user.to_string()), now), Ok(()));
    }
    let kept = rates.users.as_ref().unwrap().full_again.len();
    assert!((500..=1_100).contains(&kept), "{kept}");
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_ask_again() {
    let limited = Limited { scope: Scope::User, retry_after: 7 };
    let answer = answer::refused(answer::Refused::limited(limited));
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()["retry-after"], "7");
    let body: Value =
        serde_json::from_slice(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap();
    let expected = json!({
        "RC": 429,
        "RM": "Too Many Requests",
        "error": { "code": "RATE_LIMIT_EXCEEDED", "message": "Too many requests of this user", "retryAfter": 7 },
    });
    assert_eq!(body, expected);
}
