//! Which servers are new enough.

/// The oldest NATS server that does what is asked of it: older ones silently ignore settings that
/// they don't know.
pub const OLDEST_SERVER: &str = "2.12";
const OLDEST: (u32, u32) = (2, 12);

/// Whether a server of this version is older than [`OLDEST_SERVER`]. A version that can't be read counts as too old.
pub fn is_too_old(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']);
    let mut number = || numbers.next()?.parse::<u32>().ok();
    match (number(), number()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::is_too_old;

    #[test]
    fn servers_before_2_12_are_too_old() {
        for old in ["2.9.10", "2.11.99", "1.99.0", "2.11.0-RC.1", "", "two", "2"] {
            assert!(is_too_old(old), "{old}");
        }
        for new in ["2.12.0", "2.12.0-RC.1", "v2.12.3", "2.15.1", "3.0.0", "10.0.0"] {
            assert!(!is_too_old(new), "{new}");
        }
    }
}
