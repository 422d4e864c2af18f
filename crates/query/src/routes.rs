//! Every route of both listeners.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get};

use crate::badge::{self, Badges};
use crate::operator;
use crate::{Operator, Public};

/// What app developers may reach.
pub fn public_router(public: Public) -> Router {
    Router::new()
        .route("/me/badge", get(badge::me_badge).fallback(badge::method_not_allowed))
        .fallback(badge::not_found)
        .with_state(Arc::new(Badges::new(public)))
}

/// What operators may reach. Serve it on a listener of its own, never on the public one.
pub fn operator_router(operator: Operator) -> Router {
    let get_only = |route: MethodRouter<_>| route.fallback(operator::method_not_allowed);
    Router::new()
        .route("/healthz", get_only(get(operator::healthz)))
        .route("/readyz", get_only(get(operator::readyz)))
        .route("/status", get_only(get(operator::status)))
        .route("/metrics", get_only(get(operator::metrics)))
        .fallback(operator::not_found)
        .with_state(Arc::new(operator))
}
