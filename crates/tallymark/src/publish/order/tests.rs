mod random_faults;

use super::*;

/// Plays a script, one step a line: what happens, then after `|` what follows from it.
///
/// - `take 3`: three more lines are read
/// - `stored 2 at 11`, `duplicate 2 at 11`: the answer to line 2's latest sending
/// - `refused 2`, `never 2`, `no stream 2`, `elsewhere 2`: other answers to it
/// - `late stored 2 at 11`, `late refused 2`: the answer to line 2's first sending
/// - `wait 100`: so many milliseconds pass
/// - `lost`: the connection is gone
/// - `stop`: no more is to be sent
///
/// What follows: `sends 2 3`, `fails: …`, `done`, or nothing.
fn check(script: &str) -> Order<()> {
    let mut order = Order::new();
    let mut now = Instant::now();
    let mut taken = 0;
    let mut attempts = std::collections::HashMap::new();
    for step in script.lines().map(str::trim).filter(|step| !step.is_empty()) {
        let (happens, expected) = step.split_once('|').unwrap();
        let words: Vec<_> = happens.split_whitespace().collect();
        let number = |index: usize| words[index].parse::<u64>().unwrap();
        let mut answer = |line: u64, attempt: Option<u32>, answer| {
            let attempt = attempt.unwrap_or_else(|| attempts[&line]);
            order.answered(line - 1, attempt, answer, now);
        };
        match words[..] {
            ["take", _] => {
                for _ in 0..number(1) {
                    taken += 1;
                    order.push(taken, taken * 100, 10, ());
                }
            }
            ["stored" | "duplicate", _, "at", _] => {
                let (sequence, duplicate) = (number(3), words[0] == "duplicate");
                answer(number(1), None, Answer::Stored { sequence, duplicate });
            }
            ["late", "stored", _, "at", _] => {
                answer(number(2), Some(1), Answer::Stored { sequence: number(4), duplicate: false });
            }
            ["late", "refused", _] => {
                answer(number(2), Some(1), Answer::Refused(Refusal::Temporary("late".into())));
            }
            ["refused", _] => {
                answer(number(1), None, Answer::Refused(Refusal::Temporary("full".into())));
            }
            ["never", _] => {
                answer(number(1), None, Answer::Refused(Refusal::Permanent("too big".into())));
            }
            ["no", "stream", _] => answer(number(2), None, Answer::Refused(Refusal::NoStream)),
            ["elsewhere", _] => {
                answer(number(1), None, Answer::StoredElsewhere { stream: "X".into() });
            }
            ["wait", _] => {
                now += Duration::from_millis(number(1));
                order.tick(now);
            }
            ["lost"] => order.disconnected(now),
            ["stop"] => order.stop(),
            _ => panic!("no such step: {step}"),
        }
        let mut sent = String::new();
        while let Some(sending) = order.next(now) {
            assert_eq!(sending.ticket, sending.line - 1);
            attempts.insert(sending.line, sending.attempt);
            sent = format!("{sent} {}", sending.line);
        }
        let found = match order.failure() {
            Some(failure) => format!("fails: {}", failure.to_string().lines().next().unwrap()),
            None if !sent.is_empty() => format!("sends{sent}"),
            None if order.is_empty() => "done".to_owned(),
            None => String::new(),
        };
        assert_eq!(found, expected.trim(), "after `{step}` of{script}");
    }
    order
}

#[test]
fn the_first_line_goes_alone_and_the_others_together() {
    let order = check(
        "take 4          | sends 1
         stored 1 at 10  | sends 2 3 4
         stored 2 at 11  |
         take 1          | sends 5
         stored 3 at 14  |
         stored 4 at 15  |
         stored 5 at 16  | done",
    );
    assert_eq!(order.counts(), Counts { published: 5, duplicates: 0, bytes: 500 });
    assert_eq!(order.last(), Some(Place { line: 5, sequence: 16 }));
}

