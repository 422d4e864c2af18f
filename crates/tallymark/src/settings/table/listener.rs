//! `[http]`: what clients may take, and how connections are encrypted.

use std::time::Duration;

use super::{Setting, Shape, TLS_CERTIFICATE_FILE, TLS_KEY_FILE, path, whole};

pub(super) const LISTENER: &[Setting] = &[
    Setting {
        name: "http.first_byte_timeout_ms",
        default: "10000",
        shape: Shape::Integer {
            range: 1..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.limits.first_byte_timeout = Duration::from_millis(ms),
        },
        meaning: "How long a new connection may send nothing at all before it is closed.",
    },
    Setting {
        name: "http.header_timeout_ms",
        default: "10000",
        shape: Shape::Integer {
            range: 1..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.limits.header_read_timeout = Duration::from_millis(ms),
        },
        meaning: "How long a request may take from its first byte to the end of its headers before its connection is closed.",
    },
    Setting {
        name: "http.body_timeout_ms",
        default: "10000",
        shape: Shape::Integer {
            range: 1..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.limits.body_read_timeout = Duration::from_millis(ms),
        },
        meaning: "How long the body of a request may take to arrive; after that it is refused (408).",
    },
    Setting {
        name: "http.write_timeout_ms",
        default: "30000",
        shape: Shape::Integer {
            range: 1..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.limits.write_timeout = Duration::from_millis(ms),
        },
        meaning: "How long a client may take nothing of an answer that is being sent before its connection is closed.",
    },
    Setting {
        name: "http.idle_timeout_ms",
        default: "75000",
        shape: Shape::Integer {
            range: 1..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.limits.idle_timeout = Duration::from_millis(ms),
        },
        meaning: "How long a connection may stay without a request before it is closed; longer than a proxy in front keeps it.",
    },
    Setting {
        name: "http.shutdown_grace_ms",
        default: "5000",
        shape: Shape::Integer {
            range: 0..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.limits.shutdown_grace = Duration::from_millis(ms),
        },
        meaning: "How long requests under way may still take after SIGTERM or SIGINT.",
    },
    Setting {
        name: "http.max_header_bytes",
        default: "65536",
        shape: Shape::Integer {
            range: 8_192..=1_048_576,
            unit: "bytes",
            set: |settings, number| settings.http.limits.header_bytes = whole(number),
        },
        meaning: "The longest head of a request: its first line and all headers. Beyond: 431.",
    },
    Setting {
        name: "http.max_headers",
        default: "64",
        shape: Shape::Integer {
            range: 1..=100,
            unit: "",
            set: |settings, number| settings.http.limits.headers = whole(number),
        },
        meaning: "The most headers of a request. Beyond: 431.",
    },
    Setting {
        name: "http.max_uri_bytes",
        default: "32768",
        shape: Shape::Integer {
            range: 1_024..=65_534,
            unit: "bytes",
            set: |settings, number| settings.http.limits.uri_bytes = whole(number),
        },
        meaning: "The longest path with query string of a request. Beyond: 414.",
    },
    Setting {
        name: "http.max_body_bytes",
        default: "1048576",
        shape: Shape::Integer {
            range: 1_024..=67_108_864,
            unit: "bytes",
            set: |settings, number| settings.http.limits.body_bytes = number,
        },
        meaning: "The longest body of a request. Beyond: 413.",
    },
    Setting {
        name: "http.max_bodies_bytes",
        default: "67108864",
        shape: Shape::Integer {
            range: 1_024..=1_099_511_627_776,
            unit: "bytes",
            set: |settings, number| settings.http.limits.all_bodies_bytes = number,
        },
        meaning: "Memory for the bodies of all requests that are not answered yet. Beyond: 503.",
    },
    Setting {
        name: "http.max_connections",
        default: "16384",
        shape: Shape::Integer {
            range: 1..=1_000_000,
            unit: "connections",
            set: |settings, number| settings.http.limits.connections = whole(number),
        },
        meaning: "The most connections at a time. Beyond, a new one is told 503 and closed.",
    },
    Setting {
        name: "http.max_connections_per_address",
        default: "8192",
        shape: Shape::Integer {
            range: 1..=1_000_000,
            unit: "connections",
            set: |settings, number| settings.http.limits.connections_per_address = whole(number),
        },
        meaning: "The most connections from one IPv4 address or one IPv6 network of 64 bits. By default nobody can take all of them; behind a proxy, all of them come from the proxy's address.",
    },
    Setting {
        name: "http.max_requests_in_flight",
        default: "4096",
        shape: Shape::Integer {
            range: 1..=1_000_000,
            unit: "requests",
            set: |settings, number| settings.http.limits.requests_in_flight = whole(number),
        },
        meaning: "The most requests that are not answered yet; each thread has an equal part. Beyond: 503.",
    },
    Setting {
        name: "http.tenant_requests_per_second",
        default: "0",
        shape: Shape::Integer {
            range: 0..=1_000_000,
            unit: "requests",
            set: |settings, number| {
                settings.http.rates.tenant_per_second = u32::try_from(number).unwrap_or(u32::MAX);
            },
        },
        meaning: "How often all users of a tenant together may ask, in the long run. Beyond: 429. 0: as often as they like.",
    },
    Setting {
        name: "http.tenant_burst",
        default: "10000",
        shape: Shape::Integer {
            range: 1..=10_000_000,
            unit: "requests",
            set: |settings, number| {
                settings.http.rates.tenant_burst = u32::try_from(number).unwrap_or(u32::MAX);
            },
        },
        meaning: "How many requests of a tenant may come at once after a while without any.",
    },
    Setting {
        name: "http.user_requests_per_second",
        default: "0",
        shape: Shape::Integer {
            range: 0..=1_000_000,
            unit: "requests",
            set: |settings, number| {
                settings.http.rates.user_per_second = u32::try_from(number).unwrap_or(u32::MAX);
            },
        },
        meaning: "How often one user may ask, in the long run. Beyond: 429. 0: as often as they like.",
    },
    Setting {
        name: "http.user_burst",
        default: "100",
        shape: Shape::Integer {
            range: 1..=10_000_000,
            unit: "requests",
            set: |settings, number| {
                settings.http.rates.user_burst = u32::try_from(number).unwrap_or(u32::MAX);
            },
        },
        meaning: "How many requests of a user may come at once after a while without any.",
    },
    Setting {
        name: "http.rate_limited_users",
        default: "100000",
        shape: Shape::Integer {
            range: 1..=100_000_000,
            unit: "users",
            set: |settings, number| settings.http.rates.users = whole(number),
        },
        meaning: "Of how many users it is remembered how often they asked, some 100 bytes each. Those who asked longest ago are forgotten first, and may ask as if they had not.",
    },
    Setting {
        name: TLS_CERTIFICATE_FILE,
        default: r#""""#,
        shape: Shape::Text {
            expected: "the path of a PEM file, or \"\" for none",
            set: |settings, text| {
                settings.http.tls_certificate_file = if text.is_empty() { None } else { Some(path(text)?) };
                Some(())
            },
        },
        meaning: "The certificate of http.listen with those that vouch for it, its own first. With one, connections are encrypted (TLS 1.2 and 1.3) and may speak HTTP/2; without, they are neither.",
    },
    Setting {
        name: TLS_KEY_FILE,
        default: r#""""#,
        shape: Shape::Text {
            expected: "the path of a PEM file, or \"\" for none",
            set: |settings, text| {
                settings.http.tls_key_file = if text.is_empty() { None } else { Some(path(text)?) };
                Some(())
            },
        },
        meaning: "The private key of that certificate, without a password.",
    },
    Setting {
        name: "http.tls_handshake_timeout_ms",
        default: "10000",
        shape: Shape::Integer {
            range: 1..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.limits.tls_handshake_timeout = Duration::from_millis(ms),
        },
        meaning: "How long a TLS handshake may take before the connection is closed.",
    },
];
