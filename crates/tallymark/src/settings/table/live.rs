//! `[http]`: live badges.

use std::time::Duration;

use super::{Setting, Shape};

pub(super) const LIVE: &[Setting] = &[
    Setting {
        name: "http.live_per_second",
        default: "10",
        shape: Shape::Integer {
            range: 1..=1_000,
            unit: "numbers",
            set: |settings, number| {
                settings.http.live_interval = Duration::from_nanos(1_000_000_000 / number.max(1));
            },
        },
        meaning: "How many numbers a live badge is sent in a second at the most. What changes faster is skipped, but for the last.",
    },
    Setting {
        name: "http.live_keep_alive_ms",
        default: "15000",
        shape: Shape::Integer {
            range: 100..=600_000,
            unit: "milliseconds",
            set: |settings, ms| settings.http.live.keep_alive = Duration::from_millis(ms),
        },
        meaning: "After how long without a number a live badge is sent a comment, so that no proxy takes the connection for dead.",
    },
    Setting {
        name: "http.live_connections",
        default: "8192",
        shape: Shape::Integer {
            range: 0..=1_000_000,
            unit: "live badges",
            set: |settings, number| {
                settings.http.live.connections = usize::try_from(number).unwrap_or(usize::MAX);
            },
        },
        meaning: "The most live badges at a time. Beyond: 503. By default, connections are left for others.",
    },
    Setting {
        name: "http.live_connections_per_user",
        default: "32",
        shape: Shape::Integer {
            range: 1..=1_000_000,
            unit: "live badges",
            set: |settings, number| {
                settings.http.live.connections_per_user = usize::try_from(number).unwrap_or(usize::MAX);
            },
        },
        meaning: "The most live badges of one user at a time. Beyond: 503.",
    },
];
