use crate::publish::order::*;

/// A server that loses, refuses and repeats at random: whatever it does, publishing either ends with
/// every line stored once in order, or says what is wrong.
#[test]
fn under_random_faults_all_is_stored_in_order_or_a_failure_told() {
    const LINES: u64 = 40;
    let (mut completed, mut failed) = (0, 0);
    for seed in 1..=3_000_u64 {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut chance = |percent: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % 100 < percent
        };
        let mut order = Order::new();
        (1..=LINES).for_each(|line| order.push(line, line, 1, ()));
        let mut stream: Vec<u64> = Vec::new();
        let mut now = Instant::now();
        // Answers under way: ticket, attempt, answer.
        let mut answers: VecDeque<(Ticket, u32, Answer)> = VecDeque::new();
        while order.failure().is_none() && !order.is_empty() {
            let mut connected = true;
            while let Some(Sending { ticket, attempt, line, .. }) = order.next(now) {
                // A connection that is lost loses everything sent after that.
                connected = connected && !chance(1);
                if !connected {
                    continue;
                }
                if chance(1) {
                    let refusal = Refusal::Temporary("full".into());
                    answers.push_back((ticket, attempt, Answer::Refused(refusal)));
                    continue;
                }
                let before = stream.iter().position(|stored| *stored == line);
                let index = before.unwrap_or_else(|| {
                    stream.push(line);
                    stream.len() - 1
                });
                let (sequence, duplicate) = (1 + index as u64, before.is_some());
                if !chance(2) {
                    answers.push_back((ticket, attempt, Answer::Stored { sequence, duplicate }));
                }
            }
            while let Some((ticket, attempt, answer)) = answers.pop_front() {
                order.answered(ticket, attempt, answer, now);
                if chance(10) {
                    break;
                }
            }
            if !connected {
                answers.clear();
                order.disconnected(now);
            }
            now += Duration::from_millis(400);
            order.tick(now);
        }
        let is_in_order = stream.is_sorted();
        match order.failure() {
            None => {
                completed += 1;
                assert_eq!(stream, (1..=LINES).collect::<Vec<_>>(), "seed {seed}");
                assert_eq!(order.counts().published, LINES, "seed {seed}");
            }
            Some(Failure::Overtaken { line, later, .. }) => {
                failed += 1;
                assert!(!stream.contains(line) && stream.contains(&later.line), "seed {seed}");
            }
            Some(Failure::OutOfOrder { .. }) => {
                failed += 1;
                assert!(!is_in_order, "seed {seed}: {stream:?}");
            }
            Some(other) => panic!("seed {seed}: {other}"),
        }
    }
    assert!(completed > 500 && failed > 500, "{completed} completed, {failed} failed");
}
