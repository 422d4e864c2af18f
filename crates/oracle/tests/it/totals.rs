//! Rule 14: the total is the sum of the rooms, however it is asked for.

use oracle::Oracle;
use oracle::history::{History, TAGS, TENANTS, Variant};

#[test]
fn a_badge_is_the_sum_of_its_rooms() {
    let mut above_zero = 0;
    for seed in 0..50 {
        let history = History::generate(seed, 200, Variant::ALL[(seed % 3) as usize]);
        let mut oracle = Oracle::new(history.policies);
        for (event, stored_ms) in &history.events {
            oracle.apply(event, *stored_ms);
        }
        for (tenant, skip_muted) in TENANTS.into_iter().flat_map(|name| [(name, false), (name, true)]) {
            for tags in [&TAGS[..0], &TAGS[..1], &TAGS[..2]] {
                let badges = oracle.badges(tenant, tags, skip_muted);
                assert_eq!(badges.keys().copied().collect::<Vec<_>>(), oracle.users(tenant));
                for (user, badge) in badges {
                    let rooms = oracle.rooms_of(tenant, user).into_iter();
                    let in_sum = rooms.filter(|room| {
                        let has = oracle.tags(tenant, room);
                        let is_skipped = skip_muted && oracle.is_muted(tenant, user, room) == Some(true);
                        tags.iter().all(|tag| has.contains(tag)) && !is_skipped
                    });
                    let sum: u64 = in_sum.filter_map(|room| oracle.unread(tenant, user, room)).sum();
                    assert_eq!(badge, sum, "seed {seed}: {tenant} {user} {tags:?} {skip_muted}");
                    assert_eq!(badge, oracle.badge(tenant, user, tags, skip_muted), "seed {seed}");
                    above_zero += u32::from(badge > 0);
                }
            }
        }
    }
    assert!(above_zero > 500, "only {above_zero} badges were above zero");
}
