//! Who may ask: tenants and their client keys.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use events::IdError;

use crate::{ApiKey, VerificationKey};

/// One chat application whose users may ask for their badges.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The tenant in the subjects of its events.
    pub name: String,
    /// The public keys by which clients name this tenant; one client key names one tenant.
    pub client_keys: Vec<String>,
    /// The secret keys with which this tenant's servers ask; one API key belongs to one tenant.
    pub api_keys: Vec<ApiKey>,
    /// Verifies this tenant's tokens.
    pub verification_key: VerificationKey,
    /// What `iss` has to be. Without it the claim is ignored.
    pub issuer: Option<String>,
    /// What `aud` has to be or to contain. Without it the claim is ignored.
    pub audience: Option<String>,
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

/// All tenants whose users may ask.
#[derive(Debug, Clone)]
pub struct Tenants {
    tenants: Vec<Tenant>,
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
        Ok(Self { tenants, by_client_key })
    }

    /// The pairs of tenants with the same algorithm and key, by name. A token of one of them is
    /// good at the other too, unless `issuer` or `audience` keep them apart.
    pub fn sharing_a_key(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tenants.iter().enumerate().flat_map(|(place, first)| {
            let others = self.tenants[place + 1..].iter();
            others
                .filter(|second| first.verification_key.same_as(&second.verification_key))
                .map(|second| (first.name.as_str(), second.name.as_str()))
        })
    }

    /// The tenant of a client key, with its place among the tenants.
    pub(crate) fn by_client_key(&self, client_key: &[u8]) -> Option<(usize, &Tenant)> {
        let place = *self.by_client_key.get(client_key)?;
        Some((place, &self.tenants[place]))
    }
}

impl Tenants {
    /// The tenant of an API key. Every key is compared, so that the time it takes tells nothing about any.
    pub(crate) fn by_api_key(&self, api_key: &[u8]) -> Option<&Tenant> {
        let given = ApiKey::new(api_key);
        self.tenants
            .iter()
            .fold(None, |found, tenant| if given.is_among(&tenant.api_keys) { Some(tenant) } else { found })
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
