//! A terminal of one's own, for what a program shows there.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::wait::until;

/// A pseudo-terminal, 120 columns wide.
#[derive(Debug)]
pub struct Terminal {
    path: PathBuf,
    shown: Arc<Mutex<Vec<u8>>>,
    // As long as it is open, the terminal stays when a program that used it has ended.
    _open: File,
}

impl Terminal {
    /// A terminal on which nothing is shown yet.
    pub fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal can be made");
        grantpt(&master).expect("a terminal can be used");
        unlockpt(&master).expect("a terminal can be used");
        let size = Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("a terminal has a size");
        let name = ptsname(&master, Vec::new()).expect("a terminal has a name");
        let path = PathBuf::from(std::ffi::OsString::from_vec(name.into_bytes()));
        let open =
            fs::OpenOptions::new().read(true).write(true).open(&path).expect("a terminal can be opened");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let seen = shown.clone();
        let mut master = File::from(master);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Fails when nobody has the terminal open any more.
            while let Ok(length @ 1..) = master.read(&mut bytes) {
                seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&bytes[..length]);
            }
        });
        Self { path, shown, _open: open }
    }

    /// Where a program finds it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that was shown so far, with what moves the cursor and clears lines.
    pub fn shown(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits until this was shown; returns all that was.
    #[track_caller]
    pub fn shows(&self, text: &str) -> String {
        until(&format!("{text:?} on the terminal"), || {
            let shown = self.shown();
            if shown.contains(text) { Ok(shown) } else { Err(format!("{shown:?}")) }
        })
    }
}
