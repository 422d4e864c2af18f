//! Values as they were given, each with the place it came from.

use std::fmt;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// Built in.
    Default,
    /// A line of the settings file, counted from 1.
    File { path: Arc<str>, line: usize },
    /// An environment variable.
    Variable(Arc<str>),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File { path, line } => write!(formatter, "{path}:{line}"),
            Self::Variable(name) => formatter.write_str(name),
        }
    }
}

/// A value and where it was given.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// The same value, wherever it was given.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// What was given.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// Something that no setting takes, as it was written: a float, a date, an integer beyond 64 bits.
    Other(String),
}

/// One name of a table with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the name stands.
    pub(super) source: Source,
    pub(super) node: Node,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.node == other.node
    }
}

/// Finds the source of a span of bytes.
pub(super) type Locate<'a> = &'a dyn Fn(std::ops::Range<usize>) -> Source;

impl Node {
    /// Takes over what the TOML parser found.
    pub(super) fn from_toml(found: &Spanned<DeValue<'_>>, locate: Locate<'_>) -> Self {
        let value = match found.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::Other(integer.to_string()),
            },
            DeValue::Boolean(boolean) => Value::Boolean(*boolean),
            DeValue::Float(float) => Value::Other(float.to_string()),
            DeValue::Datetime(datetime) => Value::Other(datetime.to_string()),
            DeValue::Array(list) => {
                Value::List(list.iter().map(|item| Self::from_toml(item, locate)).collect())
            }
            DeValue::Table(table) => Value::Table(entries(table, locate)),
        };
        Self { value, source: locate(found.span()) }
    }
}

/// The names of a table in the order in which they stand.
pub(super) fn entries(table: &DeTable<'_>, locate: Locate<'_>) -> Vec<Entry> {
    let entry = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| Entry {
        key: key.get_ref().to_string(),
        source: locate(key.span()),
        node: Node::from_toml(value, locate),
    };
    let mut found: Vec<_> = table.iter().collect();
    found.sort_by_key(|(key, _)| key.span().start);
    found.into_iter().map(entry).collect()
}

/// Values are shown in errors as they would stand in the file, long ones cut, and without the
/// user and password of a URL.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                let text = without_password(text);
                match text.char_indices().nth(100) {
                    Some((end, _)) => write!(formatter, "{:?}…", &text[..end]),
                    None => write!(formatter, "{text:?}"),
                }
            }
            Self::Integer(number) => write!(formatter, "{number}"),
            Self::Boolean(boolean) => write!(formatter, "{boolean}"),
            Self::List(_) => formatter.write_str("a list"),
            Self::Table(_) => formatter.write_str("a table"),
            Self::Other(text) => formatter.write_str(text),
        }
    }
}

/// Whatever stands before an `@` may be a password: of each URL in a list only the rest is kept.
fn without_password(text: &str) -> String {
    let hide = |url: &str| match url.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => url.to_owned(),
    };
    text.split(',').map(hide).collect::<Vec<_>>().join(",")
}
