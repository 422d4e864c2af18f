//! Values that can be written in both encodings, field by field as given, repeated names included.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

#[derive(Debug, Clone)]
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
    pub(crate) fn from_json(text: &str) -> Self {
        serde_json::from_str(text).expect(text)
    }

    pub(crate) fn to_json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Signed(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::Text(text) => serde_json::to_string(text).unwrap(),
            Self::List(entries) => {
                let entries: Vec<_> = entries.iter().map(Self::to_json).collect();
                format!("[{}]", entries.join(","))
            }
            Self::Map(fields) => {
                let field = |(name, value): &(String, Self)| {
                    format!("{}:{}", serde_json::to_string(name).unwrap(), value.to_json())
                };
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
            }
        }
    }

    pub(crate) fn to_message_pack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Null => bytes.push(0xc0),
            Self::Boolean(value) => bytes.push(0xc2 + u8::from(*value)),
            Self::Unsigned(value) => bytes.extend(rmp_serde::to_vec(value).unwrap()),
            Self::Signed(value) => bytes.extend(rmp_serde::to_vec(value).unwrap()),
            Self::Float(value) => bytes.extend(rmp_serde::to_vec(value).unwrap()),
            Self::Text(text) => bytes.extend(rmp_serde::to_vec(text).unwrap()),
            Self::List(entries) => {
                head(bytes, entries.len(), 0x90, 0xdc);
                entries.iter().for_each(|entry| entry.write(bytes));
            }
            Self::Map(fields) => {
                head(bytes, fields.len(), 0x80, 0xde);
                for (name, value) in fields {
                    bytes.extend(rmp_serde::to_vec(name).unwrap());
                    value.write(bytes);
                }
            }
        }
    }
}

/// The head of a list or map: one byte, or a marker with a length of 16 or 32 bits.
fn head(bytes: &mut Vec<u8>, length: usize, short: u8, long: u8) {
    if let Ok(length @ 0..16) = u8::try_from(length) {
        bytes.push(short | length);
    } else if let Ok(length) = u16::try_from(length) {
        bytes.push(long);
        bytes.extend(length.to_be_bytes());
    } else {
        bytes.push(long + 1);
        bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Tree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
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

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
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
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Tree::Map(fields))
    }
}
