//! Opaque tokens, which somebody else knows the worth of.

use std::time::Duration;

use query::{ClientCredentials, FetchError, Introspection, Tenant, TenantKeys, Tenants};
use serde_json::json;
use tokio::time::Instant;

use crate::elsewhere::Elsewhere;
use crate::support::{NOW, Service, demo, token_of};

const URL: &str = "https://id.example/introspect";

fn introspection(elsewhere: &Elsewhere, cache_s: u64) -> Introspection {
    let client = ClientCredentials { id: "tally mark".to_owned(), secret: "hunter2:%".to_owned() };
    Introspection::new(URL.to_owned(), Some(&client), Duration::from_secs(cache_s), elsewhere.fetch())
}

fn opaque(elsewhere: &Elsewhere) -> Tenant {
    Tenant { keys: TenantKeys::default(), introspection: Some(introspection(elsewhere, 60)), ..demo() }
}

impl Service {
    async fn found(&self, token: &str) -> String {
        let answer = self.ask_with(token).await;
        let code = answer.json()["error"]["code"].as_str().map(str::to_owned);
        format!("{} {}", answer.status.as_u16(), code.unwrap_or_default()).trim().to_owned()
    }

    fn counted(&self, result: &str) -> u64 {
        self.metric(&format!(r#"tallymark_token_verifications_total{{result="{result}"}}"#))
    }
}

/// One line a case: `what the endpoint says | seconds on the clock | result`.
#[tokio::test]
async fn what_the_endpoint_says() {
    for line in [
        r#"{"active":true,"sub":"ann","exp":1000}                         | 999  | valid"#,
        r#"{"active":true,"sub":"ann"}                                    | 999  | valid"#,
        r#"{"active":true,"sub":"ann","exp":null,"nbf":null,"aud":null}   | 999  | valid"#,
        r#"{"active":true,"sub":"ann","exp":1000}                         | 1000 | expired"#,
        r#"{"active":true,"sub":"ann","exp":"1000"}                       | 999  | times"#,
        r#"{"active":true,"sub":"ann","nbf":500}                          | 499  | not_yet_valid"#,
        r#"{"active":true}                                                | 0    | user"#,
        r#"{"active":true,"username":"ann"}                               | 0    | user"#,
        r#"{"active":true,"sub":""}                                       | 0    | user"#,
        r#"{"active":false}                                               | 0    | inactive"#,
        r#"{"active":false,"sub":"ann"}                                   | 0    | inactive"#,
        r#"{"sub":"ann"}                                                  | 0    | unavailable"#,
        r#"{"active":"true","sub":"ann"}                                  | 0    | unavailable"#,
        r#"{"active":1,"sub":"ann"}                                       | 0    | unavailable"#,
        r#"[true,"ann"]                                                   | 0    | unavailable"#,
        r#"<html>                                                         | 0    | unavailable"#,
    ] {
        let fields: Vec<_> = line.split(" | ").map(str::trim).collect();
        let elsewhere = Elsewhere::default();
        elsewhere.answer(URL, fields[0]);
        let service = Service::with(vec![opaque(&elsewhere)], 10);
        *service.now.lock() = Duration::from_secs(fields[1].parse().unwrap());
        let expected = match fields[2] {
            "valid" => "200",
            "unavailable" => "503 TOKEN_CHECK_UNAVAILABLE",
            _ => "401 INVALID_TOKEN",
        };
        assert_eq!(service.found("opaque-1").await, expected, "{line}");
        assert_eq!(service.counted(fields[2]), 1, "{line}");
        if fields[2] != "unavailable" && fields[2] != "valid" {
            assert_eq!(service.found("opaque-1").await, expected, "{line}");
            assert_eq!(elsewhere.times(), 1, "{line}: asked again at once");
        }
    }
}

#[tokio::test]
async fn issuer_and_audience_are_checked_here_too() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann","iss":"me","aud":["us"]}"#);
    let some = |text: &str| Some(text.to_owned());
    for (issuer, audience, expected) in [
        (some("me"), some("us"), "200"),
        (some("you"), None, "401 INVALID_TOKEN"),
        (None, some("them"), "401 INVALID_TOKEN"),
    ] {
        let service = Service::with(vec![Tenant { issuer, audience, ..opaque(&elsewhere) }], 10);
        assert_eq!(service.found("opaque-1").await, expected);
    }
}

#[tokio::test]
async fn it_is_asked_as_rfc_7662_has_it() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
    let service = Service::with(vec![opaque(&elsewhere)], 10);
    assert_eq!(service.found("a+b/c=&d").await, "200");
    let asked = elsewhere.asked();
    let form = asked[0].form.as_ref().unwrap();
    assert_eq!(asked[0].url, URL);
    assert_eq!(form.body, "token=a%2Bb%2Fc%3D%26d&token_type_hint=access_token");
    // base64 of tally%20mark:hunter2%3A%25
    assert_eq!(form.authorization.as_deref(), Some("Basic dGFsbHklMjBtYXJrOmh1bnRlcjIlM0ElMjU="));
    assert!(!format!("{asked:?}").contains("dGFsbHk") && !format!("{asked:?}").contains("a%2Bb"));
}

