//! A service whose events are told to those who watch, and live badges as their clients see them.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, Request};
use events::{Event, Tenant};
use futures::StreamExt;
use oracle::script::Script;
use query::{LiveLimits, Routes};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::model::Remembering;
use crate::server::LONG;
use crate::support::{Answer, Service, token_of};

/// Whoever waits so long waits in vain.
pub(crate) const SHORT: Duration = Duration::from_millis(100);

pub(crate) struct Chat {
    pub(crate) service: Service,
    remembering: Remembering,
}

impl Chat {
    pub(crate) fn new(limits: LiveLimits) -> Self {
        Self::of(Service::with_live(limits))
    }

    pub(crate) fn of(service: Service) -> Self {
        Self { service, remembering: Remembering::default() }
    }

    /// Applies these steps of the tenant `demo`, in the language of the oracle's tables.
    pub(crate) fn apply(&mut self, steps: &str) {
        for step in Script::parse(steps).unwrap().steps {
            let event = Event { tenant: Tenant::new("demo").unwrap(), body: step.event.body };
            let applied = self.remembering.apply(&mut self.service.counters, &event, step.stored_ms);
            self.service.arrivals.arrived(self.service.counters.applied());
            self.service.hub.applied(&event, &applied);
        }
    }

    /// A live badge of that user.
    pub(crate) async fn live(&self, user: &str, query: &str) -> Live {
        Live::open(&self.service.routes, live_request(query, &token_of(user))).await
    }
}

pub(crate) fn live_request(query: &str, token: &str) -> Request<Body> {
    Request::get(format!("/me/badge/live{query}"))
        .header("IM-CLIENT-KEY", "demo-client-key")
        .header("IM-Authorization", token)
        .body(Body::empty())
        .unwrap()
}

/// A live badge. Its events, comments among them, are the texts between two empty lines.
pub(crate) struct Live {
    pub(crate) headers: HeaderMap,
    body: BodyDataStream,
    text: String,
}

impl Live {
    pub(crate) async fn open(routes: &Routes, request: Request<Body>) -> Self {
        let response = timeout(LONG, routes.clone().oneshot(request)).await.expect("an answer").unwrap();
        let (head, body) = response.into_parts();
        assert_eq!(head.status, 200);
        Self { headers: head.headers, body: body.into_data_stream(), text: String::new() }
    }

    /// The next event; `None` at the end.
    pub(crate) async fn event(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                return Some(event);
            }
            let more = timeout(LONG, self.body.next()).await.expect("an event")?;
            self.text += str::from_utf8(&more.unwrap()).unwrap();
        }
    }

    /// The number of the next event.
    pub(crate) async fn number(&mut self) -> u64 {
        let event = self.event().await.expect("a number");
        let number = event.split_once(r#"data: {"badge":"#).and_then(|(_, rest)| rest.strip_suffix('}'));
        number.unwrap_or_else(|| panic!("{event}")).parse().unwrap()
    }

    /// The numbers up to this one.
    pub(crate) async fn numbers_to(&mut self, last: u64) -> Vec<u64> {
        let mut numbers = vec![self.number().await];
        while numbers.last() != Some(&last) {
            numbers.push(self.number().await);
        }
        numbers
    }

    /// Nothing comes for a while.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        timeout(SHORT, self.event()).await.is_err()
    }

    /// Why it ends, and that it does.
    pub(crate) async fn end(&mut self) -> String {
        let event = self.event().await.expect("an event");
        assert_eq!(self.event().await, None, "after {event}");
        event.replace("event: end\ndata: ", "")
    }
}

/// The answer to a request that no stream comes of.
pub(crate) async fn refused(routes: &Routes, request: Request<Body>) -> String {
    let answer = Answer::of(routes, request).await;
    let retry_after = answer.header("retry-after").unwrap_or("-").to_owned();
    format!("{} {} {retry_after}", answer.status.as_u16(), answer.json()["error"]["code"].as_str().unwrap())
}
