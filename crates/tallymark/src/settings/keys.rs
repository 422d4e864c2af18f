//! The keys that tokens are verified with. Only `serve` reads them: whoever publishes needs none.

use std::collections::HashMap;
use std::path::Path;

use super::problem::Problems;
use super::types::{Http, Key, Secret, Tenant, Token};

impl Token {
    /// The key's bytes: the secret of HS256, else the public key as PEM. Secrets and keys lie in
    /// files of the working directory or wherever an absolute path says.
    pub(crate) fn read_key(&self, tenant: &str) -> Result<Secret, Problems> {
        match &self.key {
            Key::Secret(secret) => Ok(secret.clone()),
            Key::SecretFile(path) => {
                let bytes = read(tenant, "secret_file", path)?;
                let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
                if bytes.is_empty() {
                    return Err(unreadable(tenant, "secret_file", path, "the secret is empty"));
                }
                Ok(Secret(bytes.to_vec()))
            }
            Key::PublicKeyFile(path) => {
                let bytes = read(tenant, "public_key_file", path)?;
                let is_public = String::from_utf8_lossy(&bytes).contains("PUBLIC KEY-----");
                if !is_public {
                    let reason = "expected PEM with a line like -----BEGIN PUBLIC KEY-----";
                    return Err(unreadable(tenant, "public_key_file", path, reason));
                }
                Ok(Secret(bytes))
            }
        }
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

fn read(tenant: &str, field: &str, path: &Path) -> Result<Vec<u8>, Problems> {
    std::fs::read(path).map_err(|error| unreadable(tenant, field, path, &error.to_string()))
}

fn unreadable(tenant: &str, field: &str, path: &Path, reason: &str) -> Problems {
    Problems::unreadable(&format!("token.{field} of tenant {tenant:?}"), path, reason)
}

/// What to warn about at start: that nobody may ask, and tenants who accept each other's tokens,
/// because they verify with the same key and nothing else tells their tokens apart. `keys` are
/// those of `tenants`, in order.
pub(crate) fn tenant_warnings(tenants: &[Tenant], keys: &[Secret]) -> Vec<String> {
    let mut seen: HashMap<_, Vec<&Tenant>> = HashMap::new();
    let mut warnings = Vec::new();
    if tenants.is_empty() {
        warnings.push("no tenant is configured: events are counted, but nobody may ask".to_owned());
    }
    for (tenant, key) in tenants.iter().zip(keys) {
        // PEM may be broken into lines in many ways.
        let mut bytes = key.expose().to_vec();
        if matches!(tenant.token.key, Key::PublicKeyFile(_)) {
            bytes.retain(|byte| !byte.is_ascii_whitespace());
        }
        let sharing = seen.entry((tenant.token.algorithm, bytes)).or_default();
        if let Some(other) = sharing.iter().find(|other| interchangeable(&other.token, &tenant.token)) {
            warnings.push(format!(
                "tenants {:?} and {:?} share a token key: their tokens are interchangeable",
                other.name, tenant.name
            ));
        }
        sharing.push(tenant);
    }
    warnings
}

/// With the same key: whether some token is accepted by both. It isn't when both ask for an
/// issuer and for different ones. A token can name several audiences, so these tell nothing apart.
fn interchangeable(one: &Token, other: &Token) -> bool {
    !matches!((&one.issuer, &other.issuer), (Some(one), Some(other)) if one != other)
}
