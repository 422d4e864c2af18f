//! Accounts say why a count is what it is.

use counters::{Account, Policies, RoomAccount, UserIndex};
use oracle::Oracle;
use oracle::history::{TENANTS, USERS};
use oracle::script::Script;

use crate::histories::histories;
use crate::model::{Model, policies};

/// Events, then ann's rooms with what is not zero: `head-cursor-recalled-own=unread`, mentions, kept reads, muted, tags.
#[track_caller]
fn check(text: &str) {
    let (steps, expected) = text.split_once(" => ").unwrap();
    let script = Script::parse(steps).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut model = Model::new(Policies::default());
    for step in &script.steps {
        model.apply(&step.event, step.stored_ms);
    }
    let tenant = script.steps[0].event.tenant.as_str();
    let account = model.counters.account(tenant, "ann");
    let rooms: Vec<String> = account.rooms.iter().map(shown).collect();
    assert_eq!(rooms.join(", "), expected.trim(), "{text}");
    let badge = model.badge(tenant, "ann", &[], false);
    assert_eq!(account.unread(), badge, "{text}");
}

fn shown(room: &RoomAccount) -> String {
    let RoomAccount { head, cursor, recalled, own, unread, .. } = room;
    let mut shown = format!("{} {head}-{cursor}-{recalled}-{own}={unread}", room.room);
    for (name, count) in [("mentions", room.mentions), ("kept", room.kept_reads as u64)] {
        if count > 0 {
            shown += &format!(" {name} {count}");
        }
    }
    if room.muted {
        shown += " muted";
    }
    for tag in &room.tags {
        shown += &format!(" #{tag}");
    }
    shown
}

#[test]
fn what_a_count_is_made_of() {
    check("joined r1 bob; posted r1 m1 by bob => ");
    check("joined r1 ann; posted r1 m1 by bob; posted r1 m2 by bob => r1 2-0-0-0=2");
    check("joined r1 ann; posted r1 m1 by bob; posted r1 m2 by bob; read r1 ann upto m1 => r1 2-1-0-0=1");
    check("joined r1 ann; posted r1 m1 by ann; posted r1 m2 by bob => r1 2-0-0-1=1");
    check("joined r1 ann; posted r1 m1 by bob; posted r1 m2 by bob; recalled r1 m1 => r1 2-0-1-0=1");
    // Both recalled and own: excepted once, as recalled.
    check("joined r1 ann; posted r1 m1 by ann; recalled r1 m1 => r1 1-0-1-0=0");
    // Below the cursor nothing is excepted.
    check(
        "joined r1 ann; posted r1 m1 by ann; posted r1 m2 by bob; recalled r1 m2; read r1 ann => r1 2-2-0-0=0",
    );
    check(
        "joined r1 ann; read r1 ann upto m9; muted r1 ann; tagged r1 b,a => r1 0-0-0-0=0 kept 1 muted #a #b",
    );
    check("joined r1 ann; posted r1 m1 by bob mentions ann => r1 1-0-0-0=1 mentions 1");
    check("joined r1 ann; joined r2 ann; posted r2 m1 by bob => r1 0-0-0-0=0, r2 1-0-0-0=1");
    check("joined r1 ann; joined r2 ann; room_deleted r1 => r2 0-0-0-0=0");
}

#[test]
fn accounts_add_up_and_agree_with_the_oracle() {
    for history in histories() {
        let mut oracle = Oracle::new(history.policies);
        let mut model = Model::new(policies(history.policies));
        for (position, (event, stored_ms)) in history.events.iter().enumerate() {
            oracle.apply(event, *stored_ms);
            model.apply(event, *stored_ms);
            if position % 10 == 9 {
                compare(&oracle, &model, &format!("seed {} event {position}", history.seed));
            }
        }
    }
}

fn compare(oracle: &Oracle, model: &Model, place: &str) {
    let (mut all, mut first) = (Vec::new(), Some(UserIndex(0)));
    while let Some(from) = first {
        let (page, next) = model.counters.accounts(from, 2, 3);
        assert!(page.len() <= 2 && next.is_none_or(|next| next > from), "{place}");
        all.extend(page);
        first = next;
    }
    for tenant in TENANTS {
        for user in USERS {
            let account = model.counters.account(tenant, user);
            let paged: Vec<&Account> = all.iter().filter(|a| a.tenant == tenant && a.user == user).collect();
            assert!(paged.len() <= 1 && paged.iter().all(|paged| **paged == account), "{place}");
            assert!(!paged.is_empty() || account.rooms.is_empty(), "{place}: no page has {user}");
            let mut rooms: Vec<&str> = account.rooms.iter().map(|room| room.room.as_str()).collect();
            rooms.sort_unstable();
            assert_eq!(rooms, oracle.rooms_of(tenant, user), "{place}: {user}");
            for room in &account.rooms {
                compare_room(oracle, tenant, user, room, place);
            }
        }
    }
    assert!(all.len() <= TENANTS.len() * USERS.len(), "{place}");
    assert!(all.iter().all(|account| USERS.contains(&account.user.as_str())), "{place}");
}

fn compare_room(oracle: &Oracle, tenant: &str, user: &str, account: &RoomAccount, place: &str) {
    let id = account.room.as_str();
    let place = format!("{place}: {tenant} {user}@{id}: {account:?}");
    let (head, cursor) = (u64::from(account.head), u64::from(account.cursor));
    assert_eq!(Some(account.unread), oracle.unread(tenant, user, id), "{place}");
    assert_eq!(account.unread, head - cursor - account.recalled - account.own, "{place}");
    assert_eq!(Some(account.mentions), oracle.mentions(tenant, user, id), "{place}");
    assert_eq!(
        (Some(head), Some(cursor)),
        (oracle.head(tenant, id), oracle.cursor(tenant, user, id)),
        "{place}"
    );
    assert_eq!(Some(account.muted), oracle.is_muted(tenant, user, id), "{place}");
    assert_eq!(account.tags, oracle.tags(tenant, id), "{place}");
    assert_eq!(account.kept_reads, oracle.kept_reads(tenant, user, id).len(), "{place}");
    let recalled = oracle.recalled_numbers(tenant, id);
    let above = |numbers: &[u64]| numbers.iter().filter(|number| **number > cursor).count() as u64;
    assert_eq!(account.recalled, above(&recalled), "{place}");
    let mut own = oracle.own_numbers(tenant, user, id);
    own.retain(|number| !recalled.contains(number));
    assert_eq!(account.own, above(&own), "{place}");
}
