//! The shadow itself: over several programs, torn, and missing.

use std::fs::{self, File};
use std::io::ErrorKind;

use power_cut::{Unsynced, after_the_cut, watch};

use crate::child::page_of;
use crate::program::{Watched, ended_by, is_possible, listed};

/// Bug this would show: a program that starts again after a kill finds in the page cache what it never synced, and takes
/// it for durable.
#[test]
fn what_one_program_did_not_sync_is_not_durable_for_the_next() {
    if !is_possible() {
        return;
    }
    let watched = Watched::new("write a old; write b old");
    watched.play("write a new; write b new");
    watched.play("sync b; write b newer");
    assert_eq!(listed(&watched.directory()), "a=new b=newer");
    assert_eq!(watched.left(Unsynced::Lost), "a=old b=new");
}

#[test]
fn a_record_that_a_kill_tore_is_as_never_begun() {
    if !is_possible() {
        return;
    }
    let watched = Watched::new("write a old");
    let begun = fs::metadata(watched.journal()).unwrap().len();
    watched.play("write a newer; write b new; sync b; sync a; sync .");
    let states = ["a=old", "a=newer", "a=newer b=new"];
    let full = fs::metadata(watched.journal()).unwrap().len();
    let journal = File::options().write(true).open(watched.journal()).unwrap();
    let mut seen = Vec::new();
    for length in (begun..=full).rev() {
        journal.set_len(length).unwrap();
        let left = watched.left(Unsynced::Lost);
        let state = states.iter().position(|state| *state == left).unwrap_or_else(|| panic!("{left:?}"));
        seen.insert(0, state);
    }
    assert!(seen.is_sorted() && seen.first() == Some(&0) && seen.last() == Some(&2), "{seen:?}");

    // The next program goes on behind the last whole record.
    journal.set_len(begun + 5).unwrap();
    watched.play("sync a");
    assert_eq!(watched.left(Unsynced::Lost), "a=newer");
}

#[test]
fn only_pages_that_differ_are_added() {
    if !is_possible() {
        return;
    }
    let watched = Watched::new("");
    let path = watched.directory().join("large");
    let mut content: Vec<u8> = (1..=1000).flat_map(page_of).collect();
    content.extend(b"end");
    fs::write(&path, &content).unwrap();
    watch(&watched.directory(), &watched.shadow()).unwrap();
    let begun = fs::metadata(watched.journal()).unwrap().len();
    assert!(begun > content.len() as u64);

    for (place, byte) in [(0, 9), (511 * 4096, 2), (512 * 4096 - 1, 3), (content.len() - 1, 4)] {
        content[place] = byte;
    }
    fs::write(&path, &content).unwrap();
    watched.play("sync large");
    let added = fs::metadata(watched.journal()).unwrap().len() - begun;
    assert!((2 * 4096..3 * 4096).contains(&added), "{added} bytes for two pages and a piece");
    let left = tempfile::tempdir().unwrap();
    after_the_cut(&watched.shadow(), left.path(), Unsynced::Lost).unwrap();
    assert!(fs::read(left.path().join("large")).unwrap() == content);
}

/// Otherwise the program would believe durable what the shadow does not have.
#[test]
fn a_program_whose_syncs_cannot_be_recorded_ends() {
    if !is_possible() {
        return;
    }
    let watched = Watched::new("");
    let mut command = watched.watched_command("write a new; sync a");
    fs::remove_file(watched.journal()).unwrap();
    let output = command.output().unwrap();
    ended_by(&output, 6);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no shadow in"), "{output:?}");
}

#[test]
fn a_program_without_a_shadow_is_left_alone() {
    if !is_possible() {
        return;
    }
    let watched = Watched::new("");
    let mut command = watched.watched_command("write a new; sync a; sync .");
    ended_by(&command.env_remove(power_cut::SHADOW_VARIABLE).output().unwrap(), 9);
    assert_eq!(watched.left(Unsynced::Lost), "");
}

#[test]
fn places_that_make_no_sense_are_refused() {
    if !is_possible() {
        return;
    }
    let watched = Watched::new("write a old");
    let inside = watch(&watched.directory(), &watched.directory().join("shadow")).unwrap_err();
    assert_eq!(inside.kind(), ErrorKind::InvalidInput);
    let occupied = after_the_cut(&watched.shadow(), &watched.directory(), Unsynced::Lost).unwrap_err();
    assert_eq!(occupied.kind(), ErrorKind::DirectoryNotEmpty);

    std::os::unix::fs::symlink("a", watched.directory().join("link")).unwrap();
    let link = watch(&watched.directory(), &watched.shadow()).unwrap_err();
    assert_eq!(link.kind(), ErrorKind::Unsupported, "{link}");

    let elsewhere = watched.directory().with_file_name("elsewhere");
    fs::rename(watched.directory(), elsewhere).unwrap();
    fs::create_dir(watched.directory()).unwrap();
    let destination = tempfile::tempdir().unwrap();
    let chance = Unsynced::ByChance { seed: 1 };
    let moved = after_the_cut(&watched.shadow(), destination.path(), chance).unwrap_err();
    assert_eq!(moved.kind(), ErrorKind::InvalidData, "{moved}");
}
