#![doc = include_str!("../README.md")]

use std::io;
use std::time::Duration;

/// Asks that the calling thread, and threads that it starts from now on, have the processor for so long at a time: 0.1
/// to 100 ms, and what lies beyond is taken as the nearest of the two; zero is as long as all others. A thread with a
/// policy of its own (realtime, idle) keeps that, and nothing changes.
///
/// # Errors
/// The kernel, or a filter of system calls, does not let a thread ask.
pub fn ask_for(slice: Duration) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let mut attributes = linux::attributes()?;
        if [libc::SCHED_OTHER, libc::SCHED_BATCH].map(i32::cast_unsigned).contains(&attributes.sched_policy) {
            attributes.sched_runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
            linux::set(&attributes)?;
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = slice;
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::mem::size_of;

    use libc::{SYS_sched_getattr, SYS_sched_setattr, c_long, c_uint, sched_attr, syscall};

    const THIS_THREAD: c_uint = 0;
    const NO_FLAGS: c_uint = 0;
    /// 48, which the kernel knows as the first form of the structure.
    #[allow(clippy::cast_possible_truncation, reason = "it is 48")]
    const SIZE: c_uint = size_of::<sched_attr>() as c_uint;

    pub(super) fn attributes() -> io::Result<sched_attr> {
        let mut attributes = sched_attr {
            size: SIZE,
            sched_policy: 0,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 0,
            sched_runtime: 0,
            sched_deadline: 0,
            sched_period: 0,
        };
        // SAFETY: the kernel writes as many bytes as it is told there are, during the call only; all fields are integers.
        checked(unsafe { syscall(SYS_sched_getattr, THIS_THREAD, &raw mut attributes, SIZE, NO_FLAGS) })?;
        Ok(attributes)
    }

    pub(super) fn set(attributes: &sched_attr) -> io::Result<()> {
        // SAFETY: the kernel reads as many bytes as `size` says, which `attributes` set, during the call only.
        checked(unsafe { syscall(SYS_sched_setattr, THIS_THREAD, &raw const *attributes, NO_FLAGS) })
    }

    fn checked(status: c_long) -> io::Result<()> {
        if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "an unwrap that fails is a test that fails")]
mod tests {
    use super::*;

    /// What the kernel says; older ones say 0 of threads like these.
    fn slice() -> Duration {
        Duration::from_nanos(linux::attributes().unwrap().sched_runtime)
    }

    #[test]
    fn a_thread_gets_what_it_asks_for_and_all_else_stays_as_it_was() {
        let before = linux::attributes().unwrap();
        if slice().is_zero() {
            eprintln!("skipped: this kernel is older than 6.12 and has one length of slices for all");
            return;
        }
        for (asked, given) in [(200, 200), (1, 100), (5_000, 5_000), (1_000_000, 100_000)] {
            ask_for(Duration::from_micros(asked)).unwrap();
            assert_eq!(slice(), Duration::from_micros(given), "{asked} µs");
        }
        ask_for(Duration::ZERO).unwrap();
        let after = linux::attributes().unwrap();
        assert_eq!(after.sched_runtime, before.sched_runtime);
        let rest = |of: &libc::sched_attr| (of.sched_policy, of.sched_flags, of.sched_nice);
        assert_eq!(rest(&after), rest(&before));
    }

    #[test]
    fn a_thread_with_another_policy_keeps_it() {
        // Every thread may become idle; what it may not is become another again.
        let mut idle = linux::attributes().unwrap();
        idle.sched_policy = libc::SCHED_IDLE.cast_unsigned();
        linux::set(&idle).unwrap();
        let before = slice();
        ask_for(Duration::from_micros(300)).unwrap();
        let after = linux::attributes().unwrap();
        assert_eq!(after.sched_policy, idle.sched_policy);
        assert_eq!(slice(), before);
    }
}
