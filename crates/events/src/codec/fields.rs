//! Reading the fields of a body, the same way from both encodings.

use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::error::{Broken, Problem};
use super::value::Value;
use super::{Fault, Field, message_pack};
use crate::{
    Body, History, Id, Kind, MessagePosted, MessageRead, MessageRecalled, MessageUnread, RoomDeleted,
    RoomJoined, RoomLeft, RoomMuted, RoomTagged, Tag, UserDeleted,
};

/// The fields of one body, as far as they have been read.
#[derive(Default)]
pub(crate) struct Fields<'de> {
    known: &'static [Field],
    seen: Seen,
    /// The field whose value is being read.
    reading: Option<Field>,
    /// What stopped the reading. serde's errors carry text only, so the fault is left here.
    pub(super) fault: Option<Fault>,
    pub(crate) tenant: Option<Cow<'de, str>>,
    pub(crate) event: Option<Cow<'de, str>>,
    pub(super) room: Option<Id<'de>>,
    pub(super) message: Option<Id<'de>>,
    pub(super) sender: Option<Id<'de>>,
    pub(super) user: Option<Id<'de>>,
    pub(super) upto: Option<Id<'de>>,
    pub(super) from: Option<Id<'de>>,
    pub(super) at: Option<u64>,
    pub(super) silent: Option<bool>,
    pub(super) mention_all: Option<bool>,
    pub(super) muted: Option<bool>,
    pub(super) history: Option<History>,
    pub(super) mentions: Option<Vec<Id<'de>>>,
    pub(super) users: Option<Vec<Id<'de>>>,
    pub(super) tags: Option<Vec<Tag<'de>>>,
}

/// The fields that have come by, null or not.
#[derive(Default, Clone, Copy)]
pub(crate) struct Seen(u16);

impl Seen {
    fn has(self, field: Field) -> bool {
        self.0 & (1 << field as u16) != 0
    }

    fn add(&mut self, field: Field) {
        self.0 |= 1 << field as u16;
    }

    /// The value of a field that must have one.
    pub(crate) fn required<T>(self, value: Option<T>, field: Field) -> Result<T, Fault> {
        value.ok_or_else(|| {
            let problem = if self.has(field) { Problem::Null } else { Problem::Missing };
            Fault::Field { field, entry: None, problem }
        })
    }
}

impl<'de> Fields<'de> {
    /// None of these fields has been read yet; all others will be ignored.
    pub(crate) fn new(known: &'static [Field]) -> Self {
        Self { known, ..Self::default() }
    }

    /// Reads the fields from a body, in the encoding that its first byte tells.
    pub(crate) fn read(&mut self, body: &'de [u8]) -> Result<(), Fault> {
        match body.first() {
            None => Err(Fault::Empty),
            Some(b'{') => match std::str::from_utf8(body) {
                Ok(text) => self.read_json(text),
                Err(error) => Err(Fault::NotUtf8(error.valid_up_to())),
            },
            Some(0x80..=0x8f | 0xde | 0xdf) => self.read_message_pack(body),
            Some(&byte) => Err(Fault::FirstByte(byte)),
        }
    }

    fn read_json(&mut self, text: &'de str) -> Result<(), Fault> {
        let mut reader = serde_json::Deserializer::from_str(text);
        reader
            .deserialize_map(&mut *self)
            .map_err(|error| self.stopped_by(Broken::Json(error.to_string())))?;
        reader.end().map_err(|error| Fault::TrailingData {
            place: format!("line {} column {}", error.line(), error.column()),
        })
    }

    fn read_message_pack(&mut self, body: &'de [u8]) -> Result<(), Fault> {
        let mut reader = message_pack::Reader::new(body);
        reader.deserialize_map(&mut *self).map_err(|error| self.stopped_by(Broken::MessagePack(error)))?;
        let white_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        match reader.rest().iter().position(|byte| !white_space(byte)) {
            Some(offset) => {
                Err(Fault::TrailingData { place: format!("byte {}", reader.position() + offset) })
            }
            None => Ok(()),
        }
    }

    /// Why reading stopped: for the fault that was left, else because the encoding is broken.
    fn stopped_by(&mut self, broken: Broken) -> Fault {
        let field = self.reading;
        self.fault.take().unwrap_or(Fault::Broken { broken, field })
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen
    }

    /// The event that these fields are the body of.
    pub(crate) fn into_body(self, kind: Kind) -> Result<Body<'de>, Fault> {
        let seen = self.seen;
        let room = || seen.required(self.room, Field::Room);
        let message = || seen.required(self.message, Field::Message);
        let user = || seen.required(self.user, Field::User);
        let users = || seen.required(self.users, Field::Users);
        Ok(match kind {
            Kind::MessagePosted => Body::MessagePosted(MessagePosted {
                room: room()?,
                message: message()?,
                sender: seen.required(self.sender, Field::Sender)?,
                at: self.at,
                silent: self.silent.unwrap_or_default(),
                mentions: self.mentions.unwrap_or_default(),
                mention_all: self.mention_all.unwrap_or_default(),
            }),
            Kind::MessageRead => {
                Body::MessageRead(MessageRead { room: room()?, user: user()?, upto: self.upto })
            }
            Kind::MessageUnread => Body::MessageUnread(MessageUnread {
                room: room()?,
                user: user()?,
                from: seen.required(self.from, Field::From)?,
            }),
            Kind::MessageRecalled => {
                Body::MessageRecalled(MessageRecalled { room: room()?, message: message()? })
            }
            Kind::RoomJoined => Body::RoomJoined(RoomJoined {
                room: room()?,
                users: users()?,
                history: self.history.unwrap_or_default(),
            }),
            Kind::RoomLeft => Body::RoomLeft(RoomLeft { room: room()?, users: users()? }),
            Kind::RoomTagged => {
                Body::RoomTagged(RoomTagged { room: room()?, tags: seen.required(self.tags, Field::Tags)? })
            }
            Kind::RoomMuted => Body::RoomMuted(RoomMuted {
                room: room()?,
                user: user()?,
                muted: seen.required(self.muted, Field::Muted)?,
            }),
            Kind::RoomDeleted => Body::RoomDeleted(RoomDeleted { room: room()? }),
            Kind::UserDeleted => Body::UserDeleted(UserDeleted { user: user()? }),
        })
    }
}

impl<'de> Visitor<'de> for &mut Fields<'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a map with named fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(Name { known: self.known })? {
            self.reading = field;
            let Some(field) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let repeated = self.seen.has(field);
            self.seen.add(field);
            let value = Value { fields: self, field, entry: None };
            if repeated {
                return value.stop(Problem::Repeated);
            }
            map.next_value_seed(value)?;
            self.reading = None;
        }
        Ok(())
    }
}

/// The name of a field: one of those known, or none of them.
struct Name {
    known: &'static [Field],
}

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<Field>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Option<Field>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Option<Field>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a string as the name of a field")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Option<Field>, E> {
        Ok(self.known.iter().copied().find(|field| field.name() == name))
    }
}
