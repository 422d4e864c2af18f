#![doc = include_str!("../README.md")]

mod routes;

mod badge;
mod operator;

mod credentials;
mod room_tags;
mod tokens;

mod claims;
mod keys;
mod tenants;

mod answer;
mod gate;
mod metrics;
mod readiness;
mod serve;
mod status;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use badge::{Clock, Public};
pub use gate::Gate;
pub use keys::{Algorithm, KeyError, VerificationKey};
pub use metrics::Metrics;
pub use operator::Operator;
pub use readiness::{Readiness, Reason};
pub use routes::{operator_router, public_router};
pub use serve::{Limits, Server};
pub use status::{DigestAt, SnapshotAt, Status, StoreStatus};
pub use tenants::{Tenant, Tenants, TenantsError};
