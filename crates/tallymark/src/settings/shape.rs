//! The shapes a setting's value can have: what is accepted, and where it goes.

use std::ops::RangeInclusive;

use super::types::Settings;
use super::value::{Node, Value};

/// What a setting accepts, and how an accepted value gets into [`Settings`].
pub(super) enum Shape {
    /// Text that `set` takes, or refuses with `None`.
    Text { expected: &'static str, set: fn(&mut Settings, &str) -> Option<()> },
    /// An integer in a range, both ends included.
    Integer { range: RangeInclusive<u64>, unit: &'static str, set: fn(&mut Settings, u64) },
    /// `true` or `false`.
    Boolean { set: fn(&mut Settings, bool) },
    /// One of a few words, each with what it sets.
    OneOf(&'static [Word]),
    /// A list of texts that `set` takes, or refuses with `None`.
    Texts { expected: &'static str, set: fn(&mut Settings, &[&str]) -> Option<()> },
}

/// A word and what it sets.
type Word = (&'static str, fn(&mut Settings));

impl Shape {
    /// What is accepted, to follow the word "expected".
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Text { expected, .. } | Self::Texts { expected, .. } => (*expected).to_owned(),
            Self::Integer { range, unit, .. } => {
                let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
                format!("an integer from {} to {}{unit}", range.start(), range.end())
            }
            Self::Boolean { .. } => "true or false".to_owned(),
            Self::OneOf(words) => {
                let words: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
                words.join(" or ")
            }
        }
    }

    /// Whether an environment variable holds the text itself, rather than a TOML value.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::OneOf(_))
    }

    /// Puts the value into the settings, or refuses it with `None`.
    pub(super) fn set(&self, settings: &mut Settings, node: &Node) -> Option<()> {
        match (self, &node.value) {
            (Self::Text { set, .. }, Value::Text(text)) => set(settings, text),
            (Self::Integer { range, set, .. }, Value::Integer(number)) => {
                let number = u64::try_from(*number).ok().filter(|number| range.contains(number))?;
                set(settings, number);
                Some(())
            }
            (Self::Boolean { set }, Value::Boolean(boolean)) => {
                set(settings, *boolean);
                Some(())
            }
            (Self::OneOf(words), Value::Text(text)) => {
                let (_, set) = words.iter().find(|(word, _)| word == text)?;
                set(settings);
                Some(())
            }
            (Self::Texts { set, .. }, Value::List(items)) => {
                let text = |item: &'_ Node| match &item.value {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                };
                let texts = items.iter().map(text).collect::<Option<Vec<_>>>()?;
                set(settings, &texts.iter().map(String::as_str).collect::<Vec<_>>())
            }
            _ => None,
        }
    }
}
