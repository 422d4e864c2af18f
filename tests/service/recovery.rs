//! A store that can't be trusted is put away, and another takes its place: from a snapshot, else
//! from the whole stream, else the service says what is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::{Nats, Service, Settings, tallymark, until};
use xtask::Signal;

use crate::stream_identity::{POSTED, post, posts, refuses};

/// Zeroes the store's file: whatever is left of less, sled may take for an earlier state.
fn damage_the_store(service: &Service) {
    let file = database(&service.data_dir());
    let length = fs::metadata(&file).unwrap().len();
    fs::write(file, vec![0; usize::try_from(length).unwrap()]).unwrap();
}

/// The file of the store that is in use.
fn database(data_dir: &Path) -> PathBuf {
    let current = fs::read_to_string(data_dir.join("current")).unwrap();
    data_dir.join("generations").join(current.trim()).join("db")
}

fn snapshots(service: &Service) -> Vec<PathBuf> {
    let entries = fs::read_dir(service.data_dir().join("snapshots")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Waits until the last commit has everything up to this sequence; its digest.
pub(crate) fn digest(service: &Service, sequence: u64) -> Value {
    until("the digest", || {
        let digest = service.status().map_err(|error| error.to_string())?["digest"].clone();
        if digest["sequence"] == sequence { Ok(digest["value"].clone()) } else { Err(digest.to_string()) }
    })
}

fn recoveries(service: &Service, from: &str) -> u64 {
    service.metrics().with("tallymark_store_recoveries_total", "from", from)
}

#[test]
fn from_a_snapshot_and_the_tail() {
    let nats = Nats::start();
    posts(&nats, 50);
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("store.snapshot_interval_s", "0");
    let mut service = Service::start(settings);
    service.ready();
    service.applied(51);
    service.signal(Signal::USR1);
    until("a snapshot", || {
        let snapshots = service.status().map_err(|error| error.to_string())?["snapshots"].clone();
        if snapshots[0]["sequence"] == 51 { Ok(()) } else { Err(snapshots.to_string()) }
    });
    assert_eq!(service.metrics().sum("tallymark_snapshots_total"), 1);
    for number in 0..20 {
        post(&nats, &format!("later {number}"));
    }
    service.applied(71);
    let counted = digest(&service, 71);
    service.durable(71);
    service.kill();
    damage_the_store(&service);

    service.restart();
    service.ready();
    assert_eq!(service.loaded(), 51);
    assert_eq!(digest(&service, 71), counted);
    assert_eq!(service.badge("demo", "bob", &[]).count, 70);
    assert_eq!((recoveries(&service, "snapshot"), recoveries(&service, "nothing")), (1, 0));
    assert_eq!(service.metrics().sum("tallymark_store_quarantined_total"), 1);
    let printed = service.printed();
    for line in ["the store can't be used", "recovering from a snapshot", "recovered from a snapshot"] {
        assert!(printed.contains(line), "no {line:?} in {printed}");
    }

    // The new store is a store like any other, and the damaged one is kept.
    service.kill();
    service.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 70);
    assert_eq!(service.metrics().sum("tallymark_store_quarantined_total"), 0);
    assert_eq!(fs::read_dir(service.data_dir().join("quarantine")).unwrap().count(), 1);
}

#[test]
fn an_ordered_end_leaves_a_snapshot_and_two_are_kept() {
    let nats = Nats::start();
    posts(&nats, 3);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    for last in [4, 5, 6] {
        service.ready();
        service.applied(last);
        assert_eq!(service.terminate().code, Some(0));
        post(&nats, &format!("after {last}"));
        service.restart();
    }
    service.ready();
    service.applied(7);
    service.kill();
    let names: Vec<_> = snapshots(&service)
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["00000000000000000005", "00000000000000000006"]);

    // The newest is damaged as well: the one before it is taken.
    damage_the_store(&service);
    let newest = &snapshots(&service)[1];
    let mut bytes = fs::read(newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(newest, bytes).unwrap();
    service.restart();
    service.ready();
    assert_eq!(service.loaded(), 5);
    assert_eq!(service.badge("demo", "bob", &[]).count, 6);
    assert_eq!(service.metrics().sum("tallymark_snapshots_damaged_total"), 1);
}

#[test]
fn from_the_whole_stream_where_there_is_no_snapshot() {
    let nats = Nats::start();
    posts(&nats, 30);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    service.durable(31);
    let counted = digest(&service, 31);
    service.kill();
    damage_the_store(&service);
    service.restart();
    service.ready();
    assert_eq!(service.loaded(), 0);
    assert_eq!(digest(&service, 31), counted);
    assert_eq!((recoveries(&service, "snapshot"), recoveries(&service, "nothing")), (0, 1));
}

#[test]
fn without_either_the_service_says_what_is_missing() {
    let nats = Nats::start();
    posts(&nats, 30);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    service.durable(31);
    service.terminate();
    // A snapshot of 31 is put in safety, as an operator would.
    let [snapshot] = &*snapshots(&service) else { panic!("one snapshot") };
    let safe = service.data_dir().join("in-safety");
    fs::rename(snapshot, &safe).unwrap();
    nats.purge_before(Nats::STREAM, 11);
    damage_the_store(&service);
    service.restart();
    refuses(&mut service, "fenced", "stream \"CHAT\" begins at sequence 11, so nothing can be recounted");
    assert_eq!(service.metrics().with("tallymark_fenced", "reason", "nothing_to_recount"), 1);
    service.kill();
    service.restart();
    refuses(&mut service, "fenced", "was not usable");
    service.terminate();

    // The way out that it names.
    fs::rename(&safe, snapshot).unwrap();
    service.restart();
    service.ready();
    assert_eq!(service.loaded(), 31);
    assert_eq!(service.badge("demo", "bob", &[]).count, 30);
}

/// Bug this would show: an empty stream is created in place of the lost one, and everybody's badge is 0.
#[test]
fn a_lost_store_and_a_lost_stream_are_not_begun_anew() {
    let mut nats = Nats::start();
    posts(&nats, 30);
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("nats.create_stream", "true");
    let mut service = Service::start(settings);
    service.ready();
    service.durable(31);
    service.kill();
    damage_the_store(&service);
    nats.wipe();
    nats.restart();
    service.restart();
    refuses(&mut service, "fenced", "there is no stream \"CHAT\", so nothing can be recounted");
}

/// The operating system refuses to let the store's file grow, which sled is told in the middle of a commit.
#[test]
fn a_write_that_fails_ends_the_process_and_the_next_one_recovers() {
    const LIMIT: &str = "#!/bin/sh
trap '' XFSZ
ulimit -f 2000
exec TALLYMARK \"$@\"
";
    let nats = Nats::start();
    posts(&nats, 3);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    service.terminate();

    let limited = service.data_dir().join("limited.sh");
    fs::write(&limited, LIMIT.replace("TALLYMARK", tallymark().to_str().unwrap())).unwrap();
    fs::set_permissions(&limited, fs::Permissions::from_mode(0o700)).unwrap();
    service.executable = Some(limited);
    service.restart();
    service.ready();
    let message = |number: usize| {
        (POSTED.to_owned(), format!(r#"{{"room":"x{number}","message":"m","sender":"ann"}}"#))
    };
    nats.publish_all((0..40_000).map(message).map(|(subject, body)| (subject, body.into_bytes())));
    until("the end of the process", || if service.has_ended() { Ok(()) } else { Err("it runs".to_owned()) });
    let ended = service.kill();
    assert_eq!(ended.code, Some(1), "{}", ended.printed);
    assert!(ended.printed.contains("the store can't be trusted any more"), "{}", ended.printed);
    let marker = fs::read_to_string(service.data_dir().join("generations/1/marker")).unwrap();
    assert!(marker.starts_with("dirty "), "{marker}");

    service.executable = None;
    service.restart();
    service.ready();
    service.applied(nats.last_sequence(Nats::STREAM));
    assert!(service.printed().contains("the process before this one could not trust it any more"));
    assert_eq!((service.loaded(), recoveries(&service, "snapshot")), (4, 1));
    assert_eq!(service.badge("demo", "bob", &[]).count, 3);
    assert_eq!(service.metrics().sum("tallymark_rooms"), 40_001);
}

/// From the next start on, no sync returns as long as there is a file of the name that is returned.
fn with_a_disk_that_hangs(service: &mut Service) -> PathBuf {
    let hang = service.data_dir().join("hang");
    for (name, value) in power_cut::hanging(&hang).unwrap() {
        service.environment.insert(name.to_owned(), value.into_string().unwrap());
    }
    hang
}

#[track_caller]
fn ends_as_the_disk_hangs(service: &mut Service) {
    until("the end of the process", || if service.has_ended() { Ok(()) } else { Err("it runs".to_owned()) });
    let ended = service.kill();
    assert_eq!(ended.code, Some(1), "{}", ended.printed);
    assert!(ended.printed.contains("the store hangs"), "{}", ended.printed);
}

/// Bug this would show: a service that waits for its disk for ever, and answers with older and older counts.
#[test]
fn a_disk_that_hangs_ends_the_process_and_the_next_one_recovers() {
    if !power_cut::IS_POSSIBLE {
        return;
    }
    let nats = Nats::start();
    posts(&nats, 3);
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("store.write_timeout_s", "1");
    let mut service = Service::start(settings);
    service.ready();
    service.durable(4);
    service.terminate();

    let hang = with_a_disk_that_hangs(&mut service);
    service.restart();
    service.ready();
    fs::write(&hang, "").unwrap();
    post(&nats, "never on the disk");
    ends_as_the_disk_hangs(&mut service);

    fs::remove_file(&hang).unwrap();
    service.environment.clear();
    service.restart();
    service.ready();
    service.applied(5);
    assert!(service.printed().contains("did not answer within 1 s"));
    assert_eq!(recoveries(&service, "snapshot"), 1);
    assert_eq!(service.badge("demo", "bob", &[]).count, 4);
}

#[test]
fn a_disk_that_hangs_while_a_snapshot_is_written_ends_the_process_too() {
    if !power_cut::IS_POSSIBLE {
        return;
    }
    let nats = Nats::start();
    posts(&nats, 3);
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("store.write_timeout_s", "1");
    let mut service = Service::at(settings, tests::home());
    let hang = with_a_disk_that_hangs(&mut service);
    service.restart();
    service.ready();
    service.durable(4);
    // Everything is committed: only the snapshot is there to hang.
    fs::write(&hang, "").unwrap();
    service.signal(Signal::USR1);
    ends_as_the_disk_hangs(&mut service);
}

/// It counts on, and waits with consuming once there is no memory for more; with space again it goes on by itself.
#[test]
fn nothing_is_written_to_a_full_disk() {
    let nats = Nats::start();
    posts(&nats, 3);
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("store.pending_bytes", "65536");
    let mut service = Service::start(settings);
    service.ready();
    service.durable(4);
    let data_dir = service.data_dir();
    service.terminate();

    // As much space as there is, but for a file that is made and removed; other tests fill and free some at the same time.
    let free = rustix::fs::statvfs(&data_dir).unwrap();
    let free = free.f_bavail * free.f_frsize;
    let file = (free / 2).min(8 << 30);
    assert!(file >= 512 << 20, "this needs 1 GiB of free space, there are {free} bytes");
    service.settings.set("store.reserve_bytes", &(free - file / 2).to_string());
    service.restart();
    service.ready();
    let filler = fs::File::create(data_dir.join("filler")).unwrap();
    rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), 0, file).unwrap();
    until("writing to be paused", || match service.metrics().sum("tallymark_writing_paused") {
        1 => Ok(()),
        _ => Err("not yet".to_owned()),
    });
    let last = post(&nats, "while it is full");
    service.applied(last);
    assert_eq!(service.badge("demo", "bob", &[]).count, 4);
    assert_eq!(service.metrics().sum("tallymark_durable_sequence"), 4);
    for number in 0..3_000 {
        post(&nats, &format!("more than fits {number}"));
    }
    let status = until("consuming to wait", || {
        let status = service.status().map_err(|error| error.to_string())?;
        if status["paused"].is_string() { Ok(status) } else { Err(status.to_string()) }
    });
    assert!(status["paused"].as_str().unwrap().contains("store.reserve_bytes"), "{status}");
    assert_eq!(service.metrics().with("tallymark_consuming_paused_total", "reason", "store"), 1);
    service.ready();
    let before = service.badge("demo", "bob", &[]);
    assert!(before.sequence < nats.last_sequence(Nats::STREAM));

    fs::remove_file(data_dir.join("filler")).unwrap();
    drop(filler);
    service.applied(nats.last_sequence(Nats::STREAM));
    service.durable(nats.last_sequence(Nats::STREAM));
    assert_eq!(service.badge("demo", "bob", &[]).count, 3_004);
    assert!(service.status().unwrap()["paused"].is_null());
}

/// Ending it while it waits is no failed opening.
#[test]
fn an_opening_can_be_ended() {
    let nats = Nats::start();
    posts(&nats, 3);
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    service.durable(4);
    service.terminate();
    service.settings.set("store.reserve_bytes", "1099511627776");
    for _ in 0..4 {
        service.restart();
        refuses(&mut service, "starting", "waiting for space");
        assert_eq!(service.terminate().code, Some(0));
    }
    service.settings.set("store.reserve_bytes", "0");
    service.restart();
    service.ready();
    assert_eq!(service.badge("demo", "bob", &[]).count, 3);
    assert_eq!(service.metrics().sum("tallymark_store_quarantined_total"), 0);
}
