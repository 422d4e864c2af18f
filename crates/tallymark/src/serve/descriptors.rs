//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What everything but connections needs at the most: the store, NATS, the log, the operator's listener.
const OTHERS: u64 = 256;

/// Raises the limit as far as this process may, and warns if it is not enough for so many connections: those beyond could not even be
/// told so.
pub(super) fn raise(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let enough = |soft: Option<u64>| soft.is_none_or(|soft| soft >= wanted);
    if enough(limit.current) {
        return;
    }
    // No further than wanted: some programs take time for every descriptor that they might have.
    let raised = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let set = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    let current = getrlimit(Resource::Nofile).current;
    if !enough(current) {
        let error = set.err().map(|error| error.to_string());
        tracing::warn!(
            limit = current,
            wanted,
            error,
            "too few open files are allowed for http.max_connections: raise the limit (ulimit -n, LimitNOFILE) or lower the setting"
        );
    }
}
