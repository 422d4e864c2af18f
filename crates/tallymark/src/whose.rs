//! Accounts, from a running service or from the files.

use anyhow::bail;
use counters::{Account, UserIndex};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use query::Accounts;
use recount::Captured;
use store::{Contents, Role, read_generation};

use crate::service::{Found, Service};

/// Users whose accounts are asked for at once.
const PAGE_USERS: usize = 1_000;

/// Who tells accounts.
pub(crate) enum Teller {
    /// A service, between two batches of events.
    Service(Service),
    /// The generation in use, while no service has it.
    Files(Box<Contents>),
}

impl Teller {
    /// Asks the service, or reads the store, if nobody has it.
    pub(crate) fn new(found: Found, options: &store::Options) -> anyhow::Result<Self> {
        match found {
            Found::Running(service) => Ok(Self::Service(service)),
            Found::Files(data_dir) => {
                let contents = read_generation(options, current(options)?)?;
                drop(data_dir);
                Ok(Self::Files(Box::new(contents)))
            }
        }
    }

    /// What was asked, for people.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Service(_) => "the running service",
            Self::Files(_) => "the store, which no service uses now",
        }
    }

    /// The account of one user, and the sequence for which it is exact.
    pub(crate) fn account(&self, tenant: &str, user: &str) -> anyhow::Result<(u64, Account)> {
        match self {
            Self::Files(contents) => {
                Ok((contents.counters.applied(), contents.counters.account(tenant, user)))
            }
            Self::Service(service) => {
                let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
                let path = format!("/accounts?tenant={}&user={}", encoded(tenant), encoded(user));
                let Accounts { sequence, accounts, .. } = service.get(&path)?;
                match <[_; 1]>::try_from(accounts) {
                    Ok([account]) => Ok((sequence, account.into())),
                    Err(accounts) => bail!("the service gave {} accounts instead of one", accounts.len()),
                }
            }
        }
    }

    /// Everybody's accounts.
    pub(crate) fn everybody(&self) -> anyhow::Result<Captured> {
        let mut captured = Captured::new();
        match self {
            Self::Files(contents) => {
                let mut first = Some(UserIndex(0));
                while let Some(from) = first {
                    let (accounts, next) = contents.counters.accounts(from, PAGE_USERS, usize::MAX);
                    captured.add(contents.counters.applied(), &accounts);
                    first = next;
                }
            }
            Self::Service(service) => {
                let mut path = format!("/accounts?limit={PAGE_USERS}");
                loop {
                    let Accounts { sequence, accounts, next } = service.get(&path)?;
                    let accounts: Vec<Account> = accounts.into_iter().map(Account::from).collect();
                    captured.add(sequence, &accounts);
                    let Some(next) = next else { break };
                    path = format!("/accounts?limit={PAGE_USERS}&after={next}");
                }
            }
        }
        Ok(captured)
    }
}

/// The number of the generation in use.
pub(crate) fn current(options: &store::Options) -> anyhow::Result<u64> {
    let generations = store::generations(&options.data_dir)?;
    match generations.iter().find(|generation| generation.role == Role::Current) {
        Some(generation) => Ok(generation.number),
        None => bail!("nothing was ever counted in {} (data_dir)", options.data_dir.display()),
    }
}
