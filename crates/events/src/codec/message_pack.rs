//! A reader of MessagePack for serde.
//!
//! rmp-serde can't be used for reading: it doesn't say where a borrowed body ended, so data after
//! it would go unnoticed; it takes binary data for a list; and it goes down into ignored values by
//! recursion. This reader passes over values of any depth with one counter, allocates nothing, and
//! trusts no length: a list or map is read entry by entry until its bytes run out.

use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("it ends at byte {position}, inside a value")]
    CutOff { position: usize },
    #[error("byte {position} is 0xc1, which stands for nothing")]
    Reserved { position: usize },
    #[error("the string before byte {position} is not UTF-8")]
    NotUtf8 { position: usize },
    #[error("{0}")]
    Refused(String),
}

impl de::Error for Error {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::Refused(text.to_string())
    }
}

/// The byte that names an extension's type; its length doesn't count it.
const EXTENSION_TYPE: usize = 1;

/// One value, or the head of one that holds others.
enum Token<'de> {
    Nil,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'de [u8]),
    /// Binary data or an extension.
    Bytes(&'de [u8]),
    List(u32),
    Map(u32),
}

pub(crate) struct Reader<'de> {
    rest: &'de [u8],
    length: usize,
}

impl<'de> Reader<'de> {
    pub(crate) fn new(bytes: &'de [u8]) -> Self {
        Self { rest: bytes, length: bytes.len() }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'de [u8] {
        self.rest
    }

    /// How many bytes have been read.
    pub(crate) fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'de>, Error> {
        let position = self.position();
        let [marker] = self.array()?;
        Ok(match marker {
            0x00..=0x7f => Token::Unsigned(marker.into()),
            0x80..=0x8f => Token::Map((marker & 0x0f).into()),
            0x90..=0x9f => Token::List((marker & 0x0f).into()),
            0xa0..=0xbf => Token::Text(self.take(usize::from(marker & 0x1f))?),
            0xc0 => Token::Nil,
            0xc1 => return Err(Error::Reserved { position }),
            0xc2 => Token::Boolean(false),
            0xc3 => Token::Boolean(true),
            0xc4 => Token::Bytes(self.sized::<1>(0)?),
            0xc5 => Token::Bytes(self.sized::<2>(0)?),
            0xc6 => Token::Bytes(self.sized::<4>(0)?),
            0xc7 => Token::Bytes(self.sized::<1>(EXTENSION_TYPE)?),
            0xc8 => Token::Bytes(self.sized::<2>(EXTENSION_TYPE)?),
            0xc9 => Token::Bytes(self.sized::<4>(EXTENSION_TYPE)?),
            0xca => Token::Float(f32::from_be_bytes(self.array()?).into()),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            0xcd => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            0xce => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => Token::Signed(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Token::Signed(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Token::Signed(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Token::Signed(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => Token::Bytes(self.take((1 << (marker - 0xd4)) + EXTENSION_TYPE)?),
            0xd9 => Token::Text(self.sized::<1>(0)?),
            0xda => Token::Text(self.sized::<2>(0)?),
            0xdb => Token::Text(self.sized::<4>(0)?),
            0xdc => Token::List(u16::from_be_bytes(self.array()?).into()),
            0xdd => Token::List(u32::from_be_bytes(self.array()?)),
            0xde => Token::Map(u16::from_be_bytes(self.array()?).into()),
            0xdf => Token::Map(u32::from_be_bytes(self.array()?)),
            0xe0..=0xff => Token::Signed(i8::from_be_bytes([marker]).into()),
        })
    }

    /// Bytes with their length, N bytes of it, in front.
    fn sized<const N: usize>(&mut self, extra: usize) -> Result<&'de [u8], Error> {
        let length = self.array::<N>()?.iter().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
        self.take(length.saturating_add(extra))
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'de [u8], Error> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(Error::CutOff { position: self.length });
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(Error::CutOff { position: self.length });
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// Passes over one value. What it holds is merely more values to pass over, so a count of
    /// them is enough. It can't overflow: five bytes add at most 2^33 to it.
    fn skip(&mut self) -> Result<(), Error> {
        let mut left = 1_u64;
        while left > 0 {
            left -= 1;
            match self.token()? {
                Token::List(entries) => left += u64::from(entries),
                Token::Map(entries) => left += 2 * u64::from(entries),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.token()? {
            Token::Nil => visitor.visit_unit(),
            Token::Boolean(value) => visitor.visit_bool(value),
            Token::Unsigned(value) => visitor.visit_u64(value),
            Token::Signed(value) => visitor.visit_i64(value),
            Token::Float(value) => visitor.visit_f64(value),
            Token::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => Err(Error::NotUtf8 { position: self.position() }),
            },
            Token::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Token::List(left) => visitor.visit_seq(Entries { reader: self, left }),
            Token::Map(left) => visitor.visit_map(Entries { reader: self, left }),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// The entries of a list or map that are left to read.
struct Entries<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: u32,
}

impl Entries<'_, '_> {
    fn next(&mut self) -> bool {
        let more = self.left > 0;
        self.left = self.left.saturating_sub(1);
        more
    }
}

impl<'de> SeqAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.next().then(|| seed.deserialize(&mut *self.reader)).transpose()
    }
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.next().then(|| seed.deserialize(&mut *self.reader)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }
}
