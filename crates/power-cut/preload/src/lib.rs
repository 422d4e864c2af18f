#![doc = include_str!("../README.md")]

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod linux;
