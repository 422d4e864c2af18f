#![doc = include_str!("../README.md")]

mod cut;
mod environment;
mod recorder;
mod shadow;

mod disk;
mod inode;
mod journal;

pub use cut::{Unsynced, after_the_cut};
pub use environment::{HANG_VARIABLE, IS_POSSIBLE, SHADOW_VARIABLE, environment, hanging, library_path};
pub use recorder::Recorder;
pub use shadow::watch;
