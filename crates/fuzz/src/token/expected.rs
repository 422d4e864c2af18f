//! What has to become of a token made with a secret, found out without the library that verifies tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::tree::Tree;

/// A token that was signed with the secret, by HS256, and understood.
pub(super) struct Expected {
    claims: Vec<(String, Tree)>,
    /// Whether the header has nothing but fields whose meaning is not asked for.
    pub(super) has_plain_header: bool,
}

impl Expected {
    /// `None` if nobody may be a user by this token, whatever it claims.
    pub(super) fn of(token: &str, secret: &[u8]) -> Option<Self> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, signature] = parts[..] else { return None };
        let message = format!("{header}.{claims}");
        let is_signed = decoded(signature)? == hmac_sha256(secret, &message);
        if !is_signed || token.len() > 8_192 {
            return None;
        }
        let header = Tree::from_json(&decoded(header)?)?;
        let header = header.fields()?;
        let names_hs256 = once(header, "alg")?.and_then(Tree::text) == Some("HS256");
        let has_critical = header.iter().any(|(name, value)| name == "crit" && !matches!(value, Tree::Null));
        if !names_hs256 || has_critical {
            return None;
        }
        let is_plain = |name: &str| matches!(once(header, name), Some(None | Some(Tree::Text(_))));
        let known = ["alg", "typ", "cty", "kid"];
        let has_plain_header = known.iter().all(|name| is_plain(name))
            && header.iter().all(|(name, _)| known.contains(&name.as_str()));
        let Tree::Map(claims) = Tree::from_json(&decoded(claims)?)? else { return None };
        Some(Self { claims, has_plain_header })
    }

    /// The user that the token makes its bearer, `now` seconds after the Unix epoch.
    pub(super) fn user_at(&self, now: u64, issuer: Option<&str>, audience: Option<&str>) -> Option<&str> {
        let [subject, expires, not_before, iss, aud] =
            ["sub", "exp", "nbf", "iss", "aud"].map(|name| once(&self.claims, name));
        // A claim that stands there twice can be read in two ways.
        let (subject, expires, not_before, iss, aud) = (subject?, expires?, not_before?, iss?, aud?);
        let user = subject?.text()?;
        let is_id = !user.is_empty() && user.len() <= 256 && !user.chars().any(char::is_control);
        let now = now as f64;
        let is_valid = seconds(expires?)? > now
            && not_before.is_none_or(|not_before| seconds(not_before).is_some_and(|from| from <= now));
        let from_issuer = issuer.is_none_or(|issuer| iss.and_then(Tree::text) == Some(issuer));
        let for_audience = audience.is_none_or(|audience| match aud {
            Some(Tree::List(many)) => many.iter().any(|one| one.text() == Some(audience)),
            one => one.and_then(Tree::text) == Some(audience),
        });
        (is_id && is_valid && from_issuer && for_audience).then_some(user)
    }
}

/// The field's value, if there is one; `None` if it is there more than once.
fn once<'t>(fields: &'t [(String, Tree)], name: &str) -> Option<Option<&'t Tree>> {
    let mut values = fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value);
    let value = values.next();
    values.next().is_none().then_some(value)
}

/// A time that takes more than 2^53 seconds is never, to the second or not.
fn seconds(claim: &Tree) -> Option<f64> {
    match *claim {
        Tree::Unsigned(seconds) => Some(seconds as f64),
        Tree::Signed(seconds) => Some(seconds as f64),
        Tree::Float(seconds) => Some(seconds),
        _ => None,
    }
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// RFC 2104.
pub(super) fn hmac_sha256(key: &[u8], message: &str) -> [u8; 32] {
    const BLOCK_BYTES: usize = 64;
    let mut block = [0; BLOCK_BYTES];
    let short = if key.len() > BLOCK_BYTES { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block[..short.len()].copy_from_slice(&short);
    let padded = |byte: u8| block.map(|key| key ^ byte);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}
