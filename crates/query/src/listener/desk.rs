//! What each request passes on its way to the router, and its answer on the way back.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::Version;
use axum::response::Response;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;
use tower::Service as _;

use super::body::{AllBodies, AnswerBody, Bounded, Fate};
use super::cors::{Asked, Cors};
use super::metrics::ListenerMetrics;
use super::progress::{OpenRequest, Progress};
use super::{Limits, TurnedAway, turns};
use crate::routes::{self, Routes};

/// What all desks of a listener have in common. A request only reads it.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) limits: Limits,
    /// A thread's part of the requests in flight.
    pub(super) in_flight: usize,
    pub(super) bodies: Arc<AllBodies>,
    pub(super) cors: Cors,
    pub(super) metrics: ListenerMetrics,
}

/// The desk of one connection.
///
/// The routes are this connection's own, and are called in place.
pub(super) struct Desk {
    routes: RefCell<Routes>,
    rules: Arc<Rules>,
    progress: Arc<Progress>,
}

impl Desk {
    pub(super) fn new(routes: Routes, rules: Arc<Rules>, progress: Arc<Progress>) -> Self {
        Self { routes: RefCell::new(routes), rules, progress }
    }

    fn too_much<B>(&self, open: &OpenRequest, request: &Request<B>) -> Option<TurnedAway> {
        let limits = &self.rules.limits;
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if open.in_flight() > self.rules.in_flight {
            Some(TurnedAway::Overloaded)
        } else if target > limits.uri_bytes {
            Some(TurnedAway::UriTooLong)
        } else if request.headers().len() > limits.headers {
            Some(TurnedAway::HeadersTooLarge)
        } else {
            None
        }
    }
}

impl Service<Request<Incoming>> for Desk {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        turns::request();
        let version = request.version();
        let open = OpenRequest::begin(&self.progress);
        let asked = self.rules.cors.asked(request.headers());
        let mut fate = None;
        let answer = if let Some(reason) = self.too_much(&open, &request) {
            self.rules.metrics.turned_away(reason);
            if reason.closes() {
                open.leave_unread();
            }
            Answer::Ready(Some(reason.answer(version)))
        } else if let Some(preflight) = asked.as_ref().and_then(|asked| asked.preflight(&request)) {
            Answer::Ready(Some(preflight))
        } else if request.body().is_end_stream() {
            Answer::Coming(self.routes.borrow_mut().call(request.map(|_| Body::empty())))
        } else {
            // Whether the route reads it to its end, nobody knows yet.
            open.leave_unread();
            let its_fate = fate.insert(Fate::new(&self.rules.bodies, self.rules.metrics.clone()));
            let bounded = |body| Body::new(Bounded::new(body, self.rules.limits, Arc::clone(its_fate)));
            Answer::Coming(self.routes.borrow_mut().call(request.map(bounded)))
        };
        Answering { answer, version, open: Some(open), asked, fate }
    }
}

/// An answer that is being made.
pub(super) struct Answering {
    answer: Answer,
    version: Version,
    /// Taken with the answer.
    open: Option<OpenRequest>,
    asked: Option<Asked>,
    fate: Option<Arc<Fate>>,
}

enum Answer {
    /// Taken when it is given.
    Ready(Option<Response>),
    Coming(routes::Answering),
}

impl Future for Answering {
    type Output = Result<Response<AnswerBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut response = match &mut this.answer {
            Answer::Ready(response) => response.take().expect("an answer is given once"),
            Answer::Coming(coming) => ready!(coming.as_mut().poll(context))?,
        };
        let open = this.open.take().expect("an answer is given once");
        if let Some(reason) = this.fate.take().and_then(|fate| fate.refused()) {
            response = reason.answer(this.version);
        }
        if let Some(asked) = this.asked.take() {
            asked.tell(response.headers_mut());
        }
        Poll::Ready(Ok(response.map(|body| AnswerBody::new(body, open))))
    }
}
