#![doc = include_str!("../README.md")]

use std::ffi::c_long;
use std::io;
use std::thread::{Builder, sleep};
use std::time::Duration;

use libmimalloc_sys::{mi_collect, mi_option_set, mi_option_t};
pub use mimalloc::MiMalloc;

/// How often memory is given back.
const EVERY: Duration = Duration::from_secs(1);

/// The number of the option after how many milliseconds freed memory is given back by any thread.
const PURGE_DELAY: mi_option_t = 15;
/// 24 days, from the last time that memory was given back.
const NEVER: c_long = i32::MAX as c_long;

/// Starts the thread that gives back, once a second, what is free. No other does it any more.
///
/// To be called before all other threads are started.
///
/// # Errors
/// The thread can't be started. Any thread gives back what was freed a second ago then, as it did before.
pub fn give_back_on_one_thread() -> io::Result<()> {
    let again_and_again = || {
        loop {
            sleep(EVERY);
            give_back();
        }
    };
    Builder::new().name("memory".to_owned()).spawn(again_and_again)?;
    only_when_told();
    Ok(())
}

/// Takes back what others have freed of the memory that this thread had asked for. Each thread does so itself when it asks
/// for more; one that has become idle is to call this about once a second. Costs next to nothing where there is none.
pub fn take_back() {
    // SAFETY: it may be called at any time, from any thread. `false`: what is not old is kept for whoever asks next.
    unsafe { mi_collect(false) };
}

fn only_when_told() {
    // SAFETY: an option is a word that threads read when they free memory or ask for it, and nobody else writes it.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) };
}

/// All that is free.
fn give_back() {
    // SAFETY: it may be called at any time, from any thread.
    unsafe { mi_collect(true) };
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]
mod tests {
    use std::fs;
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    #[global_allocator]
    static ALLOCATOR: MiMalloc = MiMalloc;

    fn resident_mib() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        kib.unwrap().trim().parse::<u64>().unwrap() >> 10
    }

    #[test]
    fn what_was_freed_is_given_back_when_that_is_told_and_only_then() {
        only_when_told();
        let before = resident_mib();
        let much: Vec<Box<[u8; 300]>> = (0..400_000).map(|_| Box::new([1; 300])).collect();
        assert!(resident_mib() >= before + 100, "114 MiB are in use");
        drop(much);
        // As any thread does on the way of a request for memory, soon after the rest was freed and when it is old.
        for wait in [0, 1_200] {
            sleep(Duration::from_millis(wait));
            take_back();
        }
        assert!(resident_mib() >= before + 100, "{} MiB, {before} before", resident_mib());
        give_back();
        assert!(resident_mib() < before + 30, "{} MiB, {before} before", resident_mib());
    }
}
