#![doc = include_str!("../README.md")]

mod routes;

mod accounts;
mod badges;
#[cfg(feature = "damage")]
mod damage;
mod operator;

mod credentials;
mod question;
mod room_tags;
mod tokens;

mod api_keys;
mod claims;
mod keys;
mod tenants;

mod answer;
mod answers;
mod arrivals;
mod control;
mod entity_tag;
mod gate;
mod metrics;
mod readiness;
mod refusal;
mod serve;
mod status;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use accounts::{Account, Accounts, AccountsAnswer, AccountsQuestion, AskAccounts, RoomAccount};
pub use answers::Answers;
pub use api_keys::ApiKey;
pub use arrivals::Arrivals;
pub use badges::by_room_tags_and_time::{
    AskBeforeTime, BeforeTime, BeforeTimeAnswer, BeforeTimeQuestion, NotBeforeTime,
};
pub use badges::{Clock, Public};
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
