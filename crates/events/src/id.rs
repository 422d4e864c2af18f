//! Names that events carry: ids, tags and tenants, each checked once, when it is made.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use sha2::{Digest, Sha256};

/// The longest id, in bytes of UTF-8.
pub const MAX_ID_BYTES: usize = 256;
/// The longest tag, in bytes of UTF-8.
pub const MAX_TAG_BYTES: usize = 128;
/// The longest tenant name, in bytes (all of them ASCII).
pub const MAX_TENANT_BYTES: usize = 64;

/// Why a text is no id, tag or tenant name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdError {
    /// The text has no character.
    #[error("is empty")]
    Empty,
    /// The text is longer than its limit.
    #[error("is {length} bytes long, at most {limit} are allowed")]
    TooLong {
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The text has a character of Unicode's category Cc.
    #[error("has the control character U+{code:04X} at byte {position}")]
    ControlCharacter {
        /// The character's code point.
        code: u32,
        /// Where it begins, in bytes from the start of the text.
        position: usize,
    },
    /// A tenant name has a character outside `[A-Za-z0-9_-]`.
    #[error("has a character outside [A-Za-z0-9_-] at byte {position}")]
    NotATenant {
        /// Where it begins, in bytes from the start of the text.
        position: usize,
    },
}

fn check(text: &str, limit: usize) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > limit {
        return Err(IdError::TooLong { length: text.len(), limit });
    }
    // Every control character begins with one of these bytes, which are rare: most ids are done
    // with a look at their bytes, which is cheaper than one at their characters.
    let suspicious = |byte: u8| byte < 0x20 || byte == 0x7f || byte == 0xc2;
    if !text.bytes().fold(false, |found, byte| found | suspicious(byte)) {
        return Ok(());
    }
    match text.char_indices().find(|(_, character)| character.is_control()) {
        Some((position, character)) => {
            Err(IdError::ControlCharacter { code: u32::from(character), position })
        }
        None => Ok(()),
    }
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $limit:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name<'a>(Cow<'a, str>);

        impl<'a> $name<'a> {
            /// Takes the text if it is within the limits.
            pub fn new(text: impl Into<Cow<'a, str>>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text, $limit)?;
                Ok(Self(text))
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same text, borrowed from nothing.
            pub fn into_owned(self) -> $name<'static> {
                $name(Cow::Owned(self.0.into_owned()))
            }
        }

        impl Deref for $name<'_> {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name<'_> {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

checked_text! {
    /// The id of a room, a message or a user: 1 to [`MAX_ID_BYTES`] bytes of UTF-8 without control
    /// characters, compared byte by byte.
    Id, MAX_ID_BYTES
}

checked_text! {
    /// A label on a room: an id of at most [`MAX_TAG_BYTES`] bytes.
    Tag, MAX_TAG_BYTES
}

/// The name of one chat application: `[A-Za-z0-9_-]{1,64}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant<'a>(&'a str);

impl<'a> Tenant<'a> {
    /// Takes the name if it is a valid one.
    pub fn new(name: &'a str) -> Result<Self, IdError> {
        if name.is_empty() {
            return Err(IdError::Empty);
        }
        if name.len() > MAX_TENANT_BYTES {
            return Err(IdError::TooLong { length: name.len(), limit: MAX_TENANT_BYTES });
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        match name.bytes().position(|byte| !allowed(byte)) {
            Some(position) => Err(IdError::NotATenant { position }),
            None => Ok(Self(name)),
        }
    }

    /// The name itself.
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Display for Tenant<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// A message id as Tallymark remembers it: the first 16 bytes of the id's SHA-256.
///
/// Clients choose message ids, so the hash must be one for which nobody can make two ids collide:
/// with 128 bits that takes about 2^64 tries. It is the same in every store and every process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(pub [u8; 16]);

impl MessageKey {
    /// The key of a message id.
    pub fn of(message: &str) -> Self {
        let digest = Sha256::digest(message.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Self(key)
    }
}
