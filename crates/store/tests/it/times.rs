//! Which number was the last before a time (rule 18), wherever the room's ids lie.

use counters::{Policies, RoomIndex};
use store::NumberBefore;

use crate::ids::posted;
use crate::run::{Run, options};

const ROOMS: usize = 6;
const MESSAGES: u16 = 300;

/// Three messages at a time, and a long pause in the midst.
fn time_of(message: u16) -> u64 {
    let pause = if message > MESSAGES / 2 { 1_000 } else { 0 };
    u64::from(message) / 3 * 10 + pause
}

/// Looks at the known ones, one by one: number and T of each message, in the order of posting.
fn expected(posted: &[(u32, u64)], window: usize, time: u64) -> NumberBefore {
    let known = &posted[posted.len().saturating_sub(window)..];
    match (known.iter().rfind(|(_, of)| *of < time), known.first()) {
        (Some((number, _)), _) => NumberBefore::Is(*number),
        (None, Some((number, _))) if known.len() < posted.len() => {
            NumberBefore::AtMost(number.saturating_sub(1))
        }
        _ => NumberBefore::Is(0),
    }
}

#[track_caller]
fn compare(run: &Run, posted: &[(u32, u64)], window: usize, place: &str) {
    for room in 0..ROOMS {
        let room = run.counters.room("t", &format!("r{room}")).unwrap();
        for time in (0..=time_of(MESSAGES) + 1).filter(|time| time % 10 < 2 || *time > 400 && time % 97 == 0)
        {
            let found = run.store.number_before(&run.counters, room, time).unwrap();
            assert_eq!(found, expected(posted, window, time), "{place}: before {time}");
        }
    }
}

#[test]
fn the_last_number_before_a_time_is_found() {
    for (window, id_cache_bytes) in [(10_000, 1 << 20), (100, 1 << 20), (100, 0), (64, 9_000), (1, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(dir.path(), Policies { message_window: window, ..Policies::default() });
        options.id_cache_bytes = id_cache_bytes;
        let window = usize::try_from(window).unwrap();
        let mut run = Run::open(&options).unwrap();
        let mut history: Vec<(u32, u64)> = Vec::new();
        for message in 0..MESSAGES {
            for room in 0..ROOMS {
                run.apply(&posted(room, message.into()), time_of(message));
            }
            let (number, time) = history.last().copied().unwrap_or_default();
            let is_silent = message % 5 == 0;
            history.push(if is_silent { (number, time) } else { (number + 1, time_of(message)) });
            if [3, 63, 64, 140, 299].contains(&message) {
                let place = format!("window {window}, {id_cache_bytes} bytes, after {message}");
                compare(&run, &history, window, &place);
                run.begin_commit();
                compare(&run, &history, window, &place);
                run.commit();
                drop(run);
                run = Run::open(&options).unwrap();
                compare(&run, &history, window, &place);
            }
        }
        let nowhere = run.store.number_before(&run.counters, RoomIndex(999), 5).unwrap();
        assert_eq!(nowhere, NumberBefore::Is(0));
    }
}
