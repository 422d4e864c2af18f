//! Waiting for something to become true.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take. Far more than it does, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Looks again and again until there is what was waited for. Panics with what was seen instead when
/// patience ends.
#[track_caller]
pub fn until<T, E: Display>(awaited: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() > deadline => {
                panic!("waited {PATIENCE:?} in vain for {awaited}; the last look showed: {seen}")
            }
            Err(_) => thread::sleep(LOOK_INTERVAL),
        }
    }
}
