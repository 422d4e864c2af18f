//! What is said of a generation that is not the one in use, in a file `standby` beside its database: so that it can be
//! listed while another process has it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use counters::{OwnMessages, Policies};

use crate::generation::sync_dir;

pub(crate) const FILE: &str = "standby";

/// A generation that is not the one in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standby {
    /// Where it came from.
    pub origin: Origin,
    /// The policies it was counted under.
    pub policies: Policies,
    /// The stream sequence up to which it had been counted when this was written: it may be further by now.
    pub applied: u64,
    /// Whether it may be used: a rebuild that was not brought to its end may not.
    pub is_complete: bool,
    /// When this was written: milliseconds since the Unix epoch.
    pub written_ms: u64,
}

/// How a generation came to stand beside the one in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is counted anew from the stream.
    Rebuild,
    /// It was made from a snapshot.
    Snapshot,
    /// It was the one in use, before another took its place.
    Replaced,
}

impl Origin {
    const ALL: [Self; 3] = [Self::Rebuild, Self::Snapshot, Self::Replaced];
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rebuild => "rebuild",
            Self::Snapshot => "snapshot",
            Self::Replaced => "replaced",
        })
    }
}

const EXCLUDE: &str = "exclude";
const MARK_READ: &str = "mark_read";

impl Standby {
    /// As it is now.
    pub fn now(origin: Origin, policies: Policies, applied: u64, is_complete: bool) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let written_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self { origin, policies, applied, is_complete, written_ms }
    }

    pub(crate) fn read(generation: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(generation.join(FILE)) {
            Ok(text) => match Self::parse(&text) {
                Some(standby) => Ok(Some(standby)),
                None => Err(io::Error::other(format!(
                    "the file {FILE} in it is not of the form it is written in"
                ))),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// In one step, as seen by whoever reads it.
    pub(crate) fn write(&self, generation: &Path) -> io::Result<()> {
        let (path, next) = (generation.join(FILE), generation.join("standby.next"));
        let mut file = File::create(&next)?;
        file.write_all(self.to_text().as_bytes())?;
        file.sync_all()?;
        fs::rename(next, path)?;
        sync_dir(generation)
    }

    pub(crate) fn remove(generation: &Path) -> io::Result<()> {
        match fs::remove_file(generation.join(FILE)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => sync_dir(generation),
        }
    }

    fn to_text(self) -> String {
        let Self { origin, policies, applied, is_complete, written_ms } = self;
        let own_messages = match policies.own_messages {
            OwnMessages::Exclude => EXCLUDE,
            OwnMessages::MarkRead => MARK_READ,
        };
        let window = policies.message_window;
        format!(
            "origin {origin}\nown_messages {own_messages}\nmessage_window {window}\napplied {applied}\ncomplete {is_complete}\nwritten_ms {written_ms}\n"
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let origin = field("origin")?;
        let own_messages = match field("own_messages")? {
            EXCLUDE => OwnMessages::Exclude,
            MARK_READ => OwnMessages::MarkRead,
            _ => return None,
        };
        Some(Self {
            origin: Origin::ALL.into_iter().find(|known| known.to_string() == origin)?,
            policies: Policies { own_messages, message_window: field("message_window")?.parse().ok()? },
            applied: field("applied")?.parse().ok()?,
            is_complete: field("complete")?.parse().ok()?,
            written_ms: field("written_ms")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Standby::read(dir.path()).unwrap(), None);
        for (place, origin) in Origin::ALL.into_iter().enumerate() {
            let own_messages = if place == 1 { OwnMessages::MarkRead } else { OwnMessages::Exclude };
            let policies = Policies { own_messages, message_window: 77 };
            let standby = Standby { written_ms: 77, ..Standby::now(origin, policies, 1 << 40, place == 2) };
            standby.write(dir.path()).unwrap();
            assert_eq!(Standby::read(dir.path()).unwrap(), Some(standby));
        }
        fs::write(dir.path().join(FILE), "origin nowhere\n").unwrap();
        assert!(Standby::read(dir.path()).is_err());
        Standby::remove(dir.path()).unwrap();
        Standby::remove(dir.path()).unwrap();
        assert_eq!(Standby::read(dir.path()).unwrap(), None);
    }
}