#[tokio::test]
async fn an_answer_holds_for_a_while() {
    let elsewhere = Elsewhere::default();
    let service = Service::with(vec![opaque(&elsewhere)], 10);
    let at = |second: u64| *service.now.lock() = Duration::from_secs(NOW + second);
    elsewhere.answer(URL, json!({ "active": true, "sub": "ann", "exp": NOW + 70 }).to_string());
    for (second, times) in [(0, 1), (59, 1), (60, 2), (69, 2)] {
        at(second);
        assert_eq!((service.found("opaque-1").await.as_str(), elsewhere.times()), ("200", times), "{second}");
    }
    at(70);
    assert_eq!(service.found("opaque-1").await, "401 INVALID_TOKEN", "its own end comes first");

    // Withdrawn: that is heard when the answer of before no longer holds.
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
    at(100);
    assert_eq!(service.found("opaque-2").await, "200");
    elsewhere.answer(URL, r#"{"active":false}"#);
    at(159);
    assert_eq!(service.found("opaque-2").await, "200");
    at(160);
    let times = elsewhere.times();
    for second in [160, 165, 169] {
        at(second);
        assert_eq!(service.found("opaque-2").await, "401 INVALID_TOKEN");
        assert_eq!(elsewhere.times(), times + 1, "{second}");
    }
    at(170);
    assert_eq!(service.found("opaque-2").await, "401 INVALID_TOKEN");
    assert_eq!(elsewhere.times(), times + 2);
    // A clock set back by an hour does not make an answer hold for an hour.
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
    at(4000);
    assert_eq!(service.found("opaque-3").await, "200");
    elsewhere.answer(URL, r#"{"active":false}"#);
    at(400);
    assert_eq!(service.found("opaque-3").await, "401 INVALID_TOKEN");
}

#[tokio::test]
async fn only_so_many_are_remembered() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, r#"{"active":false}"#);
    let service = Service::with(vec![opaque(&elsewhere)], 320);
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
    assert_eq!(service.found("good").await, "200");
    elsewhere.answer(URL, r#"{"active":false}"#);
    for number in 0..1_000 {
        assert_eq!(service.found(&format!("made-up-{number}")).await, "401 INVALID_TOKEN");
    }
    let times = elsewhere.times();
    assert_eq!(times, 1_001);
    assert_eq!(service.found("good").await, "200");
    assert_eq!(elsewhere.times(), times, "made-up tokens push no good one out");
    assert_eq!(service.metric("tallymark_tokens_cached"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_down_is_not_asked_by_everybody() {
    type Failure<'a> = (&'a str, &'a dyn Fn(&Elsewhere));
    let huge = format!(r#"{{"active":true,"sub":"ann","x":"{}"}}"#, "x".repeat(64 * 1024));
    let failures: [Failure<'_>; 6] = [
        ("down", &|url| url.fail(URL, FetchError::Unreachable("refused".to_owned()))),
        ("not for us", &|url| url.fail(URL, FetchError::Status(401))),
        ("status 500", &|url| url.fail(URL, FetchError::Status(500))),
        ("too slow", &|url| url.fail(URL, FetchError::TimedOut)),
        ("never answers", &|url| url.hang(URL)),
        ("huge", &|url| url.answer(URL, &huge)),
    ];
    for (what, fail) in failures {
        let elsewhere = Elsewhere::default();
        elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
        let service = Service::with(vec![opaque(&elsewhere)], 10);
        assert_eq!(service.found("known").await, "200", "{what}");
        fail(&elsewhere);
        let started = Instant::now();
        assert_eq!(service.found("opaque-0").await, "503 TOKEN_CHECK_UNAVAILABLE", "{what}");
        assert!(started.elapsed() < Duration::from_secs(7), "{what}");
        for number in 1..20 {
            let found = service.found(&format!("opaque-{number}")).await;
            assert_eq!(found, "503 TOKEN_CHECK_UNAVAILABLE", "{what}");
        }
        assert_eq!(elsewhere.times(), 2, "{what}");
        assert_eq!(service.found("known").await, "200", "{what}: it was answered before");

        *service.now.lock() += Duration::from_secs(1);
        elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
        assert_eq!(service.found("opaque-0").await, "200", "{what}: it is back");
    }
}

/// However many ask at once, a token is asked for once, and only so many wait.
#[tokio::test(start_paused = true)]
async fn a_crowd_is_one_question() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
    let service = Service::with(vec![opaque(&elsewhere)], 1_000);
    let crowd = |tokens: Vec<String>| {
        let asked = tokens.into_iter().map(|token| {
            let routes = service.routes.clone();
            tokio::spawn(async move {
                let request = crate::support::badge_request("demo-client-key", &token);
                crate::support::Answer::of(&routes, request).await.status.as_u16()
            })
        });
        asked.collect::<Vec<_>>()
    };
    for answered in crowd(vec!["one".to_owned(); 200]) {
        assert_eq!(answered.await.unwrap(), 200);
    }
    assert_eq!(elsewhere.times(), 1);

    elsewhere.hang(URL);
    let answered = crowd((0..500).map(|number| format!("opaque-{number}")).collect());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let turned_away = answered.iter().filter(|answered| answered.is_finished()).count();
    assert_eq!(turned_away, 500 - 256, "no more may wait");
    assert!(elsewhere.times() <= 1 + 16, "{} at once", elsewhere.times() - 1);
    for answered in answered {
        assert_eq!(answered.await.unwrap(), 503);
    }
}

#[tokio::test]
async fn a_tenant_with_keys_shows_no_jwt_to_the_endpoint() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
    let both = Tenant { introspection: Some(introspection(&elsewhere, 60)), ..demo() };
    let service = Service::with(vec![both], 10);
    assert_eq!(service.found(&token_of("ann")).await, "200");
    assert_eq!(service.found("no.good.jwt").await, "401 INVALID_TOKEN");
    assert_eq!(elsewhere.times(), 0);
    assert_eq!(service.found("opaque").await, "200");
    assert_eq!(elsewhere.times(), 1);

    let service = Service::with(vec![opaque(&elsewhere)], 10);
    assert_eq!(service.found(&token_of("ann")).await, "200", "without keys all are for the endpoint to say");
    assert_eq!(elsewhere.times(), 2);
}

#[tokio::test]
async fn what_an_endpoint_said_goes_with_it() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
    let both = |seconds| Tenant { introspection: Some(introspection(&elsewhere, seconds)), ..demo() };
    let service = Service::with(vec![both(60)], 10);
    assert_eq!(service.found("opaque").await, "200");
    service.admission.admit(Tenants::new(vec![both(60)]).unwrap());
    assert_eq!((service.found("opaque").await.as_str(), elsewhere.times()), ("200", 1), "the same one");
    service.admission.admit(Tenants::new(vec![both(30)]).unwrap());
    assert_eq!((service.found("opaque").await.as_str(), elsewhere.times()), ("200", 2));
    service.admission.admit(Tenants::new(vec![demo()]).unwrap());
    assert_eq!(service.found("opaque").await, "401 INVALID_TOKEN");

    // That a token is no good goes with it too.
    elsewhere.answer(URL, r#"{"active":false}"#);
    service.admission.admit(Tenants::new(vec![both(5)]).unwrap());
    assert_eq!(service.found("other").await, "401 INVALID_TOKEN");
    elsewhere.answer(URL, r#"{"active":true,"sub":"ann"}"#);
    assert_eq!(service.found("other").await, "401 INVALID_TOKEN");
    service.admission.admit(Tenants::new(vec![both(6)]).unwrap());
    assert_eq!(service.found("other").await, "200");
}

#[test]
fn secrets_are_not_shown() {
    let client = ClientCredentials { id: "me".to_owned(), secret: "hunter2".to_owned() };
    let shown = format!("{client:?} {:?}", opaque(&Elsewhere::default()));
    assert!(!shown.contains("hunter2"), "{shown}");
}
