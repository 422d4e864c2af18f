//! From the settings of tenants to those who may ask: reads their keys, and says where more of them are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use query::{
    ApiKey, ClientCredentials, Fetch, Introspection, JwksPlace, KeyUrl, Tenant, TenantKeys, Tenants,
    VerificationKey, parse_jwks,
};

use crate::settings::{self, Algorithm, JwksUrl, Problems, Settings, Token};

/// What a key set at a URL is told by from others.
type KeyUrlName = (JwksUrl, Option<Algorithm>);

/// Makes tenants of settings. What was fetched for those of before is kept for the next ones.
pub(super) struct TenantMaker {
    fetch: Fetch,
    metrics: query::Metrics,
    urls: HashMap<KeyUrlName, KeyUrl>,
}

impl TenantMaker {
    pub(super) fn new(fetch: Fetch, metrics: query::Metrics) -> Self {
        Self { fetch, metrics, urls: HashMap::new() }
    }

    /// Reads the tenants' keys, and warns about what is allowed and yet dangerous.
    pub(super) fn make(&mut self, settings: &Settings) -> Result<Tenants, Problems> {
        let mut urls = HashMap::new();
        let tenants = settings.tenants.iter().map(|tenant| {
            Ok(Tenant {
                name: tenant.name.clone(),
                client_keys: tenant.client_keys.clone(),
                api_keys: tenant.api_keys.iter().map(|key| ApiKey::new(key.expose())).collect(),
                keys: self.keys(&tenant.name, &tenant.token, &mut urls)?,
                introspection: self.introspection(&tenant.name, &tenant.token)?,
                issuer: tenant.token.issuer.clone(),
                audience: tenant.token.audience.clone(),
                leeway: tenant.token.leeway,
                allowed_origins: tenant.allowed_origins.clone(),
            })
        });
        let tenants = Tenants::new(tenants.collect::<Result<_, Problems>>()?);
        let tenants = tenants.map_err(Problems::unusable_tenants)?;
        self.urls = urls;
        warn(settings, &tenants);
        Ok(tenants)
    }

    /// Fetches what was never fetched, so that requests don't have to wait for it. What can't be fetched is told, and
    /// fetched later.
    pub(super) fn prepare(&self, now: Duration) -> impl Future<Output = ()> + use<> {
        let urls: Vec<_> = self.urls.values().cloned().collect();
        async move {
            join_all(urls.iter().map(|url| url.prepare(now))).await;
        }
    }

    fn keys(
        &self,
        tenant: &str,
        token: &Token,
        urls: &mut HashMap<KeyUrlName, KeyUrl>,
    ) -> Result<TenantKeys, Problems> {
        let mut fixed = Vec::new();
        for key in &token.keys {
            let read = VerificationKey::new(verified_by(key.algorithm), key.read(tenant)?.expose());
            let read = read.map_err(|error| Problems::unusable_key(tenant, &key.place, error))?;
            fixed.push(match &key.id {
                Some(id) => read.with_id(id),
                None => read,
            });
        }
        let only = token.algorithm.map(verified_by);
        if let Some((path, set)) = token.read_jwks(tenant)? {
            let keys = parse_jwks(&set, JwksPlace::File, only);
            let place = format!("token.jwks_file of tenant {tenant:?}");
            fixed.extend(keys.map_err(|error| Problems::unreadable(&place, &path, error))?);
        }
        let at_url = token.jwks_url.as_ref().map(|at| {
            let name = (at.clone(), token.algorithm);
            let (known, fetch, metrics) = (self.urls.get(&name), &self.fetch, &self.metrics);
            let new = || KeyUrl::new(at.url.clone(), only, at.interval, Arc::clone(fetch), metrics.clone());
            urls.entry(name.clone()).or_insert_with(|| known.cloned().unwrap_or_else(new)).clone()
        });
        Ok(TenantKeys { fixed, at_url })
    }

    fn introspection(&self, tenant: &str, token: &Token) -> Result<Option<Introspection>, Problems> {
        let Some(settings::Introspection { url, client, cache }) = &token.introspection else {
            return Ok(None);
        };
        let client = client.as_ref().map(|client| {
            let secret = String::from_utf8_lossy(client.read_secret(tenant)?.expose()).into_owned();
            Ok::<_, Problems>(ClientCredentials { id: client.id.clone(), secret })
        });
        let client = client.transpose()?;
        let fetch = Arc::clone(&self.fetch);
        Ok(Some(Introspection::new(url.clone(), client.as_ref(), *cache, fetch)))
    }
}

fn verified_by(algorithm: Algorithm) -> query::Algorithm {
    match algorithm {
        Algorithm::Hs256 => query::Algorithm::Hs256,
        Algorithm::Rs256 => query::Algorithm::Rs256,
        Algorithm::Es256 => query::Algorithm::Es256,
        Algorithm::EdDsa => query::Algorithm::EdDsa,
    }
}

fn warn(settings: &Settings, tenants: &Tenants) {
    if settings.tenants.is_empty() {
        tracing::warn!("no tenant is configured: events are counted, but nobody may ask");
    }
    for (one, other) in tenants.sharing_tokens() {
        tracing::warn!("tenants {one:?} and {other:?} share a token key: their tokens are interchangeable");
    }
}
