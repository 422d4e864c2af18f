//! What must not be opened is refused, with the reason and the way out.

use std::hash::Hasher as _;

use counters::{OwnMessages, Policies, RULES_VERSION};
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use store::{FORMAT_VERSION, OpenError, Options};

use crate::run::{CHECKPOINT, Run, change_rows, store_in};

fn error(options: &Options) -> OpenError {
    match Run::open(options) {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}

#[test]
fn a_second_process_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    let _run = Run::open(&options).unwrap();
    let error = error(&options);
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(error.to_string().contains("in use by another process"), "{error}");
}

#[test]
fn other_policies_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = store_in(dir.path());
    for policies in [
        Policies { message_window: 9_999, ..options.policies },
        Policies { own_messages: OwnMessages::MarkRead, ..options.policies },
    ] {
        let error = error(&Options { policies, ..options.clone() });
        assert!(matches!(error, OpenError::Policies { .. }), "{error}");
        assert!(error.to_string().contains("message_window = 10000"), "{error}");
    }
    Run::open(&options).unwrap();
}

#[test]
fn other_versions_are_refused() {
    let format = ("format_version", FORMAT_VERSION, "format version 3");
    let rules = ("rules_version", RULES_VERSION, "rules version 2");
    for (name, version, what) in [format, rules] {
        let dir = tempfile::tempdir().unwrap();
        let options = store_in(dir.path());
        change_rows(dir.path(), |db| {
            let mut row = db.get(CHECKPOINT).unwrap().unwrap().to_vec();
            let place =
                row.windows(name.len()).position(|bytes| bytes == name.as_bytes()).unwrap() + name.len();
            assert_eq!(u32::from(row[place]), version);
            row[place] += 1;
            row.truncate(row.len() - 16);
            let checksum = checksum(&row);
            row.extend(checksum);
            db.insert(CHECKPOINT, row).unwrap();
        });
        let error = error(&options);
        assert!(
            matches!(error, OpenError::Version { found, expected, .. } if (found, expected) == (version + 1, version)),
            "{error}"
        );
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// What has to stand behind a checkpoint's map: its hash as a fact of kind 11, about nobody.
fn checksum(map: &[u8]) -> [u8; 16] {
    let mut hasher = SipHasher13::new_with_key(b"tallymark facts1");
    hasher.write(&[11]);
    hasher.write(&[0; 16]);
    hasher.write(map);
    hasher.finish128().as_u128().to_be_bytes()
}
