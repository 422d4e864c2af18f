//! `[[tenant]]`: who may ask, and how their tokens are verified.

use std::collections::HashMap;
use std::path::PathBuf;

use super::problem::Problem;
use super::tenant_fields::{
    ALGORITHM, API_KEYS, AUDIENCE, CLIENT_KEYS, FIELDS, Field, ISSUER, NAME, PUBLIC_KEY_FILE, SECRET,
    SECRET_FILE, TOKEN,
};
use super::types::{Algorithm, Key, Secret, Tenant, Token};
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
                Table { place, within: "", source, entries, problems: &mut *problems }.tenant()
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
struct Table<'a, 'p> {
    /// What errors call the tenant.
    place: String,
    /// What this table's names begin with inside the tenant.
    within: &'static str,
    source: Source,
    entries: &'a [Entry],
    problems: &'p mut Vec<Problem>,
}

impl<'a> Table<'a, '_> {
    fn tenant(mut self) -> Option<Tenant> {
        self.refuse_unknown();
        let name = self.required(&NAME, tenant_name);
        let client_keys = self.required(&CLIENT_KEYS, client_keys);
        let api_keys = self.optional(&API_KEYS, api_keys);
        let token = self.token();
        let api_keys = api_keys?.unwrap_or_default();
        Some(Tenant { name: name?, client_keys: client_keys?, api_keys, token: token? })
    }

    fn token(&mut self) -> Option<Token> {
        let Some(node) = self.node(&TOKEN) else {
            self.missing(&TOKEN);
            return None;
        };
        let Value::Table(entries) = &node.value else {
            // Somebody may have put the secret itself here.
            self.problems.push(Problem::hidden(&self.name(&TOKEN), node, TOKEN.expected));
            return None;
        };
        let mut table = Table {
            place: self.place.clone(),
            within: "token.",
            source: node.source.clone(),
            entries,
            problems: self.problems,
        };
        table.refuse_unknown();
        let algorithm = table.required(&ALGORITHM, algorithm);
        let issuer = table.optional(&ISSUER, text);
        let audience = table.optional(&AUDIENCE, text);
        let key = table.key(algorithm);
        Some(Token { algorithm: algorithm?, key: key?, issuer: issuer?, audience: audience? })
    }

    /// Exactly one key, of the kind that the algorithm needs.
    fn key(&mut self, algorithm: Option<Algorithm>) -> Option<Key> {
        let secret = self.optional(&SECRET, text);
        let secret_file = self.optional(&SECRET_FILE, text);
        let public_key_file = self.optional(&PUBLIC_KEY_FILE, text);
        let (secret, secret_file, public_key_file) = (secret?, secret_file?, public_key_file?);
        let algorithm = algorithm?;
        let (symmetric, expected) = match algorithm {
            Algorithm::Hs256 => (true, "exactly one of secret and secret_file for HS256"),
            Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa => {
                (false, "exactly one key, public_key_file, for RS256, ES256 and EdDSA")
            }
        };
        let key = match (secret, secret_file, public_key_file) {
            (Some(secret), None, None) if symmetric => Key::Secret(Secret(secret.into_bytes())),
            (None, Some(path), None) if symmetric => Key::SecretFile(PathBuf::from(path)),
            (None, None, Some(path)) if !symmetric => Key::PublicKeyFile(PathBuf::from(path)),
            (secret, secret_file, public_key_file) => {
                let keys = [
                    ("secret", secret.is_some()),
                    ("secret_file", secret_file.is_some()),
                    ("public_key_file", public_key_file.is_some()),
                ];
                let given: Vec<_> = keys.iter().filter(|(_, is)| *is).map(|(key, _)| *key).collect();
                self.problems.push(Problem::Invalid {
                    source: self.source.clone(),
                    setting: self.name(&TOKEN),
                    value: match given.as_slice() {
                        [] => format!("{} without a key", algorithm.as_str()),
                        given => format!("{} with {}", algorithm.as_str(), given.join(" and ")),
                    },
                    expected: expected.to_owned(),
                });
                return None;
            }
        };
        Some(key)
    }

    fn name(&self, field: &Field) -> String {
        format!("{}.{}", self.place, field.name)
    }

    /// The field's value, if it is given.
    fn node(&self, field: &Field) -> Option<&'a Node> {
        let key = field.name.strip_prefix(self.within)?;
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    fn required<T>(&mut self, field: &Field, read: fn(&Node) -> Option<T>) -> Option<T> {
        let found = self.optional(field, read)?;
        if found.is_none() {
            self.missing(field);
        }
        found
    }

    /// `None` if the field is wrong, `Some(None)` if it is not given.
    fn optional<T>(&mut self, field: &Field, read: fn(&Node) -> Option<T>) -> Option<Option<T>> {
        let Some(node) = self.node(field) else { return Some(None) };
        if let Some(value) = read(node) {
            return Some(Some(value));
        }
        let is_secret = [SECRET.name, API_KEYS.name].contains(&field.name);
        let problem = if is_secret { Problem::hidden } else { Problem::invalid };
        self.problems.push(problem(&self.name(field), node, field.expected));
        None
    }

    fn missing(&mut self, field: &Field) {
        self.problems.push(Problem::Missing {
            source: self.source.clone(),
            setting: self.name(field),
            expected: field.expected.to_owned(),
        });
    }

    fn refuse_unknown(&mut self) {
        let known: Vec<_> = FIELDS
            .iter()
            .filter_map(|field| field.name.strip_prefix(self.within))
            .filter(|name| !name.contains('.'))
            .collect();
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let path = |key: &str| format!("{}.{}{key}", self.place, self.within);
            let known: Vec<_> = known.iter().map(|key| path(key)).collect();
            let known = known.iter().map(String::as_str);
            self.problems.push(Problem::unknown(&entry.source, &path(&entry.key), known));
        }
    }
}

fn text(node: &Node) -> Option<String> {
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

fn algorithm(node: &Node) -> Option<Algorithm> {
    let name = text(node)?;
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
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
