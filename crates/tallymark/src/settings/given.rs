//! The values of settings as they were given, to see what another reading has changed.

use std::collections::BTreeMap;
use std::fmt;

use super::sources::TENANT;
use super::value::{Node, Value};

/// The value in force of each setting but the tenants, which are compared by nobody.
#[derive(Clone, Default)]
pub(crate) struct Given(BTreeMap<&'static str, Value>);

impl Given {
    /// A value, which replaces the one before.
    pub(super) fn note(&mut self, name: &'static str, node: &Node) {
        if name != TENANT {
            self.0.insert(name, node.value.clone());
        }
    }

    /// The names of the settings that are not the same in both.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let differs = |(name, value): &(&&'static str, &Value)| other.0.get(**name) != Some(*value);
        self.0.iter().filter(differs).map(|(name, _)| *name).collect()
    }
}

/// Secrets are among them.
impl fmt::Debug for Given {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Given(not shown)")
    }
}
