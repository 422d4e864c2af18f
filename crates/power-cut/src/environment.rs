//! How a program comes under the watch.

use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Whether a program's syncs can be watched here: on Linux with glibc.
pub const IS_POSSIBLE: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

/// Where the library finds the shadow.
pub const SHADOW_VARIABLE: &str = "POWER_CUT_SHADOW";

/// What a program needs in its environment, so that its syncs are recorded in that shadow.
pub fn environment(shadow: &Path) -> io::Result<[(&'static str, OsString); 2]> {
    Ok([("LD_PRELOAD", library_path()?.into()), (SHADOW_VARIABLE, shadow.canonicalize()?.into())])
}

/// Where the library is told of a file during whose existence no sync returns.
pub const HANG_VARIABLE: &str = "POWER_CUT_HANG";

/// What a program needs in its environment, so that its syncs hang as a broken disk's do, as long as there is a file of
/// that name. Nothing is recorded.
pub fn hanging(file: &Path) -> io::Result<[(&'static str, OsString); 2]> {
    Ok([("LD_PRELOAD", library_path()?.into()), (HANG_VARIABLE, file.into())])
}

/// The library that `power-cut-preload` is, built by cargo for a package that depends on it.
///
/// It lies where cargo puts what a package depends on: beside the executable of a test, and in `deps` beside that of a
/// program. Another copy beside a program may be an old one.
pub fn library_path() -> io::Result<PathBuf> {
    if !IS_POSSIBLE {
        let why = "syncs of a program can be watched on Linux with glibc only";
        return Err(io::Error::new(ErrorKind::Unsupported, why));
    }
    let executable = env::current_exe()?;
    let mut place = executable.parent().unwrap_or(Path::new("/")).to_owned();
    if !place.ends_with("deps") {
        place.push("deps");
    }
    let library = place.join("libpower_cut_preload.so");
    if library.is_file() {
        return Ok(library);
    }
    let why = format!("there is no {}: depend on power-cut-preload", library.display());
    Err(io::Error::new(ErrorKind::NotFound, why))
}
