//! Random histories: what counts right is found right, and what does not is found.

use counters::{Account, Policies, RoomAccount, UserIndex};
use events::MessageKey;
use oracle::history::{History, USERS, Variant};
use oracle::{Mistake, Oracle};
use recount::{Bounds, Captured, Outcome, Recount, Scope, Start};

use crate::support::{Message, Service, log, policies, prefix};

const LENGTH: usize = 300;

fn accounts(service: &Service) -> Vec<Account> {
    service.counters.accounts(UserIndex(0), usize::MAX, usize::MAX).0
}

fn histories(count: u64) -> impl Iterator<Item = History> {
    (0..count)
        .zip(Variant::ALL.into_iter().cycle())
        .map(|(seed, variant)| History::generate(seed, LENGTH, variant))
}

fn hear(mut recount: Recount, log: &[Message]) -> Outcome {
    let last = recount.last();
    for message in log.iter().filter(|message| message.sequence <= last) {
        recount.hear(message.sequence, message.stored_ms, &message.subject, &message.body);
    }
    recount.finish()
}

/// A history, with pages captured on its way, each of some users.
struct Counted {
    service: Service,
    captured: Captured,
    log: Vec<Message>,
    policies: Policies,
}

/// Applies a history; a page of two users every 40 events from the middle on, then the rest, and a snapshot after
/// `snapshot` events.
fn counted(history: &History, snapshot: usize) -> Counted {
    let policies = policies(history.policies);
    let mut service = Service::new(policies);
    let (mut captured, mut next) = (Captured::new(), Some(UserIndex(0)));
    let log = log(history);
    for (place, message) in log.iter().enumerate() {
        service.apply(message);
        if place % 25 == 0 {
            service.commit();
        }
        if place + 1 == snapshot {
            service.snapshot();
        }
        if place >= LENGTH / 2
            && place % 40 == 0
            && let Some(first) = next
        {
            let (page, after) = service.counters.accounts(first, 2, usize::MAX);
            captured.add(service.counters.applied(), &page);
            next = after;
        }
    }
    if let Some(first) = next {
        captured.add(service.counters.applied(), &service.counters.accounts(first, usize::MAX, usize::MAX).0);
    }
    Counted { service, captured, log, policies }
}

#[test]
fn what_is_right_is_found_right() {
    let (mut compared, mut heard) = (0, 0);
    for history in histories(45) {
        let Counted { captured, log, policies, .. } = counted(&history, 0);
        let start = Start::empty(policies);
        let outcome = hear(Recount::new(start, prefix(), Scope::Everything, captured, Bounds::NONE), &log);
        assert_eq!(outcome.differences, [], "seed {}", history.seed);
        assert_eq!((outcome.left_out, outcome.missed_rooms), (0, Vec::new()), "seed {}", history.seed);
        compared += outcome.memberships;
        heard += outcome.heard;
    }
    assert!(compared > 250 && heard > 45 * 200, "{compared} {heard}");
}

/// The stream begins in the middle, and a snapshot has what came before.
#[test]
fn a_snapshot_stands_for_the_events_before_it() {
    let mut compared = 0;
    for history in histories(45) {
        let middle = 40 + usize::try_from(history.seed).unwrap() % 100;
        let Counted { service, captured, log, policies } = counted(&history, middle);
        let snapshots = store::snapshots_in(service.dir.path()).unwrap();
        let (first, last) = (middle as u64 + 1, captured.first_sequence());
        let refused =
            Start::choose(first + 1, first - 1, snapshots.clone(), policies, &Scope::Everything, u64::MAX);
        assert!(refused.unwrap_err().to_string().contains(&format!("begins at sequence {}", first + 1)));
        let start =
            Start::choose(first, last, snapshots.clone(), policies, &Scope::Everything, u64::MAX).unwrap();
        assert_eq!(start.sequence, middle as u64);
        let scope = Scope::Everything;
        let outcome = hear(Recount::new(start, prefix(), scope, captured, Bounds::NONE), &log[middle..]);
        assert_eq!(outcome.differences, [], "seed {}", history.seed);
        compared += outcome.memberships;

        // The same of one user only.
        let mut captured = Captured::new();
        let user = USERS[usize::try_from(history.seed).unwrap() % USERS.len()];
        captured.add(LENGTH as u64, &[service.counters.account("north", user)]);
        let scope = Scope::some(captured.users(), captured.rooms());
        let start = Start::choose(first, last, snapshots, policies, &scope, u64::MAX).unwrap();
        let outcome = hear(Recount::new(start, prefix(), scope, captured, Bounds::NONE), &log[middle..]);
        assert_eq!((outcome.differences, outcome.missed_rooms), (vec![], vec![]), "seed {}", history.seed);
    }
    assert!(compared > 250, "{compared}");
}

