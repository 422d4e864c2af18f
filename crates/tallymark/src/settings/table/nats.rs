//! `[nats]`.

use events::Prefix;

use super::{Setting, Shape, path, whole};
use crate::settings::server_urls::ServerUrls;
use crate::settings::types::Gap;

pub(super) const NATS: &[Setting] = &[
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
        name: "nats.answer_questions",
        default: "false",
        shape: Shape::Boolean { set: |settings, yes| settings.nats.answer_questions = yes },
        meaning: "Answer questions about badges on <prefix>-ask.<tenant>.badges, and publish those that are watched to <prefix>-badge.<tenant>. Whoever may publish there may ask about every user of that tenant: see docs/nats.md for the permissions that the NATS server needs first.",
    },
    Setting {
        name: "nats.max_questions",
        default: "1024",
        shape: Shape::Integer {
            range: 1..=1_000_000,
            unit: "questions",
            set: |settings, number| settings.nats.max_questions = whole(number),
        },
        meaning: "The most questions over NATS that are not answered yet. Beyond, a new one is told OVERLOADED.",
    },
    Setting {
        name: "nats.max_questions_bytes",
        default: "67108864",
        shape: Shape::Integer {
            range: 1_048_576..=1_099_511_627_776,
            unit: "bytes",
            set: |settings, number| settings.nats.max_questions_bytes = whole(number),
        },
        meaning: "Memory for the bodies of all questions over NATS that are not answered yet. Beyond, a new one is told OVERLOADED.",
    },
    Setting {
        name: "nats.max_watched_badges",
        default: "100000",
        shape: Shape::Integer {
            range: 0..=10_000_000,
            unit: "badges",
            set: |settings, number| settings.nats.max_watched_badges = whole(number),
        },
        meaning: "The most badges that servers watch over NATS. Each takes memory, and some more for each room of its user. Beyond, whoever wants to watch more is told TOO_MANY_WATCHED. 0: nobody watches.",
    },
];

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
