//! Every setting, once: its name, what it accepts, its default and its meaning. Reading, the output
//! of `config default`, suggestions for typos and docs/configuration.md all come from here.
//! The fields of a `[[tenant]]` are in [`super::tenants`].

use std::path::PathBuf;
use std::time::Duration;

use events::Prefix;
use tracing_subscriber::EnvFilter;

use super::server_urls::ServerUrls;
use super::shape::Shape;
use super::types::{Gap, LogFormat, MutedRooms, OwnMessages};

/// One setting.
pub(super) struct Setting {
    /// The dotted name.
    pub(super) name: &'static str,
    /// The default, as TOML.
    pub(super) default: &'static str,
    /// What is accepted, and where it goes.
    pub(super) shape: Shape,
    /// What it does, in one or two sentences.
    pub(super) meaning: &'static str,
}

impl Setting {
    /// The environment variable that gives this setting.
    pub(super) fn variable(&self) -> String {
        variable(self.name)
    }

    /// The variable that other NATS programs use for the same thing. It loses to
    /// [`Self::variable`] and wins over the file.
    pub(super) fn shared_variable(&self) -> Option<&'static str> {
        match self.name {
            "nats.url" => Some("NATS_URL"),
            "nats.creds" => Some("NATS_CREDS"),
            _ => None,
        }
    }
}

/// What the environment variables of settings begin with.
pub(super) const PREFIX: &str = "TALLYMARK_";

/// The environment variable for a dotted name: two underscores separate levels.
pub(super) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "__").to_uppercase())
}

const MEMORY: std::ops::RangeInclusive<u64> = 65_536..=1_099_511_627_776;

