//! Who asks too often.

use std::num::NonZero;
use std::time::{Duration, Instant};

use query::{Rate, Rates};

use crate::endpoints::ask;
use crate::support::{Service, badge_request, token_of};

fn rate(burst: u32) -> Option<Rate> {
    Some(Rate { per_second: NonZero::<u32>::MIN, burst: NonZero::new(burst).unwrap() })
}

/// Rates that begin later than anything here ends see no time pass.
fn still() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

#[tokio::test]
async fn a_user_who_asks_too_often_is_refused_and_no_other() {
    let service = Service::with_rates(Rates::new(None, rate(2), 100, still()));
    for _ in 0..2 {
        assert_eq!(service.ask_with(&token_of("ann")).await.status, 200);
    }
    let refused = service.ask_with(&token_of("ann")).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.json()["error"]["retryAfter"], 1);
    assert_eq!(service.ask_with(&token_of("bob")).await.status, 200);
    let refused = "tallymark_http_requests_total{status=\"429\",code=\"RATE_LIMIT_EXCEEDED\"}";
    assert_eq!(service.metric(refused), 1);
    assert_eq!(service.metric("tallymark_http_rate_limited_total{scope=\"user\"}"), 1);
    assert_eq!(service.metric("tallymark_http_rate_limited_total{scope=\"tenant\"}"), 0);
}

/// Or a stranger could use up what its users may ask.
#[tokio::test]
async fn a_tenant_pays_for_its_own_users_only() {
    let service = Service::with_rates(Rates::new(rate(2), None, 100, still()));
    for _ in 0..10 {
        assert_eq!(service.ask_with("forged").await.status, 401);
        assert_eq!(service.ask(badge_request("unknown", &token_of("ann"))).await.status, 401);
    }
    for user in ["ann", "bob"] {
        assert_eq!(service.ask_with(&token_of(user)).await.status, 200);
    }
    assert_eq!(service.ask_with(&token_of("cid")).await.status, 429);
    assert_eq!(service.metric("tallymark_http_rate_limited_total{scope=\"tenant\"}"), 1);
}

/// One line a case: a request, and what it takes: of the user's rate, of the tenant's, or of both.
#[tokio::test]
async fn every_question_counts() {
    for (request, of_user, of_tenant) in [
        ("GET /me/badge | client ann", true, true),
        ("HEAD /me/badge | client ann", true, true),
        ("GET /me/badge/summary | client ann", true, true),
        ("GET /me/badge/rooms | client ann", true, true),
        ("POST /badges/byRoomTags | client ann json | {}", true, true),
        (r#"POST /badges | client json | {"tokens":["{ann}"]}"#, true, true),
        (r#"POST /badges/ | client json | {"tokens":["{bob}","{ann}"]}"#, true, true),
        (r#"POST /users/badges | api json | {"users":["ann"]}"#, false, true),
    ] {
        for (rates, counts) in [
            (Rates::new(None, rate(2), 100, still()), of_user),
            (Rates::new(rate(3), None, 100, still()), of_tenant),
        ] {
            let service = Service::with_rates(rates);
            let mut answers = Vec::new();
            for _ in 0..4 {
                answers.push(ask(&service, request).await);
            }
            assert_eq!(answers[0].status, 200, "{request}");
            let last = answers.last().unwrap();
            let expected = if counts { (429, Some("1")) } else { (200, None) };
            assert_eq!((last.status.as_u16(), last.header("retry-after")), expected, "{request}");
        }
    }
}

/// Each of them asks, as it were, and a list of nobody asks nothing.
#[tokio::test]
async fn tokens_in_a_list_count_one_by_one() {
    let service = Service::with_rates(Rates::new(rate(5), None, 100, still()));
    for (line, status) in [
        (r#"POST /badges | client json | {"tokens":[]}"#, 200),
        (r#"POST /badges | client json | {"tokens":["{ann}","{bob}","{ann}"]}"#, 200),
        (r#"POST /badges | client json | {"tokens":["{ann}","{bob}","forged"]}"#, 401),
        (r#"POST /badges | client json | {"tokens":["{ann}","{bob}"]}"#, 200),
        (r#"POST /badges | client json | {"tokens":["{ann}"]}"#, 200),
        (r#"POST /badges | client json | {"tokens":["{ann}"]}"#, 429),
        // The rate comes before what is wrong with the question, and after who asks.
        ("GET /me/badge?roomTags= | client ann", 429),
        ("GET /me/badge?roomTags= | client Im-Authorization=forged", 401),
    ] {
        assert_eq!(ask(&service, line).await.status, status, "{line}");
    }
}
