//! Reading one value into its field: each type is taken by the fields that want it, and by no other.

use std::borrow::Cow;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::{Excerpt, Problem};
use super::{Fault, Field, Fields};
use crate::{History, Id, IdError, MAX_AT, Tag};

/// The value of a field, or one entry of the list in it.
pub(super) struct Value<'f, 'de> {
    pub(super) fields: &'f mut Fields<'de>,
    pub(super) field: Field,
    pub(super) entry: Option<usize>,
}

impl<'de> Value<'_, 'de> {
    pub(super) fn stop<T, E: de::Error>(self, problem: Problem) -> Result<T, E> {
        self.fields.fault = Some(Fault::Field { field: self.field, entry: self.entry, problem });
        Err(E::custom(""))
    }

    fn wrong_type<T, E: de::Error>(self, found: &'static str) -> Result<T, E> {
        let expected = match self.entry {
            Some(_) => "a string",
            None => self.field.expected(),
        };
        self.stop(Problem::WrongType { found, expected })
    }

    fn time<E: de::Error>(self, at: i128) -> Result<(), E> {
        if self.field != Field::At {
            return self.wrong_type("an integer");
        }
        match u64::try_from(at) {
            Ok(at) if at <= MAX_AT => {
                self.fields.at = Some(at);
                Ok(())
            }
            _ => self.stop(Problem::Time(at)),
        }
    }

    fn text<E: de::Error>(self, text: Cow<'de, str>) -> Result<(), E> {
        let fields = &mut *self.fields;
        let taken = match (self.field, self.entry) {
            (Field::Room, _) => put(&mut fields.room, Id::new(text)),
            (Field::Message, _) => put(&mut fields.message, Id::new(text)),
            (Field::Sender, _) => put(&mut fields.sender, Id::new(text)),
            (Field::User, _) => put(&mut fields.user, Id::new(text)),
            (Field::Upto, _) => put(&mut fields.upto, Id::new(text)),
            (Field::From, _) => put(&mut fields.from, Id::new(text)),
            (Field::Mentions, Some(_)) => append(&mut fields.mentions, Id::new(text)),
            (Field::Users, Some(_)) => append(&mut fields.users, Id::new(text)),
            (Field::Tags, Some(_)) => append(&mut fields.tags, Tag::new(text)),
            (Field::Tenant, _) => put(&mut fields.tenant, Ok(text)),
            (Field::Event, _) => put(&mut fields.event, Ok(text)),
            (Field::History, _) => match &*text {
                "none" => put(&mut fields.history, Ok(History::None)),
                "all" => put(&mut fields.history, Ok(History::All)),
                _ => return self.stop(Problem::UnknownHistory(Excerpt::of(&text))),
            },
            _ => return self.wrong_type("a string"),
        };
        taken.or_else(|error| self.stop(Problem::Id(error)))
    }
}

fn put<T>(slot: &mut Option<T>, value: Result<T, IdError>) -> Result<(), IdError> {
    *slot = Some(value?);
    Ok(())
}

fn append<T>(slot: &mut Option<Vec<T>>, value: Result<T, IdError>) -> Result<(), IdError> {
    slot.get_or_insert_default().push(value?);
    Ok(())
}

impl<'de> DeserializeSeed<'de> for Value<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.field.expected())
    }

    /// Null: an optional field is absent, and a required one is found missing at the end.
    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        match self.entry {
            Some(_) => self.wrong_type("null"),
            None => Ok(()),
        }
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        let slot = match self.field {
            Field::Silent => &mut self.fields.silent,
            Field::MentionAll => &mut self.fields.mention_all,
            Field::Muted => &mut self.fields.muted,
            _ => return self.wrong_type("a boolean"),
        };
        *slot = Some(value);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.time(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.time(value.into())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.wrong_type("a number with a fraction, with an exponent or of more than 64 bits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.text(Cow::Owned(text.to_owned()))
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<(), E> {
        self.text(Cow::Borrowed(text))
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<(), E> {
        self.wrong_type("binary data or an extension")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (Some(limit), None) = (self.field.limit(), self.entry) else {
            return self.wrong_type("a list");
        };
        match self.field {
            Field::Mentions => self.fields.mentions = Some(Vec::new()),
            Field::Users => self.fields.users = Some(Vec::new()),
            _ => self.fields.tags = Some(Vec::new()),
        }
        for entry in 0..limit {
            let value = Value { fields: &mut *self.fields, field: self.field, entry: Some(entry) };
            if list.next_element_seed(value)?.is_none() {
                return Ok(());
            }
        }
        // What the entry over the limit holds doesn't matter any more.
        match list.next_element::<IgnoredAny>()? {
            Some(_) => self.stop(Problem::TooMany { limit }),
            None => Ok(()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        self.wrong_type("a map")
    }
}
