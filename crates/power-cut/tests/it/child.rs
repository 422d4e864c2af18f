//! The program under test: this test executable itself, run once more, where it plays a script.
//!
//! Its steps are separated by `; `. A new file is made by writing to it. `write` leaves what the file has beyond the text.

use std::env;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};

use rustix::process::{Signal, getpid, kill_process};

/// The steps to play.
pub(crate) const SCRIPT_VARIABLE: &str = "POWER_CUT_TEST_SCRIPT";

/// Not a test but the place where the program begins; without a script there is nothing to do.
#[test]
fn play() {
    if let Ok(script) = env::var(SCRIPT_VARIABLE) {
        script.split("; ").for_each(step);
        kill_process(getpid(), Signal::KILL).unwrap();
    }
}

fn step(step: &str) {
    let words: Vec<&str> = step.split(' ').collect();
    let open = |path| File::options().write(true).create(true).truncate(false).open(path).unwrap();
    match words[..] {
        ["write", path, text] => open(path).write_all(text.as_bytes()).unwrap(),
        ["append", path, text] => {
            let mut file = open(path);
            file.seek(SeekFrom::End(0)).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }
        ["shorten", path, length] => open(path).set_len(length.parse().unwrap()).unwrap(),
        ["sync", path] => File::open(path).unwrap().sync_all().unwrap(),
        ["sync-data", path] => File::open(path).unwrap().sync_data().unwrap(),
        ["rename", from, to] => fs::rename(from, to).unwrap(),
        ["link", from, to] => fs::hard_link(from, to).unwrap(),
        ["remove", path] => fs::remove_file(path).unwrap(),
        ["mkdir", path] => fs::create_dir(path).unwrap(),
        ["rmdir", path] => fs::remove_dir(path).unwrap(),
        ["sync-removed", path] => {
            let file = File::open(path).unwrap();
            fs::remove_file(path).unwrap();
            file.sync_all().unwrap();
        }
        ["sync-a-pipe"] => {
            let (_reader, writer) = std::io::pipe().unwrap();
            let error = File::from(std::os::fd::OwnedFd::from(writer)).sync_all().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{error}");
        }
        ["count-in-place", pages] => count_in_place(pages.parse().unwrap()),
        ["count-by-names"] => count_by_names(),
        _ => panic!("{step:?} is no step"),
    }
}

/// Counts for ever in all pages of a file, and says each number once it is synced.
fn count_in_place(pages: usize) {
    let mut file = File::create("in-place").unwrap();
    File::open(".").unwrap().sync_all().unwrap();
    for number in 1.. {
        file.rewind().unwrap();
        file.write_all(&page_of(number).repeat(pages)).unwrap();
        file.sync_data().unwrap();
        println!("\nsynced {number}");
    }
}

/// Counts for ever with a file that is replaced by the next and with a new file, and says each number once both are synced.
fn count_by_names() {
    let directory = File::open(".").unwrap();
    for number in 1_u64.. {
        let mut next = File::create("replaced.next").unwrap();
        write!(next, "{number}").unwrap();
        next.sync_all().unwrap();
        fs::rename("replaced.next", "replaced").unwrap();
        File::create(format!("made-{number}")).unwrap();
        directory.sync_all().unwrap();
        println!("\nsynced {number}");
    }
}

/// A page that holds nothing but that number.
pub(crate) fn page_of(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(4096 / 8)
}
