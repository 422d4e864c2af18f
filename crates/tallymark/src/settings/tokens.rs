//! The table `token` of a tenant: keys, where more of them are, and who else is asked.

use std::path::PathBuf;
use std::time::Duration;

use super::problem::Problem;
use super::tenant_fields::{
    ALGORITHM, AUDIENCE, CACHE, CLIENT_ID, CLIENT_SECRET, CLIENT_SECRET_FILE, Field, INTROSPECTION,
    INTROSPECTION_URL, ISSUER, JWKS_FILE, JWKS_INTERVAL, JWKS_URL, KEY_ID, KEYS, LEEWAY, PUBLIC_KEY_FILE,
    SECRET, SECRET_FILE, TOKEN,
};
use super::tenants::{Table, text};
use super::types::{Algorithm, Client, Introspection, JwksUrl, Key, Secret, Token, TokenKey};
use super::value::{Node, Value};

const MAX_KEYS: usize = 16;

impl<'a> Table<'a, '_> {
    /// The tenant's table `token`.
    pub(super) fn token(&mut self) -> Option<Token> {
        let Some(node) = self.node(&TOKEN) else {
            self.missing(&TOKEN);
            return None;
        };
        // Somebody may have put the secret itself here.
        let mut table = self.inner(&TOKEN, "token.", node)?;
        table.refuse_unknown();
        let algorithm = table.optional(&ALGORITHM, algorithm);
        let issuer = table.optional(&ISSUER, text);
        let audience = table.optional(&AUDIENCE, text);
        let leeway = table.optional(&LEEWAY, |node| seconds(node, 0, 60));
        let jwks_file = table.optional(&JWKS_FILE, path);
        let url = table.optional(&JWKS_URL, fetched_url);
        let interval = table.optional(&JWKS_INTERVAL, |node| seconds(node, 10, 86_400));
        let introspection = table.introspection();
        let keys = table.keys(algorithm);
        let interval = interval?.unwrap_or(Duration::from_secs(600));
        Some(Token {
            keys: keys?,
            algorithm: algorithm?,
            jwks_file: jwks_file?,
            jwks_url: url?.map(|url| JwksUrl { url, interval }),
            introspection: introspection?,
            issuer: issuer?,
            audience: audience?,
            leeway: leeway?.unwrap_or_default(),
        })
    }

    /// A table in this one.
    fn inner<'b>(&'b mut self, field: &Field, within: &'static str, node: &'a Node) -> Option<Table<'a, 'b>> {
        let shown = self.name(field);
        self.named(&shown, field, within, node)
    }

    fn named<'b>(
        &'b mut self,
        shown: &str,
        field: &Field,
        within: &'static str,
        node: &'a Node,
    ) -> Option<Table<'a, 'b>> {
        let Value::Table(entries) = &node.value else {
            self.problems.push(Problem::hidden(shown, node, field.expected));
            return None;
        };
        let (shown, source) = (format!("{shown}."), node.source.clone());
        Some(Table { shown, within, source, entries, problems: &mut *self.problems })
    }

    /// The key in the table itself and those of its list. There has to be one, unless somebody else is asked or has keys.
    fn keys(&mut self, algorithm: Option<Option<Algorithm>>) -> Option<Vec<TokenKey>> {
        let is_given = |field| self.node(field).is_some();
        let has_own = [&SECRET, &SECRET_FILE, &PUBLIC_KEY_FILE].into_iter().any(is_given);
        let has_others = [&KEYS, &JWKS_FILE, &JWKS_URL, &INTROSPECTION].into_iter().any(is_given);
        let mut keys = Vec::new();
        if has_own || !has_others {
            if algorithm == Some(None) {
                self.missing(&ALGORITHM);
            }
            keys.push(self.key("token", algorithm.flatten()));
        }
        let listed = self.node(&KEYS);
        match listed.map(|node| &node.value) {
            None => {}
            Some(Value::List(items)) if (1..=MAX_KEYS).contains(&items.len()) => {
                for (index, item) in items.iter().enumerate() {
                    let place = format!("token.keys[{index}]");
                    let shown = format!("{}[{index}]", self.name(&KEYS));
                    let table = self.named(&shown, &KEYS, "token.", item);
                    keys.push(table.and_then(|table| table.listed_key(&place, algorithm.flatten())));
                }
            }
            Some(_) => {
                let name = self.name(&KEYS);
                self.problems.extend(listed.map(|node| Problem::hidden(&name, node, KEYS.expected)));
                return None;
            }
        }
        keys.into_iter().collect()
    }

    /// A table of the list of keys.
    fn listed_key(mut self, place: &str, default: Option<Algorithm>) -> Option<TokenKey> {
        self.refuse_all_but(&[&ALGORITHM, &SECRET, &SECRET_FILE, &PUBLIC_KEY_FILE, &KEY_ID]);
        let own = self.optional(&ALGORITHM, algorithm)?;
        if own.or(default).is_none() {
            self.missing(&ALGORITHM);
        }
        self.key(place, own.or(default))
    }

    /// Exactly one key, of the kind that the algorithm needs.
    fn key(&mut self, place: &str, algorithm: Option<Algorithm>) -> Option<TokenKey> {
        let secret = self.optional(&SECRET, text);
        let secret_file = self.optional(&SECRET_FILE, text);
        let public_key_file = self.optional(&PUBLIC_KEY_FILE, text);
        let id = self.optional(&KEY_ID, text);
        let (secret, secret_file, public_key_file) = (secret?, secret_file?, public_key_file?);
        let algorithm = algorithm?;
        let (symmetric, expected) = match algorithm {
            Algorithm::Hs256 => (true, "exactly one of secret and secret_file for HS256"),
            Algorithm::Rs256 | Algorithm::Es256 | Algorithm::EdDsa => {
                (false, "exactly one key, public_key_file, for RS256, ES256 and EdDSA")
            }
        };
        let key = match (secret, secret_file, public_key_file) {
            (Some(secret), None, None) if symmetric => Key::Secret(Secret::of(&secret)),
            (None, Some(path), None) if symmetric => Key::SecretFile(PathBuf::from(path)),
            (None, None, Some(path)) if !symmetric => Key::PublicKeyFile(PathBuf::from(path)),
            (secret, secret_file, public_key_file) => {
                let keys = [
                    ("secret", secret.is_some()),
                    ("secret_file", secret_file.is_some()),
                    ("public_key_file", public_key_file.is_some()),
                ];
                let given: Vec<_> = keys.iter().filter(|(_, is)| *is).map(|(key, _)| *key).collect();
                self.wrong(
                    match given.as_slice() {
                        [] => format!("{} without a key", algorithm.as_str()),
                        given => format!("{} with {}", algorithm.as_str(), given.join(" and ")),
                    },
                    expected,
                );
                return None;
            }
        };
        Some(TokenKey { place: place.to_owned(), algorithm, key, id: id? })
    }

    /// `None` if it is wrong, `Some(None)` if it is not given.
    fn introspection(&mut self) -> Option<Option<Introspection>> {
        let Some(node) = self.node(&INTROSPECTION) else { return Some(None) };
        let mut table = self.inner(&INTROSPECTION, "token.introspection.", node)?;
        table.refuse_unknown();
        let url = table.required(&INTROSPECTION_URL, fetched_url);
        let id = table.optional(&CLIENT_ID, text);
        let secret = table.optional(&CLIENT_SECRET, text);
        let secret_file = table.optional(&CLIENT_SECRET_FILE, path);
        let cache = table.optional(&CACHE, |node| seconds(node, 1, 3_600));
        let client = match (id?, secret?, secret_file?) {
            (None, None, None) => None,
            (Some(id), Some(secret), None) => Some(Client { id, secret: Key::Secret(Secret::of(&secret)) }),
            (Some(id), None, Some(path)) => Some(Client { id, secret: Key::SecretFile(path) }),
            (id, ..) => {
                let found = if id.is_some() { "with client_id" } else { "without client_id" };
                let expected =
                    "client_id with exactly one of client_secret and client_secret_file, or none of them";
                table.wrong(found.to_owned(), expected);
                return None;
            }
        };
        Some(Some(Introspection { url: url?, client, cache: cache?.unwrap_or(Duration::from_secs(60)) }))
    }

    /// The table as a whole is wrong.
    fn wrong(&mut self, value: String, expected: &str) {
        self.problems.push(Problem::Invalid {
            source: self.source.clone(),
            setting: self.shown.trim_end_matches('.').to_owned(),
            value,
            expected: expected.to_owned(),
        });
    }
}

fn algorithm(node: &Node) -> Option<Algorithm> {
    let name = text(node)?;
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
}

fn path(node: &Node) -> Option<PathBuf> {
    text(node).filter(|path| !path.contains('\0')).map(PathBuf::from)
}

fn seconds(node: &Node, least: i64, most: i64) -> Option<Duration> {
    match node.value {
        Value::Integer(seconds) if (least..=most).contains(&seconds) => {
            Some(Duration::from_secs(u64::try_from(seconds).ok()?))
        }
        _ => None,
    }
}

/// A URL that nobody on the way can answer for: encrypted, or on this machine. It holds no password, which would be shown
/// in logs.
fn fetched_url(node: &Node) -> Option<String> {
    let url = text(node)?;
    let parsed: ureq::http::Uri = url.parse().ok()?;
    let authority = parsed.authority()?.as_str();
    let host = parsed.host()?;
    let is_here = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    let may_be_asked = match parsed.scheme_str()? {
        "https" => true,
        "http" => is_here,
        _ => false,
    };
    (may_be_asked && !authority.contains('@') && !host.is_empty()).then_some(url)
}
