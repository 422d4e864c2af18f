//! Where the workspace and its build directory lie.

use std::env;
use std::path::{Path, PathBuf};

/// The workspace's root directory, where the lock file is.
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("this crate lies two directories below the root")
}

/// The build directory, which is also the place for tools and for servers' data: `target`, unless
/// `CARGO_TARGET_DIR` says otherwise.
pub fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}
