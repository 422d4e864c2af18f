#![doc = include_str!("../README.md")]

mod routes;

mod accounts;
mod badge;
#[cfg(feature = "damage")]
mod damage;
mod operator;

mod credentials;
mod room_tags;
mod tokens;

mod claims;
mod keys;
mod tenants;

mod answer;
mod answers;
mod control;
mod gate;
mod metrics;
mod readiness;
mod serve;
mod status;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use accounts::{Account, Accounts, AccountsAnswer, AccountsQuestion, AskAccounts, RoomAccount};
pub use answers::Answers;
pub use badge::{Clock, Public};
pub use control::{Control, Refused};
#[cfg(feature = "damage")]
pub use damage::{Damage, DoDamage};
pub use gate::Gate;
pub use keys::{Algorithm, KeyError, VerificationKey};
pub use metrics::Metrics;
pub use operator::Operator;
pub use readiness::{Readiness, Reason};
pub use routes::{operator_router, public_router};
pub use serve::{Limits, Server};
pub use status::{Activation, DigestAt, SnapshotAt, Stage, Status, StoreStatus};
pub use tenants::{Tenant, Tenants, TenantsError};
