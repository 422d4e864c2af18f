#![doc = include_str!("../README.md")]

pub use mimalloc::MiMalloc;

/// Gives memory back that was freed more than a second ago. To be called about once a second, from any thread;
/// costs next to nothing where there is none.
pub fn give_back() {
    // SAFETY: it may be called at any time, from any thread. `false`: nothing is given back that may be used again soon.
    unsafe { libmimalloc_sys::mi_collect(false) };
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
    fn what_was_freed_is_given_back() {
        let before = resident_mib();
        let much: Vec<Box<[u8; 300]>> = (0..400_000).map(|_| Box::new([1; 300])).collect();
        assert!(resident_mib() >= before + 100, "114 MiB are in use");
        drop(much);
        for _ in 0..100 {
            give_back();
            if resident_mib() < before + 30 {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("{} MiB, {before} before", resident_mib());
    }
}
