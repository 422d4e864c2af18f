#![doc = include_str!("../README.md")]

mod listener;
mod routes;

mod accounts;
mod badges;
#[cfg(feature = "damage")]
mod damage;
mod openapi;
mod operator;

mod admission;
mod credentials;
mod question;
mod room_tags;
mod tokens;

mod api_keys;
mod claims;
mod fetch;
mod fingerprint;
mod introspection;
mod jwks;
mod key_url;
mod keys;
mod tenant_keys;
mod tenants;

mod hub;

mod answer;
mod answers;
mod arrivals;
mod control;
mod entity_tag;
mod gate;
mod metrics;
mod rates;
mod readiness;
mod refusal;
mod status;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

pub use accounts::{Account, Accounts, AccountsAnswer, AccountsQuestion, AskAccounts, RoomAccount};
pub use admission::{Admission, Clock};
pub use answers::Answers;
pub use api_keys::ApiKey;
pub use arrivals::Arrivals;
pub use badges::by_room_tags_and_time::{
    AskBeforeTime, BeforeTime, BeforeTimeAnswer, BeforeTimeQuestion, NotBeforeTime,
};
pub use badges::servers::{ServerAnswer, ServerQuestion, Servers};
pub use badges::{LiveLimits, Public};
pub use control::{Control, Refused};
#[cfg(feature = "damage")]
pub use damage::{Damage, DoDamage};
pub use fetch::{FETCH_TIMEOUT, Fetch, FetchError, FetchRequest, Fetching, Form};
pub use gate::Gate;
pub use hub::{Hub, Seen, Watch, WatchFilter};
pub use introspection::{ClientCredentials, Introspection};
pub use jwks::{JwksError, JwksPlace, MAX_JWKS_BYTES, MAX_JWKS_KEYS, parse_jwks};
pub use key_url::KeyUrl;
pub use keys::{Algorithm, KeyError, VerificationKey};
pub use listener::{Cors, Front, Limits, Server, Tls, TlsError};
pub use metrics::Metrics;
pub use operator::Operator;
pub use rates::{Rate, Rates};
pub use readiness::{Readiness, Reason};
pub use routes::{Routes, operator_routes, public_routes};
pub use status::{Activation, DigestAt, SnapshotAt, Stage, Status, StoreStatus};
pub use tenant_keys::TenantKeys;
pub use tenants::{Tenant, Tenants, TenantsError};