#[test]
fn answers_may_come_in_any_order_as_long_as_the_sequences_grow() {
    let order = check(
        "take 4          | sends 1
         stored 1 at 10  | sends 2 3 4
         stored 4 at 13  |
         stored 3 at 12  |
         stored 2 at 11  | done",
    );
    assert_eq!(order.counts().published, 4);
    check(
        "take 3          | sends 1
         stored 1 at 10  | sends 2 3
         stored 3 at 11  |
         stored 2 at 12  | fails: line 2 is stored at sequence 12, after line 3 at 11: the order on the stream is broken",
    );
}

#[test]
fn lines_of_an_earlier_run_are_duplicates_in_the_same_order() {
    let order = check(
        "take 3             | sends 1
         duplicate 1 at 10  | sends 2 3
         duplicate 2 at 11  |
         stored 3 at 20     | done",
    );
    assert_eq!(order.counts(), Counts { published: 1, duplicates: 2, bytes: 300 });
    // The duplicate window had passed for the first line only.
    check(
        "take 2             | sends 1
         stored 1 at 20     | sends 2
         duplicate 2 at 11  | fails: line 1 is stored at sequence 20, after line 2 at 11: the order on the stream is broken",
    );
}

#[test]
fn after_a_failed_line_nothing_is_sent_until_it_is_stored() {
    let order = check(
        "take 4          | sends 1
         stored 1 at 10  | sends 2 3 4
         stored 2 at 11  |
         refused 3       |
         take 1          |
         wait 1000       |
         refused 4       |
         wait 99         |
         wait 1          | sends 3
         refused 3       |
         wait 199        |
         wait 1          | sends 3
         stored 3 at 12  | sends 4 5
         stored 4 at 13  |
         stored 5 at 14  | done",
    );
    assert_eq!(order.counts().published, 5);
}

#[test]
fn a_refused_line_that_a_later_one_overtook_ends_it() {
    check(
        "take 4          | sends 1
         stored 1 at 10  | sends 2 3 4
         refused 2       |
         refused 3       |
         stored 4 at 11  | fails: line 2 is not stored (full), but line 4 is, at sequence 11: the order on the stream is broken",
    );
    // What is in flight may still be answered.
    check(
        "take 4          | sends 1
         stored 1 at 10  | sends 2 3 4
         refused 2       |
         stored 3 at 11  |
         stored 4 at 12  | fails: line 2 is not stored (full), but line 3 is, at sequence 11: the order on the stream is broken",
    );
    check(
        "take 3          | sends 1
         stored 1 at 10  | sends 2 3
         stored 3 at 11  |
         never 2         | fails: line 2 is not stored (too big), but line 3 is, at sequence 11: the order on the stream is broken",
    );
}

#[test]
fn an_unanswered_line_that_a_later_one_seemed_to_overtake_is_asked_for() {
    // It was stored in its place.
    let order = check(
        "take 3             | sends 1
         stored 1 at 10     | sends 2 3
         stored 3 at 12     |
         wait 4999          |
         wait 1             |
         wait 99            |
         wait 1             | sends 2
         duplicate 2 at 11  | done",
    );
    assert_eq!(order.counts(), Counts { published: 3, duplicates: 0, bytes: 300 });
    // It was not.
    check(
        "take 3          | sends 1
         stored 1 at 10  | sends 2 3
         stored 3 at 11  |
         wait 5000       |
         wait 100        | sends 2
         stored 2 at 12  | fails: line 2 is stored at sequence 12, after line 3 at 11: the order on the stream is broken",
    );
    // It was, but for a moment the server refused to say so.
    check(
        "take 3             | sends 1
         stored 1 at 10     | sends 2 3
         stored 3 at 12     |
         wait 5000          |
         wait 100           | sends 2
         refused 2          |
         wait 200           | sends 2
         duplicate 2 at 11  | done",
    );
    // It was, but the line between was refused.
    check(
        "take 4             | sends 1
         stored 1 at 10     | sends 2 3 4
         refused 3          |
         stored 4 at 12     |
         wait 5000          |
         wait 100           | sends 2
         duplicate 2 at 11  | fails: line 3 is not stored (full), but line 4 is, at sequence 12: the order on the stream is broken",
    );
}

