//! The memory of other processes.

use std::fs;

use anyhow::{Context as _, Result};

/// What of a process is in memory.
pub(crate) fn resident_bytes(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    Ok(kib.context("/proc tells no resident memory")?.parse::<u64>()? << 10)
}
