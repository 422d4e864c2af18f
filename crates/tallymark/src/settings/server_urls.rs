//! `nats.url`: the servers of one NATS system, and the user that a URL may name.

use std::fmt;

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;

/// The servers of one NATS system. Shown without the user and password that a URL may carry.
#[derive(Default, Clone, PartialEq, Eq)]
pub(crate) struct ServerUrls {
    addresses: Vec<ServerAddr>,
    login: Option<Login>,
}

/// Who connects, as a URL says it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    /// `nats://user:password@host`
    User { name: String, password: String },
    /// `nats://token@host`
    Token(String),
}

impl ServerUrls {
    /// Takes one URL, or several with commas between them, all with the same login if any.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut addresses = Vec::new();
        let mut login = None;
        for url in text.split(',') {
            let address: ServerAddr = url.trim().parse().ok()?;
            if !matches!(address.scheme(), "nats" | "tls") || address.host().is_empty() {
                return None;
            }
            if address.has_user_pass() {
                let found = Login::of(&address)?;
                if login.get_or_insert_with(|| found.clone()) != &found {
                    return None;
                }
            }
            addresses.push(address);
        }
        Some(Self { addresses, login })
    }

    /// The addresses, in the order given.
    pub(crate) fn addresses(&self) -> &[ServerAddr] {
        &self.addresses
    }

    /// Who connects. The client library does not look for this in a URL.
    pub(crate) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }
}

impl Login {
    fn of(address: &ServerAddr) -> Option<Self> {
        let decoded = |text| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        let name = decoded(address.username()?)?;
        match address.password() {
            Some(password) => Some(Self::User { name, password: decoded(password)? }),
            None => Some(Self::Token(name)),
        }
    }
}

impl fmt::Display for ServerUrls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.addresses.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let (scheme, host, port) = (address.scheme(), address.host(), address.port());
            if host.contains(':') {
                write!(formatter, "{comma}{scheme}://[{host}]:{port}")?;
            } else {
                write!(formatter, "{comma}{scheme}://{host}:{port}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ServerUrls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServerUrls({self})")
    }
}
