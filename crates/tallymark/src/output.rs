//! Standard output.

use std::io::{self, Write};

use serde::Serialize;

/// Writes data.
pub(crate) fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        // The reader has seen enough: `… | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes data as JSON, for programs and yet readable.
pub(crate) fn print_json(data: &impl Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(data)?))?;
    Ok(())
}

/// Tells people something beside the data.
pub(crate) fn note(text: &str) {
    // Nobody is left to tell if standard error is gone.
    _ = writeln!(io::stderr(), "{text}");
}