/// What an oracle says of everybody, in the service's words.
fn accounts_by(oracle: &Oracle) -> Vec<Account> {
    let mut accounts = Vec::new();
    for tenant in oracle.tenants() {
        for user in oracle.users(tenant) {
            let room = |room: &str| RoomAccount {
                room: room.to_owned(),
                tags: oracle.tags(tenant, room).into_iter().map(str::to_owned).collect(),
                head: 0,
                cursor: 0,
                recalled: 0,
                own: 0,
                kept_reads: 0,
                muted: oracle.is_muted(tenant, user, room).unwrap(),
                unread: oracle.unread(tenant, user, room).unwrap(),
                mentions: oracle.mentions(tenant, user, room).unwrap(),
            };
            let rooms = oracle.rooms_of(tenant, user).into_iter().map(room).collect();
            accounts.push(Account { tenant: tenant.to_owned(), user: user.to_owned(), rooms });
        }
    }
    accounts
}

/// Whether a recount finds what an oracle that is wrong on purpose says now and then of this history.
fn is_found(history: &History, mistake: Mistake) -> bool {
    let (mut wrong, mut captured) = (Oracle::mistaken(history.policies, mistake), Captured::new());
    for (sequence, (event, stored_ms)) in (1..).zip(&history.events) {
        wrong.apply(event, *stored_ms);
        if sequence % 25 == 0 {
            captured.add(sequence, &accounts_by(&wrong));
        }
    }
    let start = Start::empty(policies(history.policies));
    let recount = Recount::new(start, prefix(), Scope::Everything, captured, Bounds::NONE);
    !hear(recount, &log(history)).differences.is_empty()
}

/// The mistakes that show in badges with tags, in badges without muted rooms, and in times show in no account.
#[test]
fn every_mistake_in_an_account_is_found() {
    use Mistake::{
        AnyTag, MutedAlwaysSkipped, MutedNeverSkipped, TimeFallsBack, TimeOfSilent, TimeOfTheSender,
    };
    let in_no_account =
        [AnyTag, MutedAlwaysSkipped, MutedNeverSkipped, TimeOfTheSender, TimeFallsBack, TimeOfSilent];
    for mistake in Mistake::ALL {
        let is_expected = !in_no_account.contains(mistake);
        let most = if is_expected { 2_000 } else { 10 };
        let is_found = histories(most).any(|history| is_found(&history, *mistake));
        assert_eq!(is_found, is_expected, "{mistake:?}");
    }
}

