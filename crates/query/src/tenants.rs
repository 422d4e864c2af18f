//! Who may ask: tenants, their client keys and their API keys.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use events::IdError;

use crate::fingerprint::Fingerprint;
use crate::{ApiKey, Introspection, KeyUrl, TenantKeys};

/// One chat application whose users may ask for their badges.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The tenant in the subjects of its events.
    pub name: String,
    /// The public keys by which clients name this tenant; one client key names one tenant.
    pub client_keys: Vec<String>,
    /// The secret keys with which this tenant's servers ask; one API key belongs to one tenant.
    pub api_keys: Vec<ApiKey>,
    /// Verify this tenant's tokens that are JWTs.
    pub keys: TenantKeys,
    /// Says what this tenant's other tokens are worth, and all of them where there are no keys.
    pub introspection: Option<Introspection>,
    /// What `iss` has to be. Without it the claim is ignored.
    pub issuer: Option<String>,
    /// What `aud` has to be or to contain. Without it the claim is ignored.
    pub audience: Option<String>,
    /// The origins of web pages that may ask, as browsers send them (`https://chat.example`), or `*` for every page.
    pub allowed_origins: Vec<String>,
    /// By how much the clocks of those who make tokens may differ from the one here.
    pub leeway: Duration,
}

impl Tenant {
    /// The endpoint, if it is the one to say what the token is worth. What has the three parts of a JWT is never
    /// shown to an endpoint of a tenant with keys.
    pub(crate) fn introspects(&self, token: &str) -> Option<&Introspection> {
        let is_jwt = token.bytes().filter(|byte| *byte == b'.').count() == 2;
        self.introspection.as_ref().filter(|_| self.keys.is_empty() || !is_jwt)
    }

    /// Whether what this key or this endpoint has shown is still taken for shown.
    pub(crate) fn takes(&self, shown_by: Fingerprint) -> bool {
        self.keys.has(shown_by)
            || self.introspection.as_ref().is_some_and(|endpoint| endpoint.fingerprint() == shown_by)
    }

    /// What decides over a token, but for keys and clocks: what is remembered under other rules is nothing here.
    fn rules(&self) -> Fingerprint {
        let claim = |claim: &Option<String>| match claim {
            None => String::new(),
            Some(text) => format!("={text}"),
        };
        let (issuer, audience) = (claim(&self.issuer), claim(&self.audience));
        Fingerprint::of(&[self.name.as_bytes(), issuer.as_bytes(), audience.as_bytes()])
    }

    /// Whether some token may be good at both. It isn't when both ask for an issuer and for different ones. A token can
    /// name several audiences, so these tell nothing apart.
    fn shares_tokens_with(&self, other: &Self) -> bool {
        let other_issuer = matches!((&self.issuer, &other.issuer), (Some(one), Some(other)) if one != other);
        let same_endpoint = match (&self.introspection, &other.introspection) {
            (Some(one), Some(other)) => one.fingerprint() == other.fingerprint(),
            _ => false,
        };
        !other_issuer && (same_endpoint || self.keys.share_one_with(&other.keys))
    }
}

/// Why tenants can't be served together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TenantsError {
    /// A name that no event's subject can have.
    #[error("the tenant name {name:?} {source}")]
    InvalidName {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: IdError,
    },
    /// One name twice.
    #[error("two tenants are named {name:?}: expected one entry for each tenant")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A tenant for which nobody can ask.
    #[error("the tenant {tenant:?} has no client key: expected at least one")]
    NoClientKey {
        /// The tenant's name.
        tenant: String,
    },
    /// A tenant of which no token can be good.
    #[error("the tenant {tenant:?} has no key and no introspection endpoint: expected at least one of them")]
    NoKey {
        /// The tenant's name.
        tenant: String,
    },
    /// A client key that can't arrive in a header as it is.
    #[error(
        "the client key {client_key:?} of the tenant {tenant:?} can't be sent in a header: \
         expected at least one character, all of them printable ASCII and none a space"
    )]
    InvalidClientKey {
        /// The tenant's name.
        tenant: String,
        /// The client key.
        client_key: String,
    },
    /// One client key for two tenants.
    #[error(
        "the client key {client_key:?} is given to the tenants {first:?} and {second:?}: \
         expected each client key at one tenant only"
    )]
    DuplicateClientKey {
        /// The client key.
        client_key: String,
        /// The tenant that has it first.
        first: String,
        /// The other tenant.
        second: String,
    },
    /// One API key for two tenants. It is not shown.
    #[error(
        "an API key is given to the tenants {first:?} and {second:?}: expected each API key at one tenant only"
    )]
    DuplicateApiKey {
        /// The tenant that has it first.
        first: String,
        /// The other tenant.
        second: String,
    },
}

