//! The records as bytes, in the one file of a shadow: `journal`.
//!
//! Each is its length (8 bytes) and so many bytes. A program killed in the middle of adding one leaves the beginning of
//! it, which is passed over: the file is as long as what was written of it. Numbers are little-endian.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::disk::{Change, Entries, Entry, Kind, Record};
use crate::inode::Inode;

pub(crate) const FILE: &str = "journal";
/// What comes before each record.
pub(crate) const LENGTH_BYTES: u64 = 8;

const WATCHED: u8 = 1;
const FILE_SYNCED: u8 = 2;
const DIRECTORY_SYNCED: u8 = 3;

/// A record with its length.
pub(crate) fn to_bytes(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    match record {
        Record::Watched { directory, inode } => {
            bytes.push(WATCHED);
            put_inode(&mut bytes, *inode);
            put_bytes(&mut bytes, directory.as_os_str().as_bytes());
        }
        Record::File { inode, length, changes } => {
            bytes.push(FILE_SYNCED);
            put_inode(&mut bytes, *inode);
            put(&mut bytes, *length);
            put(&mut bytes, changes.len() as u64);
            for change in changes {
                put(&mut bytes, change.offset);
                put_bytes(&mut bytes, &change.bytes);
            }
        }
        Record::Directory { inode, entries } => {
            bytes.push(DIRECTORY_SYNCED);
            put_inode(&mut bytes, *inode);
            put(&mut bytes, entries.len() as u64);
            for (name, entry) in entries {
                put_bytes(&mut bytes, name.as_bytes());
                put_inode(&mut bytes, entry.inode);
                bytes.push(u8::from(entry.kind == Kind::Directory));
            }
        }
    }
    let mut framed = (bytes.len() as u64).to_le_bytes().to_vec();
    framed.append(&mut bytes);
    framed
}

fn put(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend(number.to_le_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, more: &[u8]) {
    put(bytes, more.len() as u64);
    bytes.extend(more);
}

fn put_inode(bytes: &mut Vec<u8>, Inode { device, number, born }: Inode) {
    [device, number, born].into_iter().for_each(|part| put(bytes, part));
}

/// The length that these bytes say.
pub(crate) fn length(mut bytes: &[u8]) -> Option<u64> {
    number(&mut bytes)
}

/// A record without its length. None is one that no version of this crate wrote.
pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Record> {
    record_in(&mut bytes).filter(|_| bytes.is_empty())
}

fn record_in(bytes: &mut &[u8]) -> Option<Record> {
    let kind = byte(bytes)?;
    let inode = inode(bytes)?;
    match kind {
        WATCHED => {
            let directory = name(bytes)?.into();
            Some(Record::Watched { directory, inode })
        }
        FILE_SYNCED => {
            let length = number(bytes)?;
            let count = number(bytes)?;
            let change = |_| Some(Change { offset: number(bytes)?, bytes: piece(bytes)?.to_vec() });
            let changes = (0..count).map(change).collect::<Option<_>>()?;
            Some(Record::File { inode, length, changes })
        }
        DIRECTORY_SYNCED => {
            let count = number(bytes)?;
            let entry =
                |_| Some((name(bytes)?, Entry { inode: self::inode(bytes)?, kind: self::kind(bytes)? }));
            let entries = (0..count).map(entry).collect::<Option<Entries>>()?;
            Some(Record::Directory { inode, entries })
        }
        _ => None,
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    take(bytes, 1).map(|taken| taken[0])
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*taken))
}

fn piece<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(bytes)?;
    take(bytes, length)
}

fn name(bytes: &mut &[u8]) -> Option<OsString> {
    Some(OsString::from_vec(piece(bytes)?.to_vec()))
}

fn inode(bytes: &mut &[u8]) -> Option<Inode> {
    Some(Inode { device: number(bytes)?, number: number(bytes)?, born: number(bytes)? })
}

fn kind(bytes: &mut &[u8]) -> Option<Kind> {
    match byte(bytes)? {
        0 => Some(Kind::File),
        1 => Some(Kind::Directory),
        _ => None,
    }
}
