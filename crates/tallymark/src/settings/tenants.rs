//! `[[tenant]]`: who may ask, and how their tokens are verified.

use std::collections::HashMap;

use super::problem::Problem;
use super::tenant_fields::{
    ALLOWED_ORIGINS, API_KEYS, CLIENT_KEYS, CLIENT_SECRET, FIELDS, Field, NAME, SECRET,
};
use super::types::{Secret, Tenant};
use super::value::{Entry, Node, Source, Value};

/// Reads the list of tenants. What is wrong goes to `problems`, and its tenant is left out.
pub(super) fn read(node: &Node, problems: &mut Vec<Problem>) -> Vec<Tenant> {
    let Value::List(items) = &node.value else {
        problems.push(Problem::hidden("tenant", node, "a list of tables, [[tenant]]"));
        return Vec::new();
    };
    let tenants = items.iter().enumerate().filter_map(|(index, item)| {
        let place = format!("tenant[{index}]");
        match &item.value {
            Value::Table(entries) => {
                let source = item.source.clone();
                let shown = format!("{place}.");
                Table { shown, within: "", source, entries, problems: &mut *problems }.tenant()
            }
            _ => {
                problems.push(Problem::hidden(&place, item, "a table, [[tenant]]"));
                None
            }
        }
    });
    let tenants = tenants.collect();
    unique(items, problems);
    tenants
}

/// A table of a tenant while it is read.
pub(super) struct Table<'a, 'p> {
    /// What its names begin with in errors.
    pub(super) shown: String,
    /// What its names begin with among the fields.
    pub(super) within: &'static str,
    pub(super) source: Source,
    pub(super) entries: &'a [Entry],
    pub(super) problems: &'p mut Vec<Problem>,
}

impl<'a> Table<'a, '_> {
    fn tenant(mut self) -> Option<Tenant> {
        self.refuse_unknown();
        let name = self.required(&NAME, tenant_name);
        let client_keys = self.required(&CLIENT_KEYS, client_keys);
        let api_keys = self.optional(&API_KEYS, api_keys);
        let allowed_origins = self.optional(&ALLOWED_ORIGINS, allowed_origins);
        let token = self.token();
        let (api_keys, allowed_origins) = (api_keys?, allowed_origins?);
        Some(Tenant {
            name: name?,
            client_keys: client_keys?,
            api_keys: api_keys.unwrap_or_default(),
            allowed_origins: allowed_origins.unwrap_or_default(),
            token: token?,
        })
    }

    /// What errors call the field.
    pub(super) fn name(&self, field: &Field) -> String {
        format!("{}{}", self.shown, field.name.strip_prefix(self.within).unwrap_or(field.name))
    }

    /// The field's value, if it is given.
    pub(super) fn node(&self, field: &Field) -> Option<&'a Node> {
        let key = field.name.strip_prefix(self.within)?;
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    pub(super) fn required<T>(&mut self, field: &Field, read: fn(&Node) -> Option<T>) -> Option<T> {
        let found = self.optional(field, read)?;
        if found.is_none() {
            self.missing(field);
        }
        found
    }

    /// `None` if the field is wrong, `Some(None)` if it is not given.
    pub(super) fn optional<T>(&mut self, field: &Field, read: fn(&Node) -> Option<T>) -> Option<Option<T>> {
        let Some(node) = self.node(field) else { return Some(None) };
        if let Some(value) = read(node) {
            return Some(Some(value));
        }
        let is_secret = [SECRET.name, CLIENT_SECRET.name, API_KEYS.name].contains(&field.name);
        let problem = if is_secret { Problem::hidden } else { Problem::invalid };
        self.problems.push(problem(&self.name(field), node, field.expected));
        None
    }

    pub(super) fn missing(&mut self, field: &Field) {
        self.problems.push(Problem::Missing {
            source: self.source.clone(),
            setting: self.name(field),
            expected: field.expected.to_owned(),
        });
    }

    pub(super) fn refuse_unknown(&mut self) {
        self.refuse_all_but(FIELDS);
    }

    /// Refuses names of other fields and of none.
    pub(super) fn refuse_all_but(&mut self, fields: &[&Field]) {
        let known: Vec<_> = fields
            .iter()
            .filter_map(|field| field.name.strip_prefix(self.within))
            .filter(|name| !name.contains('.'))
            .collect();
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let path = |key: &str| format!("{}{key}", self.shown);
            let known: Vec<_> = known.iter().map(|key| path(key)).collect();
            let known = known.iter().map(String::as_str);
            self.problems.push(Problem::unknown(&entry.source, &path(&entry.key), known));
        }
    }
}

pub(super) fn text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn tenant_name(node: &Node) -> Option<String> {
    text(node).filter(|name| events::Tenant::new(name).is_ok())
}

fn client_keys(node: &Node) -> Option<Vec<String>> {
    // As a header can carry it.
    let printable = |key: &String| {
        let is_printable = key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        is_printable && key.len() <= 256 && key.trim() == key
    };
    let Value::List(items) = &node.value else { return None };
    let keys = items.iter().map(|item| text(item).filter(printable)).collect::<Option<Vec<_>>>()?;
    (!keys.is_empty()).then_some(keys)
}

fn api_keys(node: &Node) -> Option<Vec<Secret>> {
    let Value::List(items) = &node.value else { return None };
    let is_key =
        |key: &String| (16..=256).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    items.iter().map(|item| text(item).filter(is_key).map(|key| Secret::of(&key))).collect()
}

fn allowed_origins(node: &Node) -> Option<Vec<String>> {
    let Value::List(items) = &node.value else { return None };
    items.iter().map(|item| text(item).filter(|origin| origin == "*" || is_origin(origin))).collect()
}

/// Whether a browser may send this as an origin: scheme, host and, if it is not the scheme's own, port.
fn is_origin(text: &str) -> bool {
    let is_host = |byte: u8| {
        byte.is_ascii_digit() || byte.is_ascii_lowercase() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']')
    };
    let is_scheme =
        |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase() || matches!(byte, b'-' | b'.' | b'+');
    text.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && scheme.bytes().all(is_scheme) && !host.is_empty() && host.bytes().all(is_host)
    })
}

/// No two tenants have the same name, and no two client keys are the same.
fn unique(items: &[Node], problems: &mut Vec<Problem>) {
    let mut names = HashMap::new();
    let mut keys = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let Value::Table(entries) = &item.value else { continue };
        for entry in entries {
            let setting = format!("tenant[{index}].{}", entry.key);
            match (entry.key.as_str(), &entry.node.value) {
                ("name", _) => once(&mut names, &setting, &entry.node, problems),
                ("client_keys", Value::List(given)) => {
                    for key in given {
                        once(&mut keys, &setting, key, problems);
                    }
                }
                _ => {}
            }
        }
    }
}

fn once<'a>(
    seen: &mut HashMap<&'a str, &'a Source>,
    setting: &str,
    node: &'a Node,
    problems: &mut Vec<Problem>,
) {
    let Value::Text(text) = &node.value else { return };
    if let Some(first) = seen.insert(text, &node.source) {
        let expected = format!("each value once; it was given at {first}");
        problems.push(Problem::invalid(setting, node, expected));
    }
}