#[test]
fn a_lost_connection_leaves_all_lines_in_flight_unanswered() {
    let order = check(
        "take 5             | sends 1
         stored 1 at 10     | sends 2 3 4 5
         stored 2 at 11     |
         lost               |
         wait 100           | sends 3
         lost               |
         wait 200           | sends 3
         duplicate 3 at 12  | sends 4 5
         duplicate 4 at 13  |
         stored 5 at 14     | done",
    );
    assert_eq!(order.counts(), Counts { published: 5, duplicates: 0, bytes: 500 });
    check("lost | done");
}

#[test]
fn late_answers_count_when_they_say_that_a_line_is_stored() {
    check(
        "take 4              | sends 1
         stored 1 at 10      | sends 2 3 4
         wait 5000           |
         wait 100            | sends 2
         late stored 2 at 11 | sends 3 4
         stored 2 at 11      |
         stored 3 at 12      |
         late stored 4 at 13 | done",
    );
    check(
        "take 2              | sends 1
         stored 1 at 10      | sends 2
         wait 5000           |
         late stored 2 at 11 | done
         take 1              | sends 3",
    );
    check(
        "take 2              | sends 1
         stored 1 at 10      | sends 2
         wait 5000           |
         wait 100            | sends 2
         late refused 2      |
         wait 1000           |
         stored 2 at 11      | done",
    );
}

#[test]
fn what_will_not_pass_is_not_tried_again() {
    check("take 2 | sends 1\n never 1 | fails: line 1 was refused: too big");
    check("take 2 | sends 1\n no stream 1 | fails: line 1: no stream takes its subject");
    check("take 2 | sends 1\n elsewhere 1 | fails: line 1 was stored in the stream \"X\"");
    check(
        "take 2          | sends 1
         stored 1 at 10  | sends 2
         never 2         | fails: line 2 was refused: too big",
    );
    // Once it was there, a stream without a leader is a pause.
    check(
        "take 2          | sends 1
         stored 1 at 10  | sends 2
         no stream 2     |
         wait 100        | sends 2
         stored 2 at 11  | done",
    );
}

#[test]
fn a_line_is_tried_ten_times() {
    let mut script = String::from("take 1 | sends 1\n");
    for pause in [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000] {
        script += &format!("refused 1 |\n wait {} |\n wait 1 | sends 1\n", pause - 1);
    }
    check(&format!("{script} stored 1 at 1 | done"));
    check(&format!("{script} refused 1 | fails: line 1 could not be stored in 10 tries: full"));
    check(&format!(
        "{script} lost | fails: line 1 could not be stored in 10 tries: the connection was lost before the answer"
    ));
}

#[test]
fn stopping_sends_nothing_more_and_takes_the_answers_that_come() {
    let order = check(
        "take 4          | sends 1
         stored 1 at 10  | sends 2 3 4
         stop            |
         take 1          |
         stored 2 at 11  |
         refused 3       |
         wait 5000       |",
    );
    assert_eq!((order.in_flight(), order.last().unwrap().line), (0, 2));
}

#[test]
fn the_window_is_bounded_in_lines_and_bytes() {
    let mut order = Order::new();
    for line in 0..WINDOW as u64 {
        assert!(order.has_room());
        order.push(line, 0, 1, ());
    }
    assert!(!order.has_room());

    let mut order = Order::new();
    order.push(1, 0, WINDOW_BYTES, ());
    assert!(!order.has_room());
    let now = Instant::now();
    assert_eq!(order.next(now).unwrap().line, 1);
    order.answered(0, 1, Answer::Stored { sequence: 1, duplicate: false }, now);
    assert!(order.has_room());
}
