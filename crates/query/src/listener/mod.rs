//! The listeners: from a socket to a router and back, with a bound on all that a client can take.
//!
//! In the order in which a connection goes through them: it is admitted, perhaps shakes hands, and is then watched while
//! HTTP is spoken on it. Each request passes the desk on its way to the router.

mod server;

mod connection;
mod places;
mod tls;

mod progress;
mod watched;

mod body;
mod cors;
mod desk;
mod turned_away;
mod turns;

mod limits;
mod metrics;

pub use cors::Cors;
pub use limits::Limits;
pub(crate) use metrics::ListenerMetrics;
pub use server::{Front, Server};
pub use tls::{Tls, TlsError};
pub(crate) use turned_away::TurnedAway;
