//! Values that both encodings can write, field by field as they stand, repeated names included.

use std::fmt;
use std::io::Cursor;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// As deep as serde_json goes, and far from where the stack ends.
const MAX_DEPTH: usize = 128;

#[derive(Debug)]
pub(crate) enum Tree {
    Null,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// `None` if the bytes are anything but one whole value that MessagePack can write too.
    pub(crate) fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// `None` if the bytes are anything but one whole value that JSON can write too.
    pub(crate) fn from_message_pack(bytes: &[u8]) -> Option<Self> {
        let mut reader = rmp_serde::Deserializer::new(Cursor::new(bytes));
        reader.set_max_depth(MAX_DEPTH);
        let tree = Self::deserialize(&mut reader).ok()?;
        (reader.position() == bytes.len() as u64).then_some(tree)
    }

    pub(crate) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("every tree is JSON")
    }

    pub(crate) fn to_message_pack(&self) -> Vec<u8> {
        rmp_serde::to_vec(self).expect("every tree is MessagePack")
    }

    /// The fields of a map.
    pub(crate) fn fields(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(fields) => Some(fields),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => writer.serialize_unit(),
            Self::Boolean(value) => writer.serialize_bool(*value),
            Self::Unsigned(value) => writer.serialize_u64(*value),
            Self::Signed(value) => writer.serialize_i64(*value),
            Self::Float(value) => writer.serialize_f64(*value),
            Self::Text(text) => writer.serialize_str(text),
            Self::List(entries) => writer.collect_seq(entries),
            Self::Map(fields) => {
                let mut map = writer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value that both encodings have")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Boolean(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Signed(value))
    }

    /// JSON has neither infinity nor NaN.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
        if value.is_finite() { Ok(Tree::Float(value)) } else { Err(E::custom("not finite")) }
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element()? {
            entries.push(entry);
        }
        Ok(Tree::List(entries))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            match name {
                Tree::Text(name) => fields.push((name, value)),
                _ => return Err(de::Error::custom("the name of a field is no string")),
            }
        }
        Ok(Tree::Map(fields))
    }
}