/// A membership that the service lacks, or has too many, is found, whatever the recount is restricted to.
#[test]
fn memberships_are_compared_too() {
    for history in histories(30) {
        let Counted { service, log, policies, .. } = counted(&history, 0);
        let all = accounts(&service);
        for (place, account) in all.iter().enumerate().filter(|(_, account)| !account.rooms.is_empty()) {
            let mut wrong = all.clone();
            let lost = wrong[place].rooms.remove(0);
            let found = |accounts: &[Account], scope: Option<Scope>| {
                let mut captured = Captured::new();
                captured.add(LENGTH as u64, accounts);
                let scope = scope.unwrap_or_else(|| Scope::some(captured.users(), captured.rooms()));
                let recount = Recount::new(Start::empty(policies), prefix(), scope, captured, Bounds::NONE);
                hear(recount, &log)
            };
            let outcome = found(&wrong, Some(Scope::Everything));
            let [difference] = &outcome.differences[..] else { panic!("{:?}", outcome.differences) };
            assert_eq!((&difference.user, &difference.room), (&account.user, &lost.room));
            assert_eq!(
                (difference.expected.as_ref().unwrap().unread, &difference.found),
                (lost.unread, &None)
            );

            let mut without = all.clone();
            without.remove(place);
            let outcome = found(&without, Some(Scope::Everything));
            let mut missing: Vec<&str> =
                outcome.differences.iter().map(|difference| difference.room.as_str()).collect();
            missing.sort_unstable();
            let mut rooms: Vec<&str> = account.rooms.iter().map(|room| room.room.as_str()).collect();
            rooms.sort_unstable();
            assert_eq!(missing, rooms, "{} is missing altogether", account.user);

            let mut one = wrong[place].clone();
            let outcome = found(std::slice::from_ref(&one), None);
            let missed = (account.tenant.clone(), lost.room.clone());
            assert_eq!((outcome.differences, outcome.missed_rooms), (vec![], vec![missed]));

            one.rooms.push(lost.clone());
            one.rooms.push(RoomAccount { room: "never".to_owned(), ..lost });
            let outcome = found(&[one], None);
            let [difference] = &outcome.differences[..] else { panic!("{:?}", outcome.differences) };
            assert_eq!((difference.room.as_str(), &difference.expected), ("never", &None));
        }
    }
}

/// A room that is too large for the bound is left out; the others are compared all the same.
#[test]
fn a_bound_leaves_the_largest_room_out() {
    let mut left_out = 0;
    for history in histories(60) {
        let Counted { captured, log, policies, .. } = counted(&history, 0);
        let users: Vec<(String, String)> =
            captured.users().map(|(tenant, user)| (tenant.to_owned(), user.to_owned())).collect();
        let scope = Scope::some(users.iter().map(|(tenant, user)| (&**tenant, &**user)), captured.rooms());
        let bounds = Bounds { messages: 30 };
        let all = captured.rooms().count() as u64;
        let outcome = hear(Recount::new(Start::empty(policies), prefix(), scope, captured, bounds), &log);
        assert_eq!(outcome.differences, [], "seed {}", history.seed);
        assert_eq!(outcome.memberships + outcome.left_out, all, "seed {}", history.seed);
        left_out += outcome.left_out;
    }
    assert!(left_out > 0);
}

/// Read by name, the facts in a snapshot are those of the oracle: what is known, and no more, among them.
#[test]
fn the_facts_in_a_snapshot_are_those_of_the_oracle() {
    for history in histories(15) {
        let Counted { service, policies, .. } = counted(&history, LENGTH);
        let mut oracle = Oracle::new(history.policies);
        for (event, stored_ms) in &history.events {
            oracle.apply(event, *stored_ms);
        }
        let [snapshot] = &store::snapshots_in(service.dir.path()).unwrap()[..] else {
            panic!("one snapshot")
        };
        let facts = store::read_facts(&snapshot.path, policies, &|_| true).unwrap();
        assert_eq!(facts.position.applied, LENGTH as u64);
        let rooms: usize = oracle.tenants().iter().map(|tenant| oracle.rooms_of_tenant(tenant).len()).sum();
        assert_eq!(facts.rooms.len(), rooms);
        for room in &facts.rooms {
            let (tenant, id) = (room.tenant.as_str(), room.room.as_str());
            let known = |message: &oracle::KnownMessage<'_>| {
                (MessageKey::of(message.message), message.order, message.number, message.silent, message.time)
            };
            let expected: Vec<_> = oracle.known_messages(tenant, id).iter().map(known).collect();
            let found = room.known.iter().map(|(key, remembered)| {
                (*key, remembered.order, u64::from(remembered.number), remembered.silent, remembered.time)
            });
            assert_eq!(found.collect::<Vec<_>>(), expected, "seed {}: {tenant} {id}", history.seed);
            let members: Vec<_> = room
                .members
                .iter()
                .map(|member| (member.user.as_str(), u64::from(member.fact.cursor)))
                .collect();
            for (user, cursor) in &members {
                assert_eq!(oracle.cursor(tenant, user, id), Some(*cursor), "seed {}", history.seed);
            }
            let count = oracle.memberships().filter(|(of, room, _)| (*of, *room) == (tenant, id)).count();
            assert_eq!(members.len(), count, "seed {}: {tenant} {id}", history.seed);
        }
    }
}
