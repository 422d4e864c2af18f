//! What tests of the whole service are made of: a real nats-server, the real executable, and the
//! judge that recounts. Everything started here ends when its value is dropped.
//!
//! Calls block and panic: a test tells a story, and whatever goes wrong in it is told with the end of
//! the log of the program concerned.

mod asker;
mod browser;
mod demo;
mod descriptors;
mod executable;
mod http;
mod live;
mod metrics;
mod nats;
mod peer;
mod program;
mod real_chat;
mod recount;
mod service;
mod settings;
mod terminal;
mod wait;

pub use asker::{Asker, Badge};
pub use browser::Browser;
pub use demo::Demo;
pub use descriptors::allow_descriptors;
pub use executable::{damageable_tallymark, example, tallymark, xtask_executable};
pub use http::{Answer, Client};
pub use live::LiveBadges;
pub use metrics::Metrics;
pub use nats::{Nats, Stored};
pub use peer::{Heard, Peer, Reply};
pub use program::{Finished, Program, Redirected};
pub use real_chat::real_chat;
pub use recount::{BeforeTimes, Recount};
pub use service::Service;
pub use settings::{Settings, api_key, client_key, home, token};
pub use terminal::Terminal;
pub use wait::{PATIENCE, until};
