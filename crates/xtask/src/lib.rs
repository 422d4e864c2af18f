#![doc = include_str!("../README.md")]

mod nats_server;
mod process;
mod tool;
mod workspace;

pub use nats_server::{NatsServer, NatsServerError, Options, Store};
pub use process::{Process, Signal};
pub use tool::{Release, Tool, ToolError, node_modules};
pub use workspace::{root, target};
