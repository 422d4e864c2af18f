//! Verified tokens are remembered, a bounded number of them, and never longer than they are valid.

use std::time::Duration;

use crate::support::{NOW, Service, badge_request, demo, hs256, other, tenant, token_of};

const VALID: &str = r#"tallymark_token_verifications_total{result="valid"}"#;
const SIGNATURE: &str = r#"tallymark_token_verifications_total{result="signature"}"#;
const CACHED: &str = "tallymark_tokens_cached";

#[tokio::test]
async fn a_good_token_is_verified_once() {
    let service = Service::new();
    let token = token_of("ann");
    for _ in 0..3 {
        assert_eq!(service.ask_with(&token).await.status, 200);
        assert_eq!(service.ask_with(&format!("bearer {token}")).await.status, 200);
    }
    assert_eq!(service.metric(VALID), 1);
    assert_eq!(service.metric(CACHED), 1);
}

#[tokio::test]
async fn a_remembered_token_expires_on_time_and_is_dropped() {
    let service = Service::new();
    let claims = format!(r#"{{"sub":"ann","exp":{}.5,"nbf":{NOW}}}"#, NOW + 60);
    let token = hs256(b"demo-secret", &claims);
    let second = Duration::from_secs(1);
    let exp = Duration::from_millis((NOW + 60) * 1_000 + 500);
    for (now, status, cached) in [
        (Duration::from_secs(NOW), 200, 1),
        (exp - Duration::from_nanos(1), 200, 1),
        // The clock was set back: not valid yet, but it will be.
        (Duration::from_secs(NOW) - second, 401, 1),
        (Duration::from_secs(NOW), 200, 1),
        (exp, 401, 0),
        (exp + second, 401, 0),
    ] {
        *service.now.lock() = now;
        assert_eq!(service.ask_with(&token).await.status, status, "{now:?}");
        assert_eq!(service.metric(CACHED), cached, "{now:?}");
    }
    assert_eq!(service.metric(VALID), 1);
}

#[tokio::test]
async fn a_refused_token_is_not_remembered() {
    let service = Service::new();
    let forged = hs256(b"other-secret", r#"{"sub":"ann","exp":1800000000}"#);
    for times in 1..=3 {
        assert_eq!(service.ask_with(&forged).await.status, 401);
        assert_eq!(service.metric(SIGNATURE), times);
        assert_eq!(service.metric(CACHED), 0);
    }
    let later = hs256(b"demo-secret", r#"{"sub":"ann","exp":1800000000,"nbf":1700000001}"#);
    assert_eq!(service.ask_with(&later).await.status, 401);
    *service.now.lock() = Duration::from_secs(NOW + 1);
    assert_eq!(service.ask_with(&later).await.status, 200);
}

/// Else whoever holds a token of one tenant could name another in the client key.
#[tokio::test]
async fn a_token_is_remembered_for_its_tenant_only() {
    let service = Service::new();
    let token = token_of("ann");
    assert_eq!(service.ask_with(&token).await.status, 200);
    assert_eq!(service.ask(badge_request("other-client-key", &token)).await.status, 401);
    assert_eq!(service.ask_with(&token).await.status, 200);
}

#[tokio::test]
async fn tenants_with_one_key_take_each_others_tokens() {
    let twin = tenant("twin", query::Algorithm::Hs256, b"demo-secret");
    let service = Service::with(vec![demo(), twin, other()], 10);
    let token = token_of("ann");
    assert_eq!(service.ask(badge_request("twin-client-key", &token)).await.status, 200);
    assert_eq!(service.ask(badge_request("demo-client-key", &token)).await.status, 200);
    assert_eq!(service.metric(CACHED), 2);
}

#[tokio::test]
async fn only_so_many_are_remembered() {
    let service = Service::with(vec![demo()], 64);
    for user in 0..500 {
        assert_eq!(service.ask_with(&token_of(&format!("user{user}"))).await.status, 200);
        assert!(service.metric(CACHED) <= 64, "{user}");
    }
    assert_eq!(service.metric(VALID), 500);
    assert!(service.metric(CACHED) >= 32);
}

#[tokio::test]
async fn none_need_be_remembered() {
    let service = Service::with(vec![demo()], 0);
    for times in 1..=2 {
        assert_eq!(service.ask_with(&token_of("ann")).await.status, 200);
        assert_eq!(service.metric(VALID), times);
        assert_eq!(service.metric(CACHED), 0);
    }
}