/// A tenant and what follows from its settings.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) rules: Fingerprint,
}

/// All tenants whose users may ask.
#[derive(Debug, Clone)]
pub struct Tenants {
    tenants: Vec<Served>,
    /// Client keys with the place of their tenant in `tenants`.
    by_client_key: HashMap<Vec<u8>, usize>,
}

impl Tenants {
    /// Takes the tenants if each request can belong to one of them at most.
    pub fn new(tenants: Vec<Tenant>) -> Result<Self, TenantsError> {
        let mut by_client_key = HashMap::new();
        for (place, tenant) in tenants.iter().enumerate() {
            check_name(tenant, &tenants[..place])?;
            if tenant.client_keys.is_empty() {
                return Err(TenantsError::NoClientKey { tenant: tenant.name.clone() });
            }
            if tenant.keys.is_empty() && tenant.introspection.is_none() {
                return Err(TenantsError::NoKey { tenant: tenant.name.clone() });
            }
            for client_key in &tenant.client_keys {
                check_client_key(tenant, client_key)?;
                match by_client_key.entry(client_key.clone().into_bytes()) {
                    Entry::Vacant(free) => {
                        free.insert(place);
                    }
                    Entry::Occupied(taken) if *taken.get() == place => {}
                    Entry::Occupied(taken) => {
                        return Err(TenantsError::DuplicateClientKey {
                            client_key: client_key.clone(),
                            first: tenants[*taken.get()].name.clone(),
                            second: tenant.name.clone(),
                        });
                    }
                }
            }
            let has_one = |other: &&Tenant| tenant.api_keys.iter().any(|key| other.api_keys.contains(key));
            if let Some(other) = tenants[..place].iter().find(has_one) {
                return Err(TenantsError::DuplicateApiKey {
                    first: other.name.clone(),
                    second: tenant.name.clone(),
                });
            }
        }
        let served = |tenant: Tenant| Served { rules: tenant.rules(), tenant: Arc::new(tenant) };
        Ok(Self { tenants: tenants.into_iter().map(served).collect(), by_client_key })
    }

    /// The pairs of tenants, by name, of which tokens of the one may be good at the other: they have a key or an endpoint
    /// in common, and their issuers don't keep them apart.
    pub fn sharing_tokens(&self) -> impl Iterator<Item = (&str, &str)> {
        let tenants = || self.tenants.iter().map(|served| &*served.tenant);
        tenants().enumerate().flat_map(move |(place, first)| {
            let others = tenants().skip(place + 1).filter(|second| first.shares_tokens_with(second));
            others.map(|second| (first.name.as_str(), second.name.as_str()))
        })
    }

    /// The place of the tenant of a client key.
    pub(crate) fn place_of(&self, client_key: &[u8]) -> Option<usize> {
        self.by_client_key.get(client_key).copied()
    }

    /// The place of the tenant of an API key. Every key is compared, so that the time it takes tells nothing about any.
    pub(crate) fn place_of_server(&self, api_key: &[u8]) -> Option<usize> {
        let given = ApiKey::new(api_key);
        let tenants = self.tenants.iter().enumerate();
        tenants.fold(
            None,
            |found, (place, served)| {
                if given.is_among(&served.tenant.api_keys) { Some(place) } else { found }
            },
        )
    }

    pub(crate) fn at(&self, place: usize) -> &Served {
        &self.tenants[place]
    }

    /// Where keys are fetched from.
    pub(crate) fn key_urls(&self) -> impl Iterator<Item = &KeyUrl> {
        self.tenants.iter().filter_map(|served| served.tenant.keys.at_url.as_ref())
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tenant> {
        self.tenants.iter().map(|served| &*served.tenant)
    }
}

fn check_name(tenant: &Tenant, before: &[Tenant]) -> Result<(), TenantsError> {
    let name = tenant.name.clone();
    if let Err(source) = events::Tenant::new(&name) {
        return Err(TenantsError::InvalidName { name, source });
    }
    match before.iter().any(|other| other.name == name) {
        true => Err(TenantsError::DuplicateName { name }),
        false => Ok(()),
    }
}

fn check_client_key(tenant: &Tenant, client_key: &str) -> Result<(), TenantsError> {
    if !client_key.is_empty() && client_key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(TenantsError::InvalidClientKey { tenant: tenant.name.clone(), client_key: client_key.to_owned() })
}
