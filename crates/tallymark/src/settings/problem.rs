//! What can be wrong with settings, said so that it can be put right.

use std::fmt;
use std::path::Path;

use super::value::{Node, Source};

/// Everything that is wrong with the settings. The process ends with status 2.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    /// The file at `path`, which `setting` names, can't be used.
    pub(crate) fn unreadable(setting: &str, path: &Path, reason: impl fmt::Display) -> Self {
        Self(vec![Problem::Unreadable {
            setting: setting.to_owned(),
            path: path.display().to_string(),
            reason: reason.to_string(),
        }])
    }

    /// The token key of a tenant is readable, but can't verify anything.
    pub(crate) fn unusable_key(tenant: &str, place: &str, error: impl fmt::Display) -> Self {
        Self(vec![Problem::Tenants {
            reason: format!("{place}, the token key of tenant {tenant:?}: {error}"),
        }])
    }

    /// The tenants can't be served together.
    pub(crate) fn unusable_tenants(error: impl fmt::Display) -> Self {
        Self(vec![Problem::Tenants { reason: error.to_string() }])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("wrong settings")?;
        for problem in &self.0 {
            write!(formatter, "\n  {problem}")?;
        }
        Ok(())
    }
}

/// One thing that is wrong.
#[derive(Debug)]
pub(super) enum Problem {
    /// The file can't be read, or isn't TOML.
    File { place: String, reason: String },
    /// A variable's value is not text, or not TOML where TOML is expected.
    Variable { name: String, reason: String },
    /// No setting has this name.
    Unknown { source: Source, name: String, nearest: Option<String> },
    /// The value is not one this setting takes.
    Invalid { source: Source, setting: String, value: String, expected: String },
    /// A setting without default is not given.
    Missing { source: Source, setting: String, expected: String },
    /// The tenants or their keys can't be used as they are.
    Tenants { reason: String },
    /// A file that a setting names can't be used.
    Unreadable { setting: String, path: String, reason: String },
}

impl Problem {
    /// The value was `node`, and may be shown.
    pub(super) fn invalid(setting: &str, node: &Node, expected: impl Into<String>) -> Self {
        Self::Invalid {
            source: node.source.clone(),
            setting: setting.to_owned(),
            value: node.value.to_string(),
            expected: expected.into(),
        }
    }

    /// The value was `node`, and must not be shown.
    pub(super) fn hidden(setting: &str, node: &Node, expected: impl Into<String>) -> Self {
        Self::Invalid {
            source: node.source.clone(),
            setting: setting.to_owned(),
            value: "a value that is not shown".to_owned(),
            expected: expected.into(),
        }
    }

    /// No setting is named `name`; `known` are the names that exist beside it.
    pub(super) fn unknown<'a>(source: &Source, name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        Self::Unknown {
            source: source.clone(),
            name: name.to_owned(),
            nearest: nearest(name, known).map(str::to_owned),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { place, reason } => write!(formatter, "{place}: {reason}"),
            Self::Variable { name, reason } => write!(formatter, "{name}: {reason}"),
            Self::Unknown { source, name, nearest } => {
                // A variable is its own source, so its name would stand there twice.
                match source {
                    Source::Variable(variable) if **variable == **name => {}
                    _ => write!(formatter, "{source}: ")?,
                }
                write!(formatter, "{name} is not a setting; ")?;
                match nearest {
                    Some(nearest) => write!(formatter, "did you mean {nearest}?"),
                    None => formatter.write_str("`tallymark config default` prints every setting"),
                }
            }
            Self::Invalid { source, setting, value, expected } => {
                write!(formatter, "{source}: {setting} is {value}, expected {expected}")
            }
            Self::Missing { source, setting, expected } => {
                write!(formatter, "{source}: {setting} is missing, expected {expected}")
            }
            Self::Tenants { reason } => formatter.write_str(reason),
            Self::Unreadable { setting, path, reason } => {
                write!(formatter, "{setting} is {path:?}: {reason}")
            }
        }
    }
}

/// The known name that a typo most likely meant, if any is near, in whatever case. A name that only
/// lacks its table is near enough.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR: f64 = 0.6;
    let name = name.to_lowercase();
    let last = |name: &str| name.rsplit('.').next().map(str::to_owned);
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let whole = strsim::normalized_damerau_levenshtein(&name, &known);
        if last(&name) == last(&known) { whole.max(NEAR) } else { whole }
    };
    known
        .map(|known| (likeness(known), known))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
