//! `[store]` and `[audit]`: what the state and its proof may cost.

use std::time::Duration;

use super::{Setting, Shape};

const MEMORY: std::ops::RangeInclusive<u64> = 65_536..=1_099_511_627_776;

pub(super) const STORE: &[Setting] = &[
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
];

pub(super) const AUDIT: &[Setting] = &[
    Setting {
        name: "audit.users",
        default: "100",
        shape: Shape::Integer {
            range: 0..=10_000,
            unit: "users",
            set: |settings, users| settings.audit.users = usize::try_from(users).unwrap_or(usize::MAX),
        },
        meaning: "How many users, drawn at random, each audit recounts from the log and compares; 0: there is none.",
    },
    Setting {
        name: "audit.interval_s",
        default: "3600",
        shape: Shape::Integer {
            range: 1..=604_800,
            unit: "seconds",
            set: |settings, seconds| settings.audit.interval = Duration::from_secs(seconds),
        },
        meaning: "How long after the start, and after each audit, the next one begins.",
    },
    Setting {
        name: "audit.events_per_second",
        default: "20000",
        shape: Shape::Integer {
            range: 1..=10_000_000,
            unit: "events",
            set: |settings, events| settings.audit.events_per_second = events,
        },
        meaning: "How fast an audit reads the log at the most.",
    },
    Setting {
        name: "audit.messages",
        default: "200000",
        shape: Shape::Integer {
            range: 1..=1_000_000_000,
            unit: "messages",
            set: |settings, messages| settings.audit.messages = messages,
        },
        meaning: "How many messages an audit holds in memory at the most, some 300 bytes each. The rooms with the most are left out, and counted in tallymark_audit_left_out_total.",
    },
];
