//! `/accounts`: why counts are what they are.

use counters::{Counters, Policies};
use query::{Accounts, AccountsAnswer, AccountsQuestion, Routes};
use serde_json::json;

use crate::badges::apply;
use crate::operator::{ask, ready, routes};

/// Ann, bob and cid, by index 0, 1 and 2.
pub(crate) fn counters() -> Counters {
    let mut counters = Counters::new(Policies::default());
    apply(
        &mut counters,
        &[
            "demo: joined r1 ann bob",
            "demo: tagged r1 vip",
            "demo: joined r2 cid",
            "demo: posted r1 m1 ann",
            "demo: posted r1 m2 bob",
            "demo: muted r1 ann",
        ],
    );
    counters
}

/// The user `busy` asks while the store is being opened.
pub(crate) fn answer(question: AccountsQuestion) -> AccountsAnswer {
    let is_early = matches!(&question, AccountsQuestion::User { user, .. } if user == "busy");
    Box::pin(async move {
        if is_early { Err("opening the store".to_owned()) } else { Ok(question.put_to(&counters())) }
    })
}

async fn page(routes: &Routes, query: &str) -> (Vec<String>, Option<u32>) {
    let answer = ask(routes, "GET", &format!("/accounts{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    let Accounts { sequence, accounts, next } = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(sequence, 6);
    (accounts.into_iter().map(|account| account.user).collect(), next)
}

#[tokio::test]
async fn an_account_says_what_a_count_is_made_of() {
    let routes = routes(ready);
    let answer = ask(&routes, "GET", "/accounts?tenant=demo&user=ann").await;
    let expected = json!({
        "sequence": 6,
        "accounts": [{ "tenant": "demo", "user": "ann", "unread": 1, "rooms": [{
            "room": "r1", "tags": ["vip"], "head": 2, "cursor": 0, "recalled": 0, "own": 1,
            "kept_reads": 0, "muted": true, "unread": 1, "mentions": 0,
        }] }],
        "next": null,
    });
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
    let answer = ask(&routes, "GET", "/accounts?user=a%20b%2Bc&tenant=demo").await.json();
    let unknown = json!([{ "tenant": "demo", "user": "a b+c", "unread": 0, "rooms": [] }]);
    assert_eq!(answer["accounts"], unknown);
}

#[tokio::test]
async fn pages_have_everybody_once() {
    let routes = routes(ready);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(page(&routes, "").await, (names(&["ann", "bob", "cid"]), None));
    assert_eq!(page(&routes, "?limit=2").await, (names(&["ann", "bob"]), Some(1)));
    assert_eq!(page(&routes, "?limit=2&after=1").await, (names(&["cid"]), None));
    assert_eq!(page(&routes, "?after=0&limit=1").await, (names(&["bob"]), Some(1)));
    assert_eq!(page(&routes, "?after=77").await, (vec![], None));
}

#[tokio::test]
async fn what_can_t_be_answered_says_why() {
    let routes = routes(ready);
    for (query, status, code, message) in [
        ("tenant=demo", 400, "INVALID_PARAMETERS", "together"),
        ("user=ann", 400, "INVALID_PARAMETERS", "together"),
        ("tenant=demo&user=ann&limit=1", 400, "INVALID_PARAMETERS", "together"),
        ("tenant=de.mo&user=ann", 400, "INVALID_PARAMETERS", "tenant \"de.mo\""),
        ("tenant=demo&user=", 400, "INVALID_PARAMETERS", "user \"\""),
        ("tenant=demo&user=%ff", 400, "INVALID_PARAMETERS", "user is badly encoded"),
        ("after=-1", 400, "INVALID_PARAMETERS", "after is \"-1\": expected an integer up to 4294967294"),
        ("limit=0", 400, "INVALID_PARAMETERS", "limit is 0"),
        ("limit=10001", 400, "INVALID_PARAMETERS", "expected an integer up to 10000"),
        ("limit=1&limit=1", 400, "INVALID_PARAMETERS", "given twice"),
        ("users=ann", 400, "INVALID_PARAMETERS", "no parameter \"users\""),
        ("tenant=demo&user=busy", 503, "NOT_READY", "opening the store"),
    ] {
        let answer = ask(&routes, "GET", &format!("/accounts?{query}")).await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["error"]["code"]), (status, &json!(code)), "{query}");
        assert_eq!(body["RC"], status, "{query}");
        let told = body["error"]["message"].as_str().unwrap();
        assert!(told.contains(message), "{query}: {told}");
        assert_eq!(answer.header("retry-after").is_some(), status == 503, "{query}");
    }
}
