use oracle::{Oracle, Policies};

use super::*;

/// What the rules say of the user's badge.
struct Truth {
    oracle: Oracle,
    events: u64,
}

impl Truth {
    fn badge(&self, tags: &[&str]) -> u64 {
        self.oracle.badge(TENANT, USER, tags, false)
    }

    fn apply(&mut self, step: &Step) {
        self.events += 1;
        self.oracle.apply(&step.event, self.events);
    }
}

#[test]
fn the_badge_is_above_zero_and_moves_both_ways_every_few_seconds() {
    for seed in 0..20 {
        let mut team = Team::new(seed, "run");
        let mut truth = Truth { oracle: Oracle::new(Policies::default()), events: 0 };
        team.opening().iter().for_each(|step| truth.apply(step));

        let (mut since_up, mut since_down) = (Duration::ZERO, Duration::ZERO);
        let mut tagged_badges = Vec::new();
        for _ in 0..2_000 {
            let before = truth.badge(&[]);
            let step = team.next();
            truth.apply(&step);
            let badge = truth.badge(&[]);
            assert_eq!(team.unread() as u64, badge, "seed {seed}, event {}: {}", truth.events, step.said);
            assert!(badge > 0, "seed {seed}, event {}: {}", truth.events, step.said);
            since_up = if badge > before { Duration::ZERO } else { since_up + step.pause };
            since_down = if badge < before { Duration::ZERO } else { since_down + step.pause };
            assert!(since_up < Duration::from_secs(10), "seed {seed}: no rise for {since_up:?}");
            assert!(since_down < Duration::from_secs(30), "seed {seed}: no fall for {since_down:?}");
            tagged_badges.push(truth.badge(&[TAG]));
        }
        assert!(tagged_badges.contains(&0), "seed {seed}");
        assert!(tagged_badges.iter().any(|badge| *badge > 3), "seed {seed}");
    }
}

#[test]
fn the_same_seed_does_the_same_under_other_ids() {
    let lines = |seed, run| {
        let mut team = Team::new(seed, run);
        let mut steps = team.opening();
        steps.extend((0..100).map(|_| team.next()));
        steps.iter().map(|step| events::to_line(&step.event)).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(lines(1, "monday"), lines(1, "monday"));
    assert_ne!(lines(1, "monday"), lines(2, "monday"));
    assert_ne!(lines(1, "monday"), lines(1, "tuesday"));
    assert_eq!(lines(1, "monday"), lines(1, "tuesday").replace("tuesday", "monday"));
}
