//! Keys at a URL: what is done when the URL fails, and how often it is asked.

use std::time::Duration;

use query::{FetchError, KeyUrl, MAX_JWKS_BYTES, Metrics, Tenant, TenantKeys};
use tokio::time::{Instant, sleep};

use crate::elsewhere::Elsewhere;
use crate::signer::{Signer, eddsa, es256, key_set, rs256};
use crate::support::{Answer, NOW, Service, demo, hs256, token_of};

const URL: &str = "https://id.example/keys";

fn at_url(elsewhere: &Elsewhere) -> Tenant {
    let url = KeyUrl::new(URL.to_owned(), None, Duration::from_secs(600), elsewhere.fetch(), Metrics::new());
    Tenant { keys: TenantKeys { fixed: Vec::new(), at_url: Some(url) }, ..demo() }
}

fn service(elsewhere: &Elsewhere) -> Service {
    Service::with(vec![at_url(elsewhere)], 100)
}

impl Service {
    fn later(&self, seconds: u64) {
        *self.now.lock() += Duration::from_secs(seconds);
    }

    async fn status(&self, signer: &Signer, id: Option<&str>) -> u16 {
        self.ask_with(&signer.token(id)).await.status.as_u16()
    }
}

fn code(answer: &Answer) -> String {
    answer.json()["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn keys_are_fetched_once_and_without_credentials() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, key_set(&[(&rs256(), Some("r")), (&es256(), Some("e")), (&eddsa(), None)]));
    let service = service(&elsewhere);
    for _ in 0..2 {
        assert_eq!(service.status(&rs256(), Some("r")).await, 200);
        assert_eq!(service.status(&es256(), Some("e")).await, 200);
        assert_eq!(service.status(&eddsa(), None).await, 200);
        assert_eq!(service.status(&eddsa(), Some("x")).await, 200, "the key there has no name");
        assert_eq!(service.status(&rs256(), Some("e")).await, 401, "another key has that name");
    }
    let asked = elsewhere.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((asked[0].url.as_str(), &asked[0].form), (URL, &None));
    assert_eq!(asked[0].most_bytes, MAX_JWKS_BYTES);
}

#[tokio::test]
async fn a_key_can_be_replaced() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, key_set(&[(&rs256(), Some("1"))]));
    let service = service(&elsewhere);
    assert_eq!(service.status(&rs256(), Some("1")).await, 200);
    service.later(11);

    elsewhere.answer(URL, key_set(&[(&rs256(), Some("1")), (&es256(), Some("2"))]));
    assert_eq!(service.status(&rs256(), Some("1")).await, 200);
    assert_eq!(elsewhere.times(), 1, "nothing was missing");
    assert_eq!(service.status(&es256(), Some("2")).await, 200);
    assert_eq!(elsewhere.times(), 2);
    assert_eq!(service.status(&rs256(), Some("1")).await, 200);

    // Withdrawn. Nobody knows before the next fetch, which a third key brings about.
    service.later(11);
    elsewhere.answer(URL, key_set(&[(&es256(), Some("2")), (&eddsa(), Some("3"))]));
    assert_eq!(service.status(&rs256(), Some("1")).await, 200);
    assert_eq!(service.status(&eddsa(), Some("3")).await, 200);
    service.later(11);
    assert_eq!(service.status(&rs256(), Some("1")).await, 401, "remembered, but the key is gone");
    assert_eq!(service.status(&es256(), Some("2")).await, 200);
}

#[tokio::test]
async fn made_up_names_have_the_url_asked_at_a_limited_rate() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, key_set(&[(&rs256(), Some("1"))]));
    let service = service(&elsewhere);
    assert_eq!(service.status(&rs256(), Some("1")).await, 200);
    for round in 2..5 {
        service.later(10);
        for number in 0..50 {
            let answer = service.ask_with(&es256().token(Some(&format!("made-up-{number}")))).await;
            assert_eq!((answer.status.as_u16(), code(&answer)), (401, "INVALID_TOKEN".to_owned()));
        }
        assert_eq!(elsewhere.times(), round);
    }
    let unknown = r#"tallymark_token_verifications_total{result="unknown_key"}"#;
    assert_eq!(service.metric(unknown), 150);
    // Forged, but under a name that is known, or under none: nothing can be new at the URL.
    service.later(10);
    let forged = eddsa().token_with_header(r#"{"alg":"RS256","kid":"1"}"#);
    assert_eq!(service.ask_with(&forged).await.status, 401);
    assert_eq!(service.ask_with(&es256().token(None)).await.status, 401);
    assert_eq!(elsewhere.times(), 4);
    // A clock that is set back keeps nothing from being fetched.
    service.now.lock().clone_from(&Duration::from_secs(NOW - 3600));
    assert_eq!(service.status(&es256(), Some("2")).await, 401);
    assert_eq!(elsewhere.times(), 5);
}

