use std::time::Duration;

use super::*;

const LIMITS: fn() -> Limits = || Limits {
    first_byte_timeout: Duration::from_secs(10),
    header_read_timeout: Duration::from_secs(20),
    idle_timeout: Duration::from_secs(30),
    write_timeout: Duration::from_secs(40),
    ..Limits::default()
};

/// One line a case: which HTTP, what happens at which second, and when the connection is late for which reason.
#[track_caller]
fn check(line: &str) {
    let fields: Vec<_> = line.split('|').map(str::trim).collect();
    let began = Instant::now();
    let at = |second: &str| began + Duration::from_secs(second.parse().unwrap());
    let progress = Arc::new(Progress::new(began, fields[0] == "2", Arc::default()));
    let mut open = Vec::new();
    for step in fields[1].split_whitespace() {
        let (what, second) = step.split_once('@').unwrap();
        let now = at(second);
        match what {
            "heard" => progress.heard(|| now),
            "asked" => open.push(OpenRequest::begin(&progress)),
            "blocked" => progress.blocked(|| now),
            "flows" => progress.flows(|| now),
            // What dropping it does, at a time of the test's choosing.
            "answered" => {
                drop(open.pop().unwrap());
                if progress.open.load(Relaxed) == 0 {
                    progress.enter(IDLE, now);
                }
            }
            _ => panic!("no such step: {step}"),
        }
    }
    if fields[2] == "never" {
        let hours = began + Duration::from_secs(36_000);
        assert_eq!(
            progress.look(hours, &LIMITS()),
            Next::Look(hours + LIMITS().shortest_timeout()),
            "{line}"
        );
        return;
    }
    let (late, second) = fields[2].split_once('@').unwrap();
    let deadline = at(second);
    let just_before = progress.look(deadline - Duration::from_nanos(1), &LIMITS());
    assert_eq!(just_before, Next::Look(deadline), "{line}");
    let Next::Late(found) = progress.look(deadline, &LIMITS()) else { panic!("{line}: not late") };
    assert_eq!(format!("{found:?}"), late, "{line}");
}

#[test]
fn when_a_connection_is_late() {
    for line in [
        "1 |                                          | FirstByte@10",
        "1 | heard@7                                  | Head@27",
        "1 | heard@7 heard@8 heard@26                 | Head@27",
        "1 | heard@7 asked@9                          | never",
        "1 | heard@7 asked@9 answered@50              | Idle@80",
        "1 | heard@7 asked@9 answered@50 heard@60     | Head@80",
        "1 | heard@7 asked@9 asked@9 answered@50      | never",
        "1 | heard@7 asked@9 blocked@11               | Write@51",
        "1 | heard@7 asked@9 blocked@11 blocked@20    | Write@51",
        "1 | heard@7 asked@9 blocked@11 flows@20      | never",
        "1 | heard@7 asked@9 answered@9 blocked@10    | Write@50",
        "1 | heard@7 asked@9 answered@9 blocked@10 flows@20 | Idle@50",
        "1 | heard@7 asked@9 answered@9 flows@20      | Idle@39",
        "1 | heard@0 asked@0 answered@30 blocked@10   | Write@50",
        "2 |                                          | FirstByte@10",
        "2 | heard@7                                  | Idle@37",
        "2 | heard@7 heard@30                         | Idle@37",
        "2 | heard@7 asked@9 asked@9 answered@20      | never",
        "2 | heard@7 asked@9 heard@10 answered@20     | Idle@50",
    ] {
        check(line);
    }
}

/// Whatever begins after a look is not late before the next one.
#[test]
fn the_next_look_is_soon_enough_for_all_that_may_begin() {
    let began = Instant::now();
    let progress = Arc::new(Progress::new(began, false, Arc::default()));
    progress.heard(|| began);
    drop(OpenRequest::begin(&progress));
    progress.enter(IDLE, began);
    assert_eq!(progress.look(began, &LIMITS()), Next::Look(began + Duration::from_secs(10)));
}

#[test]
fn a_request_is_in_flight_until_it_is_answered_or_given_up() {
    let in_flight = Arc::default();
    let connection = || Arc::new(Progress::new(Instant::now(), false, Arc::clone(&in_flight)));
    let (one, other) = (connection(), connection());
    let mut first = OpenRequest::begin(&one);
    let second = OpenRequest::begin(&other);
    assert_eq!((first.in_flight(), second.in_flight()), (2, 2));
    first.answered();
    first.answered();
    assert_eq!(second.in_flight(), 1);
    drop(first);
    assert_eq!(second.in_flight(), 1);
    drop(second);
    assert_eq!(in_flight.load(Relaxed), 0);
}