/// All settings, table by table.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "data_dir",
        default: r#""data""#,
        shape: Shape::Text {
            expected: "the path of a directory",
            set: |settings, text| {
                settings.data_dir = path(text)?;
                Some(())
            },
        },
        meaning: "Where the state is kept. Created if missing; one process at a time.",
    },
    Setting {
        name: "nats.url",
        default: r#""nats://127.0.0.1:4222""#,
        shape: Shape::Text {
            expected: "a NATS URL such as \"nats://127.0.0.1:4222\" or \"tls://host\", or several with commas between them and one login",
            set: |settings, text| {
                settings.nats.url = ServerUrls::parse(text)?;
                Some(())
            },
        },
        meaning: "The NATS server or servers. Also NATS_URL. A user and password or a token may stand in it (nats://user:password@host, nats://token@host); they are never shown.",
    },
    Setting {
        name: "nats.creds",
        default: r#""""#,
        shape: Shape::Text {
            expected: "the path of a NATS credentials file, or \"\" for none",
            set: |settings, text| {
                settings.nats.creds = if text.is_empty() { None } else { Some(path(text)?) };
                Some(())
            },
        },
        meaning: "The credentials file of this program's NATS user. Also NATS_CREDS. Empty: none.",
    },
    Setting {
        name: "nats.stream",
        default: r#""CHAT""#,
        shape: Shape::Text {
            expected: "a stream name of 1 to 200 printable ASCII characters without space . * > / \\",
            set: |settings, text| {
                settings.nats.stream = stream_name(text)?;
                Some(())
            },
        },
        meaning: "The JetStream stream that holds the events. Malformed ones are copied to the stream of this name with _DEAD added.",
    },
    Setting {
        name: "nats.subject_prefix",
        default: r#""chat""#,
        shape: Shape::Text {
            expected: "a NATS subject of at most 128 bytes such as \"chat\" or \"chat.prod\", without spaces and wildcards, not beginning with $",
            set: |settings, text| {
                settings.nats.subject_prefix = subject_prefix(text)?;
                Some(())
            },
        },
        meaning: "What every event's subject begins with: <prefix>.<tenant>.<kind>.",
    },
    Setting {
        name: "nats.create_stream",
        default: "false",
        shape: Shape::Boolean { set: |settings, yes| settings.nats.create_stream = yes },
        meaning: "Create both streams if they are missing: for development. Never done when the data directory has a checkpoint.",
    },
    Setting {
        name: "nats.allow_restored_stream",
        default: "false",
        shape: Shape::Boolean { set: |settings, yes| settings.nats.allow_restored_stream = yes },
        meaning: "Go on when the stream was created at another time than the one that was counted, but still holds the message applied last: after a restore, or when a mirror was promoted.",
    },
    Setting {
        name: "nats.accepted_gaps",
        default: "[]",
        shape: Shape::Texts {
            expected: "a list of \"FIRST-LAST\", stream sequences from 1, FIRST not above LAST",
            set: |settings, texts| {
                settings.nats.accepted_gaps = texts.iter().copied().map(gap).collect::<Option<_>>()?;
                Some(())
            },
        },
        meaning: "Holes in the stream's sequences whose events you accept as lost. Any other hole stops counting. For example [\"1201-1207\"].",
    },
    Setting {
        name: "http.listen",
        default: r#""127.0.0.1:8080""#,
        shape: Shape::Text {
            expected: "an IP address and a port such as \"127.0.0.1:8080\" or \"[::]:8080\"",
            set: |settings, text| {
                settings.http.listen = text.parse().ok()?;
                Some(())
            },
        },
        meaning: "Where badges are asked for. Port 0: any free port, which is logged.",
    },
    Setting {
        name: "http.operator_listen",
        default: r#""127.0.0.1:9090""#,
        shape: Shape::Text {
            expected: "an IP address and a port such as \"127.0.0.1:9090\", other than http.listen",
            set: |settings, text| {
                settings.http.operator_listen = text.parse().ok()?;
                Some(())
            },
        },
        meaning: "Where /healthz, /readyz and /metrics are. Not for the public. Port 0: any free port, which is logged.",
    },
    Setting {
        name: "http.token_cache_entries",
        default: "100000",
        shape: Shape::Integer {
            range: 1..=100_000_000,
            unit: "",
            set: |settings, entries| {
                settings.http.token_cache_entries = usize::try_from(entries).unwrap_or(usize::MAX);
            },
        },
        meaning: "How many verified tokens are remembered until they expire, so that their signature is checked once.",
    },
    Setting {
        name: "http.header_timeout_ms",
        default: "75000",
        shape: Shape::Integer {
            range: 1..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.header_timeout = Duration::from_millis(ms),
        },
        meaning: "How long a connection may be idle, or take to send headers, before it is closed; longer than a proxy in front keeps it.",
    },
    Setting {
        name: "http.shutdown_grace_ms",
        default: "5000",
        shape: Shape::Integer {
            range: 0..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.shutdown_grace = Duration::from_millis(ms),
        },
        meaning: "How long requests under way may still take after SIGTERM or SIGINT.",
    },
    Setting {
        name: "policy.own_messages",
        default: r#""exclude""#,
        shape: Shape::OneOf(&[
            ("exclude", |settings| settings.policy.own_messages = OwnMessages::Exclude),
            ("mark_read", |settings| settings.policy.own_messages = OwnMessages::MarkRead),
        ]),
        meaning: "What posting does to the sender's cursor: nothing (own messages are left out of the count), or it marks the room as read up to the message. A store counted under the other policy is refused.",
    },
    Setting {
        name: "policy.message_window",
        default: "10000",
        shape: Shape::Integer {
            range: 1..=4_294_967_295,
            unit: "messages",
            set: |settings, messages| {
                settings.policy.message_window = u32::try_from(messages).unwrap_or(u32::MAX);
            },
        },
        meaning: "How many of a room's newest message ids are known, to tell retries from new messages and to find what a read or a recall names. A store counted under another window is refused.",
    },
    Setting {
        name: "policy.muted_rooms",
        default: r#""count""#,
        shape: Shape::OneOf(&[
            ("count", |settings| settings.policy.muted_rooms = MutedRooms::Count),
            ("skip", |settings| settings.policy.muted_rooms = MutedRooms::Skip),
        ]),
        meaning: "Whether rooms that a member muted are in that member's badge. A store does not depend on it.",
    },
    Setting {
        name: "store.commit_interval_ms",
        default: "250",
        shape: Shape::Integer {
            range: 1..=60_000,
            unit: "milliseconds",
            set: |settings, ms| settings.store.commit_interval = Duration::from_millis(ms),
        },
        meaning: "How often changes are written to disk while events arrive live. A crash costs no count, only the time to apply the events since then again.",
    },
    Setting {
        name: "store.pending_bytes",
        default: "67108864",
        shape: Shape::Integer {
            range: MEMORY,
            unit: "bytes",
            set: |settings, bytes| settings.store.pending_bytes = bytes,
        },
        meaning: "Memory for changes not yet written; when it is full, they are written at once. Matters while catching up.",
    },
    Setting {
        name: "store.id_cache_bytes",
        default: "268435456",
        shape: Shape::Integer {
            range: MEMORY,
            unit: "bytes",
            set: |settings, bytes| settings.store.id_cache_bytes = bytes,
        },
        meaning: "Memory for remembered message ids. The rooms used least recently are read from disk again when needed.",
    },
    Setting {
        name: "store.sled_cache_bytes",
        default: "1048576",
        shape: Shape::Integer {
            range: MEMORY,
            unit: "bytes",
            set: |settings, bytes| settings.store.sled_cache_bytes = bytes,
        },
        meaning: "The cache of the embedded database. It may take about ten times this memory, and badges never read from it.",
    },
    Setting {
        name: "store.snapshot_interval_s",
        default: "900",
        shape: Shape::Integer {
            range: 0..=604_800,
            unit: "seconds",
            set: |settings, seconds| {
                settings.store.snapshot_interval = (seconds > 0).then(|| Duration::from_secs(seconds));
            },
        },
        meaning: "How often a snapshot is written, from which a damaged store is recovered. One is written at the end and on SIGUSR1 too; 0: only then. The stream has to hold all events since the oldest snapshot that is kept.",
    },
    Setting {
        name: "store.snapshots_kept",
        default: "2",
        shape: Shape::Integer {
            range: 2..=1000,
            unit: "",
            set: |settings, count| {
                settings.store.snapshots_kept = usize::try_from(count).unwrap_or(usize::MAX);
            },
        },
        meaning: "How many of the newest snapshots are kept.",
    },
    Setting {
        name: "store.quarantines_kept",
        default: "2",
        shape: Shape::Integer {
            range: 0..=1000,
            unit: "",
            set: |settings, count| {
                settings.store.quarantines_kept = usize::try_from(count).unwrap_or(usize::MAX);
            },
        },
        meaning: "How many of the newest damaged stores are kept in data_dir/quarantine, and how many damaged snapshots, for whoever wants to look into them.",
    },
    Setting {
        name: "store.reserve_bytes",
        default: "268435456",
        shape: Shape::Integer {
            range: 0..=1_099_511_627_776,
            unit: "bytes",
            set: |settings, bytes| settings.store.reserve_bytes = bytes,
        },
        meaning: "While the disk has less free space, nothing is written: counting goes on until store.pending_bytes are used up, then consuming waits for space. Keep it well above store.pending_bytes.",
    },
    Setting {
        name: "store.open_timeout_s",
        default: "600",
        shape: Shape::Integer {
            range: 1..=86_400,
            unit: "seconds",
            set: |settings, seconds| settings.store.open_timeout = Duration::from_secs(seconds),
        },
        meaning: "How long the embedded database may take to open; after that the store is taken for damaged.",
    },
    Setting {
        name: "store.write_timeout_s",
        default: "60",
        shape: Shape::Integer {
            range: 1..=86_400,
            unit: "seconds",
            set: |settings, seconds| settings.store.write_timeout = Duration::from_secs(seconds),
        },
        meaning: "How long one call of the embedded database may take; after that the process ends, and the next one recovers the store.",
    },
    Setting {
        name: "log.format",
        default: r#""text""#,
        shape: Shape::OneOf(&[
            ("text", |settings| settings.log.format = LogFormat::Text),
            ("json", |settings| settings.log.format = LogFormat::Json),
        ]),
        meaning: "The form of log lines on standard error: for people, or one JSON object a line.",
    },
    Setting {
        name: "log.filter",
        default: r#""info""#,
        shape: Shape::Text {
            expected: "a level (error, warn, info, debug, trace, off) or directives such as \"info,consumer=debug\"",
            set: |settings, text| {
                let directives = text.trim();
                EnvFilter::builder().parse(directives).ok().filter(|_| !directives.is_empty())?;
                settings.log.filter = directives.to_owned();
                Some(())
            },
        },
        meaning: "Which log lines are written.",
    },
];

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| PathBuf::from(text))
}

fn stream_name(text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b".*>/\\".contains(&byte);
    ((1..=200).contains(&text.len()) && text.bytes().all(allowed)).then(|| text.to_owned())
}

fn subject_prefix(text: &str) -> Option<Prefix> {
    Prefix::new(text).ok().filter(|_| text.len() <= 128)
}

fn gap(text: &str) -> Option<Gap> {
    let (first, last) = text.split_once('-')?;
    let gap = Gap { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? };
    (1 <= gap.first && gap.first <= gap.last).then_some(gap)
}
