//! The keys that tokens are verified with. Only `serve` reads them: whoever publishes needs none.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::problem::Problems;
use super::types::{Client, Http, Key, Secret, Token, TokenKey};

impl Key {
    /// The key's bytes: a secret, or a public key as PEM. Secrets and keys lie in
    /// files of the working directory or wherever an absolute path says. `place` is that of the key in its tenant.
    pub(crate) fn read(&self, tenant: &str, place: &str) -> Result<Secret, Problems> {
        match self {
            Key::Secret(secret) => Ok(secret.clone()),
            Key::SecretFile(path) => {
                let unreadable = |reason: &str| unreadable(tenant, &format!("{place}_file"), path, reason);
                let bytes = std::fs::read(path).map_err(|error| unreadable(&error.to_string()))?;
                let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
                if bytes.is_empty() {
                    return Err(unreadable("the secret is empty"));
                }
                Ok(Secret(bytes.to_vec()))
            }
            Key::PublicKeyFile(path) => {
                let unreadable = |reason: &str| unreadable(tenant, place, path, reason);
                let bytes = std::fs::read(path).map_err(|error| unreadable(&error.to_string()))?;
                let is_public = String::from_utf8_lossy(&bytes).contains("PUBLIC KEY-----");
                if !is_public {
                    let reason = "expected PEM with a line like -----BEGIN PUBLIC KEY-----";
                    return Err(unreadable(reason));
                }
                Ok(Secret(bytes))
            }
        }
    }
}

impl TokenKey {
    /// The bytes of this key of the tenant's.
    pub(crate) fn read(&self, tenant: &str) -> Result<Secret, Problems> {
        let field = match self.key {
            Key::Secret(_) | Key::SecretFile(_) => "secret",
            Key::PublicKeyFile(_) => "public_key_file",
        };
        self.key.read(tenant, &format!("{}.{field}", self.place))
    }
}

impl Client {
    /// The bytes of the secret.
    pub(crate) fn read_secret(&self, tenant: &str) -> Result<Secret, Problems> {
        self.secret.read(tenant, "token.introspection.client_secret")
    }
}

impl Token {
    /// The content of the file with the key set, if there is one, with its path. No more is read than a set may have.
    pub(crate) fn read_jwks(&self, tenant: &str) -> Result<Option<(PathBuf, Vec<u8>)>, Problems> {
        let Some(path) = &self.jwks_file else { return Ok(None) };
        let mut bytes = Vec::new();
        let most = u64::try_from(query::MAX_JWKS_BYTES).unwrap_or(u64::MAX).saturating_add(1);
        let read = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
        read.map_err(|error| unreadable(tenant, "token.jwks_file", path, &error.to_string()))?;
        Ok(Some((path.clone(), bytes)))
    }
}

impl Http {
    /// What is shown to the operator listener by those who may change something; `None` if nobody may.
    pub(crate) fn read_operator_token(&self) -> Result<Option<String>, Problems> {
        const NAME: &str = "http.operator_token_file";
        let text = match (&self.operator_token, &self.operator_token_file) {
            (Some(token), _) => String::from_utf8_lossy(token.expose()).into_owned(),
            (None, Some(path)) => {
                let unreadable = |reason: &str| Problems::unreadable(NAME, path, reason);
                std::fs::read_to_string(path).map_err(|error| unreadable(&error.to_string()))?
            }
            (None, None) => return Ok(None),
        };
        let token = text.trim_end_matches(['\n', '\r']);
        match &self.operator_token_file {
            Some(path) if token.is_empty() => Err(Problems::unreadable(NAME, path, "the token is empty")),
            _ => Ok(Some(token.to_owned())),
        }
    }
}

fn unreadable(tenant: &str, place: &str, path: &Path, reason: &str) -> Problems {
    Problems::unreadable(&format!("{place} of tenant {tenant:?}"), path, reason)
}
