//! `tallymark config default`: every setting with its default and meaning.

use std::io::{self, Write};

use crate::settings::default_file;

/// Writes the default settings file to standard output.
pub(crate) fn print_default() -> io::Result<()> {
    match io::stdout().write_all(default_file().as_bytes()) {
        // The reader has seen enough: `tallymark config default | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
