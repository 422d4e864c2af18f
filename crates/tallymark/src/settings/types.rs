//! The settings as the rest of the program sees them: checked, complete, with secrets that don't print.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use events::Prefix;

use super::given::Given;
use super::server_urls::ServerUrls;

/// Every setting.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) nats: Nats,
    pub(crate) http: Http,
    pub(crate) policy: Policy,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) store: Store,
    pub(crate) audit: Audit,
    pub(crate) log: Log,
    /// All of these but the tenants, as they were given.
    pub(crate) given: Given,
}

/// `[nats]`: where events come from.
#[derive(Debug, Clone)]
pub(crate) struct Nats {
    pub(crate) url: ServerUrls,
    pub(crate) creds: Option<PathBuf>,
    pub(crate) stream: String,
    pub(crate) subject_prefix: Prefix,
    pub(crate) create_stream: bool,
    pub(crate) allow_restored_stream: bool,
    pub(crate) accepted_gaps: Vec<Gap>,
}

/// A blank to be filled from the table, whose defaults are the real ones: prefixes have no `Default`
/// to derive this from.
impl Default for Nats {
    fn default() -> Self {
        Self {
            url: ServerUrls::default(),
            creds: None,
            stream: String::new(),
            subject_prefix: Prefix::new("blank").expect("a word can begin a subject"),
            create_stream: false,
            allow_restored_stream: false,
            accepted_gaps: Vec::new(),
        }
    }
}

/// Stream sequences that the operator accepts as lost, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// `[http]`: where questions come from.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
    pub(crate) operator_listen: SocketAddr,
    pub(crate) operator_token: Option<Secret>,
    pub(crate) operator_token_file: Option<PathBuf>,
    pub(crate) token_cache_entries: usize,
    pub(crate) min_seq_wait: Duration,
    /// The least time between two numbers of a live badge.
    pub(crate) live_interval: Duration,
    pub(crate) live: query::LiveLimits,
    pub(crate) limits: query::Limits,
    pub(crate) rates: Rates,
    pub(crate) tls_certificate_file: Option<PathBuf>,
    pub(crate) tls_key_file: Option<PathBuf>,
}

/// How often tenants and users may ask.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    /// 0: as often as they like.
    pub(crate) tenant_per_second: u32,
    pub(crate) tenant_burst: u32,
    /// 0: as often as they like.
    pub(crate) user_per_second: u32,
    pub(crate) user_burst: u32,
    pub(crate) users: usize,
}

/// A blank to be filled from the table, whose defaults are the real ones: addresses have no
/// `Default` to derive this from.
impl Default for Http {
    fn default() -> Self {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self {
            listen: nowhere,
            operator_listen: nowhere,
            operator_token: None,
            operator_token_file: None,
            token_cache_entries: 0,
            min_seq_wait: Duration::ZERO,
            live_interval: Duration::ZERO,
            live: query::LiveLimits::default(),
            limits: query::Limits::default(),
            rates: Rates::default(),
            tls_certificate_file: None,
            tls_key_file: None,
        }
    }
}

/// `[policy]`: what the rules of counting leave to the operator.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) own_messages: OwnMessages,
    pub(crate) message_window: u32,
    pub(crate) muted_rooms: MutedRooms,
}

/// What posting does to the sender's cursor.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnMessages {
    #[default]
    Exclude,
    MarkRead,
}

/// Whether muted rooms are in the sum.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MutedRooms {
    #[default]
    Count,
    Skip,
}

/// `[[tenant]]`: a chat application that may ask.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) name: String,
    pub(crate) client_keys: Vec<String>,
    pub(crate) api_keys: Vec<Secret>,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) token: Token,
}

/// How a tenant's tokens are verified.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) keys: Vec<TokenKey>,
    /// Which keys of a set are used; `None`: all.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) jwks_file: Option<PathBuf>,
    pub(crate) jwks_url: Option<JwksUrl>,
    pub(crate) introspection: Option<Introspection>,
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) leeway: Duration,
}

/// One key of a tenant.
#[derive(Debug)]
pub(crate) struct TokenKey {
    /// What it is called in errors, for example `token.keys[1]`.
    pub(crate) place: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Key,
    pub(crate) id: Option<String>,
}

/// Where keys are fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct JwksUrl {
    pub(crate) url: String,
    pub(crate) interval: Duration,
}

/// Who is asked for tokens.
#[derive(Debug)]
pub(crate) struct Introspection {
    pub(crate) url: String,
    pub(crate) client: Option<Client>,
    pub(crate) cache: Duration,
}

/// What this service is called there, and how it shows that.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    /// Never a public key.
    pub(crate) secret: Key,
}

/// The signature algorithms of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Algorithm {
    Hs256,
    Rs256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in settings and in a token's header.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// Where a key or a secret is.
#[derive(Debug)]
pub(crate) enum Key {
    Secret(Secret),
    SecretFile(PathBuf),
    PublicKeyFile(PathBuf),
}

/// Bytes that are never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Secret(pub(super) Vec<u8>);

impl Secret {
    /// A text that is a secret.
    pub(super) fn of(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// The bytes, for the code that verifies with them.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(not shown)")
    }
}

/// `[store]`: what the state may cost.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) commit_interval: Duration,
    pub(crate) pending_bytes: u64,
    pub(crate) id_cache_bytes: u64,
    pub(crate) sled_cache_bytes: u64,
    /// `None`: only at the end, and when asked for.
    pub(crate) snapshot_interval: Option<Duration>,
    pub(crate) snapshots_kept: usize,
    pub(crate) quarantines_kept: usize,
    pub(crate) reserve_bytes: u64,
    pub(crate) open_timeout: Duration,
    pub(crate) write_timeout: Duration,
}

/// `[audit]`: what recounting users now and then may cost.
#[derive(Debug, Default, Clone)]
pub(crate) struct Audit {
    /// 0: there is none.
    pub(crate) users: usize,
    pub(crate) events_per_second: u64,
    pub(crate) messages: u64,
    pub(crate) interval: Duration,
}

/// `[log]`: what is written to standard error, and how.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

/// The form of a log line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}