/// Whatever the URL does, the keys that were fetched before stay in use, and a token that nobody can judge is no bad one.
#[tokio::test(start_paused = true)]
async fn keys_are_kept_when_the_url_fails() {
    let huge = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(MAX_JWKS_BYTES));
    type Failure<'a> = (&'a str, &'a dyn Fn(&Elsewhere));
    let failures: [Failure<'_>; 9] = [
        ("down", &|url| url.fail(URL, FetchError::Unreachable("refused".to_owned()))),
        ("status 500", &|url| url.fail(URL, FetchError::Status(500))),
        ("too slow", &|url| url.fail(URL, FetchError::TimedOut)),
        ("never answers", &|url| url.hang(URL)),
        ("huge", &|url| url.answer(URL, &huge)),
        ("empty", &|url| url.answer(URL, "")),
        ("a page", &|url| url.answer(URL, "<html>")),
        ("no keys", &|url| url.answer(URL, r#"{"keys":[]}"#)),
        ("a private key", &|url| url.answer(URL, r#"{"keys":[{"kty":"RSA","d":"AAAA"}]}"#)),
    ];
    for (what, fail) in failures {
        let elsewhere = Elsewhere::default();
        fail(&elsewhere);
        let service = service(&elsewhere);
        let started = Instant::now();
        let answer = service.ask_with(&rs256().token(Some("1"))).await;
        assert_eq!(
            (answer.status.as_u16(), code(&answer)),
            (503, "TOKEN_CHECK_UNAVAILABLE".to_owned()),
            "{what}"
        );
        assert_eq!(answer.header("retry-after"), Some("5"), "{what}");
        assert!(started.elapsed() < Duration::from_secs(7), "{what}");
        // What is certainly no good stays no good.
        assert_eq!(service.ask_with("no.token").await.status, 401, "{what}");

        service.later(10);
        elsewhere.answer(URL, key_set(&[(&rs256(), Some("1"))]));
        assert_eq!(service.status(&rs256(), Some("1")).await, 200, "{what}");
        service.later(10);
        fail(&elsewhere);
        assert_eq!(service.status(&es256(), Some("2")).await, 503, "{what}");
        assert_eq!(service.status(&rs256(), Some("1")).await, 200, "{what}");
        let unseen = hs256(b"demo-secret", r#"{"sub":"bob","exp":1800000000}"#);
        assert_eq!(service.ask_with(&unseen).await.status, 401, "{what}: no key of that algorithm");
        assert_eq!(elsewhere.times(), 3, "{what}");
    }
}

/// A URL that hangs keeps nobody waiting but those who need it.
#[tokio::test(start_paused = true)]
async fn others_do_not_wait() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, key_set(&[(&rs256(), Some("1"))]));
    let service = service(&elsewhere);
    assert_eq!(service.status(&rs256(), Some("1")).await, 200);
    service.later(10);
    elsewhere.hang(URL);
    let started = Instant::now();
    let (waits, does_not) = (es256().token(Some("2")), rs256().token(Some("1")));
    let one = async { (service.ask_with(&waits).await.status.as_u16(), started.elapsed()) };
    let other = async {
        sleep(Duration::from_millis(1)).await;
        (service.ask_with(&does_not).await.status.as_u16(), started.elapsed())
    };
    let ((one, took), (other, passed)) = tokio::join!(one, other);
    assert_eq!((one, other), (503, 200));
    assert!(took >= Duration::from_secs(5) && passed < Duration::from_millis(100), "{took:?} {passed:?}");
}

/// Else whoever asks and hangs up at once could keep the keys from ever being fetched.
#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_does_not_break_a_fetch_off() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, key_set(&[(&rs256(), Some("1"))]));
    let service = service(&elsewhere);
    let token = rs256().token(Some("1"));
    {
        let mut gone = Box::pin(service.ask_with(&token));
        assert!(look_at(&mut gone).await.is_none());
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(elsewhere.times(), 1);
    elsewhere.fail(URL, FetchError::Status(500));
    assert_eq!(service.ask_with(&token).await.status, 200, "the keys are there");
}

/// One look at a future.
async fn look_at<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
        std::task::Poll::Ready(output) => std::task::Poll::Ready(Some(output)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_at_intervals() {
    let elsewhere = Elsewhere::default();
    elsewhere.answer(URL, key_set(&[(&rs256(), Some("1"))]));
    let service = service(&elsewhere);
    tokio::spawn(service.admission.clone().keep_keys_fresh());
    let passes = async |seconds| {
        service.later(seconds);
        sleep(Duration::from_secs(3)).await;
    };
    passes(0).await;
    assert_eq!(elsewhere.times(), 1, "before anybody asks");
    passes(599).await;
    assert_eq!(elsewhere.times(), 1);
    elsewhere.answer(URL, key_set(&[(&es256(), Some("2"))]));
    passes(1).await;
    assert_eq!(elsewhere.times(), 2);
    assert_eq!(service.status(&es256(), Some("2")).await, 200);
    // What failed is tried again sooner.
    elsewhere.fail(URL, FetchError::Status(500));
    passes(600).await;
    assert_eq!(elsewhere.times(), 3);
    passes(9).await;
    assert_eq!(elsewhere.times(), 3);
    passes(1).await;
    assert_eq!(elsewhere.times(), 4);
}

/// Keys of one's own stand beside those of a URL.
#[tokio::test]
async fn a_url_that_fails_does_not_matter_to_other_keys() {
    let elsewhere = Elsewhere::default();
    let both = at_url(&elsewhere);
    let keys = TenantKeys { fixed: demo().keys.fixed, at_url: both.keys.at_url };
    let service = Service::with(vec![Tenant { keys, ..demo() }], 10);
    assert_eq!(service.ask_with(&token_of("ann")).await.status, 200);
    assert_eq!(elsewhere.times(), 0);
}
