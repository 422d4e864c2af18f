//! Bodies from bytes.

use super::{DecodeError, Field, Fields};
use crate::{Body, Kind};

/// Reads the body of an event of this kind, in JSON or MessagePack as its first byte tells.
///
/// What can be borrowed from the bytes is borrowed. Lists are given as sent: a duplicate in them
/// is still there. A body of n bytes takes O(n) time, whatever is in it.
pub fn decode(kind: Kind, body: &[u8]) -> Result<Body<'_>, DecodeError> {
    let mut fields = Fields::new(Field::of_body(kind));
    let read = fields.read(body).and_then(|()| fields.into_body(kind));
    read.map_err(|fault| DecodeError { kind, fault })
}
