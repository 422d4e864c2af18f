//! Every route of both listeners.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::accounts;
use crate::badges::{
    self, Badges, by_room_tags, by_room_tags_and_time, live, me_badge, of_tokens, of_users, rooms, summary,
};
use crate::control;
use crate::openapi::Described;
use crate::operator;
use crate::{Operator, Public};

/// What app developers may reach.
pub fn public_router(public: Public) -> Router {
    described().finish().fallback(badges::not_found).with_state(Arc::new(Badges::new(public)))
}

/// The public routes, each with what it says of itself.
pub(crate) fn described() -> Described {
    let get_only = |route: MethodRouter<_>| route.fallback(badges::method_not_allowed);
    let post_only = |route: MethodRouter<_>| route.fallback(badges::only_post);
    // GET stands for HEAD too, unless something else does.
    let live_only = |route: MethodRouter<_>| route.head(badges::only_get).fallback(badges::only_get);
    Described::new()
        .route("/me/badge", get_only(get(me_badge::me_badge)), &me_badge::operation())
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
pub fn operator_router(operator: Operator) -> Router {
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
    router.with_state(operator)
}
