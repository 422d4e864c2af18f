//! The archive of a real chat, which lies beside the repository or does not.

use std::fs::File;
use std::io::Read;

use flate2::read::GzDecoder;

const ARCHIVE: &str = "../shared/data/lean-chat-2018-2020.ndjson.gz";

/// The lines of the archive; `None` if it is not there.
pub fn real_chat() -> Option<String> {
    let file = File::open(xtask::root().join(ARCHIVE)).ok()?;
    let mut lines = String::new();
    GzDecoder::new(file).read_to_string(&mut lines).expect("the archive is whole");
    Some(lines)
}
