//! `[http]`.

use std::time::Duration;

use super::{OPERATOR_TOKEN, Setting, Shape, path};
use crate::settings::types::Secret;

pub(super) const HTTP: &[Setting] = &[
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
        meaning: "Where badges are asked for, encrypted if http.tls_certificate_file is given. Port 0: any free port, which is logged.",
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
        name: OPERATOR_TOKEN,
        default: r#""""#,
        shape: Shape::Text {
            expected: "a text, or \"\" for none",
            set: |settings, text| {
                settings.http.operator_token = Some(text).filter(|text| !text.is_empty()).map(Secret::of);
                Some(())
            },
        },
        meaning: "What the commands show to the operator listener before it changes something: a snapshot, another generation. Without one, here or in a file, these routes are off. Never shown.",
    },
    Setting {
        name: "http.operator_token_file",
        default: r#""""#,
        shape: Shape::Text {
            expected: "the path of a file, or \"\" for none",
            set: |settings, text| {
                settings.http.operator_token_file = if text.is_empty() { None } else { Some(path(text)?) };
                Some(())
            },
        },
        meaning: "A file whose content is http.operator_token; line breaks at its end do not belong to it.",
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
        name: "http.min_seq_wait_ms",
        default: "3000",
        shape: Shape::Integer {
            range: 0..=60_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.min_seq_wait = Duration::from_millis(ms),
        },
        meaning: "How long a request with minSeq waits for that event before it is told to ask again.",
    },
];
