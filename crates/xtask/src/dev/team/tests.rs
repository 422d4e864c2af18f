use oracle::{Oracle, Policies};

use super::*;
use crate::dev::page::InRoom;

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

#[test]
fn what_is_done_by_hand_is_in_the_teams_book() {
    let mut random = Rng::with_seed(1);
    let mut team = Team::new(1, "run");
    let mut truth = Truth { oracle: Oracle::new(Policies::default()), events: 0 };
    team.opening().iter().for_each(|step| truth.apply(step));
    for _ in 0..3_000 {
        let room = random.usize(..PLANS.len());
        let member = random.choice(PLANS[room].members).unwrap();
        let action = match random.u32(..10) {
            0 => Ok(InRoom::Read),
            1 => Ok(InRoom::MarkUnread),
            2 | 3 => Ok(InRoom::Recall),
            4 | 5 => Ok(InRoom::Post(member)),
            _ => Err(()),
        };
        let step = match action {
            // A room may have nothing left to recall.
            Ok(action) => team.by_hand(room, action).unwrap_or_else(|_| team.next()),
            Err(()) => team.next(),
        };
        truth.apply(&step);
        assert_eq!(team.unread() as u64, truth.badge(&[]), "event {}: {}", truth.events, step.said);
    }
}

#[test]
fn in_an_empty_room_there_is_nothing_to_recall_or_mark() {
    let mut team = Team::new(1, "run");
    for action in [InRoom::Recall, InRoom::MarkUnread] {
        let problem = team.by_hand(1, action).err();
        assert_eq!(problem.as_deref(), Some("lunch: there is no message"));
    }
    assert_eq!(
        team.by_hand(1, InRoom::Read).ok().map(|step| step.said).as_deref(),
        Some("lunch: ann read everything")
    );
}
