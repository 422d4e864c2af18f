//! The two functions.

use std::env;
use std::ffi::c_int;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use power_cut::{HANG_VARIABLE, Recorder, SHADOW_VARIABLE};
use rustix::io::Errno;

/// There is no other place for it: what calls these functions knows nothing of it.
///
/// Locked for the whole of a sync: of two syncs of one file, the later must be recorded later.
static RECORDER: LazyLock<Option<Mutex<Recorder>>> = LazyLock::new(|| {
    let shadow = PathBuf::from(env::var_os(SHADOW_VARIABLE)?);
    let recorder = Recorder::open(&shadow);
    Some(Mutex::new(recorder.unwrap_or_else(|error| panic!("no shadow in {}: {error}", shadow.display()))))
});

/// While there is a file of this name, no sync returns.
static HANG: LazyLock<Option<PathBuf>> = LazyLock::new(|| env::var_os(HANG_VARIABLE).map(PathBuf::from));

unsafe extern "C" {
    /// Where this thread's `errno` is.
    safe fn __errno_location() -> *mut c_int;
}

// SAFETY: a function of this name must do what libc's of this name does; it does, with the same signature.
#[unsafe(no_mangle)]
extern "C" fn fsync(file: c_int) -> c_int {
    // A call of the kernel: libc's `fsync` is this function.
    sync(file, |file| rustix::fs::fsync(file))
}

// SAFETY: as `fsync`.
#[unsafe(no_mangle)]
extern "C" fn fdatasync(file: c_int) -> c_int {
    sync(file, |file| rustix::fs::fdatasync(file))
}

/// Panics end the program, as this is called from functions for C only.
fn sync(file: c_int, call: impl Fn(BorrowedFd<'_>) -> Result<(), Errno>) -> c_int {
    while HANG.as_ref().is_some_and(|hang| hang.exists()) {
        thread::sleep(Duration::from_millis(10));
    }
    let call = || {
        if file < 0 {
            return Err(Errno::BADF);
        }
        // SAFETY: it is not -1. Whether it is open is for the kernel to say, as it would be without this library.
        call(unsafe { BorrowedFd::borrow_raw(file) })
    };
    let outcome = match &*RECORDER {
        Some(recorder) => {
            // A thread that panicked while it held the lock has ended the program.
            let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
            let synced = recorder.sync(file, call);
            synced.unwrap_or_else(|error| panic!("the sync of file {file} can't be recorded: {error}"))
        }
        None => call(),
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            // SAFETY: libc says that it is a valid place, of this thread alone, as long as the thread lives.
            unsafe { *__errno_location() = error.raw_os_error() };
            -1
        }
    }
}
