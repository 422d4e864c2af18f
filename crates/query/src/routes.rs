//! Every route of both listeners.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use futures::FutureExt;
use hyper::body::Body as _;
use tower::Service;

use crate::accounts;
use crate::badges::{
    self, Badges, by_room_tags, by_room_tags_and_time, live, me_badge, of_tokens, of_users, rooms, summary,
};
use crate::control;
use crate::openapi::Described;
use crate::operator;
use crate::{Operator, Public};

const ME_BADGE: &str = "/me/badge";

/// An answer that is being made.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// What a listener answers with. All clones are one.
#[derive(Clone)]
pub struct Routes {
    router: Router,
    /// For `GET /me/badge`, which nearly all requests are: the router would look for it in all routes, box its handler and
    /// keep its parameters, and with that, a request takes 3 to 5 % longer.
    badges: Option<Arc<Badges>>,
}

impl Routes {
    /// The same for a thread of its own: counting who holds what it answers from, threads would wait for each other.
    pub(crate) fn apart(&self) -> Self {
        let badges = self.badges.as_deref().map(|badges| Arc::new(badges.clone()));
        Self { router: self.router.clone(), badges }
    }
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self { router, badges: None }
    }
}

impl Service<Request> for Routes {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answering {
        match &self.badges {
            Some(badges) if request.method() == Method::GET && request.uri().path() == ME_BADGE => {
                Box::pin(me_badge::me_badge(State(Arc::clone(badges)), request).map(with_length))
            }
            _ => Box::pin(self.router.call(request)),
        }
    }
}

/// As the router has it.
fn with_length(mut response: Response) -> Result<Response, Infallible> {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    Ok(response)
}

impl fmt::Debug for Routes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Routes").finish_non_exhaustive()
    }
}

/// What app developers may reach.
pub fn public_routes(public: Public) -> Routes {
    let badges = Arc::new(Badges::new(public));
    let router = described().finish().fallback(badges::not_found).with_state(Arc::clone(&badges));
    Routes { router, badges: Some(badges) }
}

/// The public routes, each with what it says of itself.
pub(crate) fn described() -> Described {
    let get_only = |route: MethodRouter<_>| route.fallback(badges::method_not_allowed);
    let post_only = |route: MethodRouter<_>| route.fallback(badges::only_post);
    // GET stands for HEAD too, unless something else does.
    let live_only = |route: MethodRouter<_>| route.head(badges::only_get).fallback(badges::only_get);
    Described::new()
        .route(ME_BADGE, get_only(get(me_badge::me_badge)), &me_badge::operation())
        .route("/me/badge/live", live_only(get(live::live)), &live::operation())
        .route("/me/badge/summary", get_only(get(summary::summary)), &summary::operation())
        .route("/me/badge/rooms", get_only(get(rooms::rooms)), &rooms::operation())
        .route("/badges", post_only(post(of_tokens::of_tokens)), &of_tokens::operation())
        .route("/badges/", post_only(post(of_tokens::of_tokens)), &of_tokens::operation())
        .route("/badges/byRoomTags", post_only(post(by_room_tags::by_room_tags)), &by_room_tags::operation())
        .route(
            "/badges/byRoomTagsAndTime",
            post_only(post(by_room_tags_and_time::by_room_tags_and_time)),
            &by_room_tags_and_time::operation(),
        )
        .route("/users/badges", post_only(post(of_users::of_users)), &of_users::operation())
}

/// What operators may reach. Serve it on a listener of its own, never on the public one.
pub fn operator_routes(operator: Operator) -> Routes {
    let operator = Arc::new(operator);
    let get_only = |route: MethodRouter<_>| route.fallback(operator::method_not_allowed);
    let admitted = from_fn_with_state(operator.clone(), control::admit);
    let post_only = |route: MethodRouter<_>| route.layer(admitted.clone()).fallback(control::only_post);
    let router = Router::new()
        .route("/accounts", get_only(get(accounts::accounts)))
        .route("/snapshots", post_only(post(control::snapshots)))
        .route("/generations/{number}/activate", post_only(post(control::activate)))
        .route("/healthz", get_only(get(operator::healthz)))
        .route("/readyz", get_only(get(operator::readyz)))
        .route("/status", get_only(get(operator::status)))
        .route("/metrics", get_only(get(operator::metrics)))
        .fallback(operator::not_found);
    #[cfg(feature = "damage")]
    let router = router.route("/damage", post(crate::damage::damage));
    router.with_state(operator).into()
}
