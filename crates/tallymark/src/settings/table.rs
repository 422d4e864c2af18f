//! Every setting, once: its name, what it accepts, its default and its meaning. Reading, the output
//! of `config default`, suggestions for typos and docs/configuration.md all come from here.
//! The fields of a `[[tenant]]` are in [`super::tenants`].

mod http;
mod listener;
mod live;
mod nats;
mod store;

use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use super::shape::Shape;
use super::types::{LogFormat, MutedRooms, OwnMessages};

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

/// The setting whose value is never shown.
pub(super) const OPERATOR_TOKEN: &str = "http.operator_token";

/// These two are given together or not at all.
pub(super) const TLS_CERTIFICATE_FILE: &str = "http.tls_certificate_file";
pub(super) const TLS_KEY_FILE: &str = "http.tls_key_file";

/// All settings, table by table.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    [DATA, nats::NATS, http::HTTP, live::LIVE, listener::LISTENER, POLICY, store::STORE, store::AUDIT, LOG]
        .into_iter()
        .flatten()
}

const DATA: &[Setting] = &[Setting {
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
}];

const POLICY: &[Setting] = &[
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
];

const LOG: &[Setting] = &[
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
