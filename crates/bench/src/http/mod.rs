//! Badges over HTTP, against a constant answer and against what one would use instead.

mod against_constant;
mod against_peers;
mod burst;
mod constant;
mod live;
mod load;
mod posts_against_peers;
mod rebuilding;
mod service;
mod times;
mod visible;
mod world;

pub(crate) use against_constant::run as against_constant;
pub(crate) use against_peers::run as against_peers;
pub(crate) use constant::serve as serve_constant;
pub(crate) use live::run as live;
pub(crate) use rebuilding::run as rebuilding;
pub(crate) use visible::run as visible;
