//! Bodies as bytes: which fields each kind has, reading and writing them.

mod decode;
mod encode;
mod error;
mod field;
mod fields;
mod message_pack;
mod value;

pub use decode::decode;
pub use encode::{encode_json, encode_message_pack, to_line};
pub use error::DecodeError;

pub(crate) use error::{Excerpt, Fault};
pub(crate) use field::{Field, OF_LINE};
pub(crate) use fields::Fields;
