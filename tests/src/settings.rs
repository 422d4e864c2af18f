//! Settings of a service under test.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;
use tempfile::TempDir;

use crate::nats::Nats;

/// Values by their dotted names. Nothing but what a test is about differs from the defaults, but for
/// the ports, which are free ones, and the log, which is for machines.
#[derive(Debug, Clone)]
pub struct Settings {
    values: BTreeMap<String, String>,
    tenants: Vec<String>,
    /// Tenants as they stand in the file.
    written_tenants: String,
}

impl Settings {
    /// For that server, with these tenants.
    pub fn new(nats: &Nats, tenants: &[&str]) -> Self {
        let mut settings = Self {
            values: BTreeMap::new(),
            tenants: tenants.iter().map(|&tenant| tenant.to_owned()).collect(),
            written_tenants: String::new(),
        };
        settings.set("data_dir", "\"data\"");
        settings.set("nats.url", &format!("{:?}", nats.url()));
        settings.set("http.listen", "\"127.0.0.1:0\"");
        settings.set("http.operator_listen", "\"127.0.0.1:0\"");
        settings.set("log.format", "\"json\"");
        settings
    }

    /// Sets a value, in TOML, or replaces it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// Has these tenants, in TOML, stand beside those that were given at first, and nobody else.
    pub fn set_tenants(&mut self, tenants: &str) {
        tenants.clone_into(&mut self.written_tenants);
    }

    /// Writes them as a settings file.
    pub fn write(&self, file: &Path) {
        let mut text = String::new();
        for (name, value) in &self.values {
            writeln!(text, "{name} = {value}").expect("a text can be added to");
        }
        for tenant in &self.tenants {
            let (key, api_key, secret) = (client_key(tenant), api_key(tenant), secret(tenant));
            writeln!(
                text,
                "[[tenant]]\nname = {tenant:?}\nclient_keys = [{key:?}]\napi_keys = [{api_key:?}]\n\
                 token = {{ algorithm = \"HS256\", secret = {secret:?} }}"
            )
            .expect("a text can be added to");
        }
        text += &self.written_tenants;
        fs::write(file, text).expect("settings can be written");
    }
}

/// An empty directory of its own within the build directory.
pub fn home() -> TempDir {
    let place = xtask::target().join("tmp");
    fs::create_dir_all(&place).expect("a directory can be made");
    tempfile::Builder::new().prefix("tallymark-").tempdir_in(place).expect("a directory can be made")
}

/// What a tenant's apps send as IM-CLIENT-KEY.
pub fn client_key(tenant: &str) -> String {
    format!("{tenant}-client-key")
}

/// What a tenant's servers send as IM-API-KEY.
pub fn api_key(tenant: &str) -> String {
    format!("{tenant}-api-key-of-its-servers")
}

fn secret(tenant: &str) -> String {
    format!("{tenant}-secret-of-at-least-32-bytes-as-HS256-wants")
}

/// A token of that user, valid for an hour.
pub fn token(tenant: &str, user: &str) -> String {
    let expires = SystemTime::now() + Duration::from_secs(3600);
    let expires = expires.duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970").as_secs();
    let key = EncodingKey::from_secret(secret(tenant).as_bytes());
    let claims = json!({ "sub": user, "exp": expires });
    jsonwebtoken::encode(&Header::default(), &claims, &key).expect("claims can be signed")
}
