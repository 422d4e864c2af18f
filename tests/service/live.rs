//! Live badges: the last number of each is the right one, however many there are and whatever happens meanwhile.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use events::Line;
use oracle::history::{TAGS, TENANTS, USERS, Variant};
use oracle::{Filter, Policies};
use serde_json::json;
use tests::{Asker, LiveBadges, Nats, Recount, Service, Settings, allow_descriptors, until};

use crate::hostile::resident;
use crate::random_histories::{full_history, messages, settings};

const LENGTH: usize = 3_000;

/// Query strings with what they ask for.
const FILTERS: [(&str, Filter<'static>); 5] = [
    ("", Filter { tags: &[], any: false, not: &[] }),
    ("roomTags=a", Filter { tags: &["a"], any: false, not: &[] }),
    ("roomTags=a&roomTags=b", Filter { tags: &["a", "b"], any: false, not: &[] }),
    ("roomTags=a&roomTags=b&tagMode=any", Filter { tags: &["a", "b"], any: true, not: &[] }),
    ("notRoomTags=c", Filter { tags: &[], any: false, not: &["c"] }),
];

/// Waits until the last number of each is what the judge counts.
#[track_caller]
fn all_are_right<'a>(
    live: &LiveBadges,
    recount: &Recount,
    asked: &(impl Iterator<Item = (&'a str, &'a str, Filter<'a>)> + Clone),
) {
    until("the right numbers", || {
        assert_eq!(live.ended(), 0, "live badges have ended");
        let wrong = asked.clone().enumerate().filter_map(|(place, (tenant, user, filter))| {
            let (found, expected) = (live.last(place), recount.badge(tenant, user, filter));
            (found != expected).then(|| format!("{tenant} {user} {filter:?}: {found}, expected {expected}"))
        });
        let wrong: Vec<_> = wrong.collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("{} are wrong, such as {}", wrong.len(), wrong[0]))
        }
    });
}

/// Whatever happens in a chat, in pieces, after each of which everybody has to be right; some listen from the beginning, others
/// begin in the midst of it.
#[test]
fn after_random_histories_every_number_is_right() {
    let history = full_history(11, LENGTH, Variant::Default);
    let nats = Nats::start();
    let mut settings = settings(&nats, &history);
    settings.set("http.live_per_second", "50");
    let mut service = Service::start(settings);
    service.ready();
    assert!(["a", "b", "c"].iter().all(|tag| TAGS.contains(tag)), "rooms have other tags: {TAGS:?}");
    let everybody: Vec<_> = TENANTS
        .into_iter()
        .flat_map(|tenant| USERS.into_iter().map(move |user| (tenant, user)))
        .flat_map(|(tenant, user)| FILTERS.map(|(query, filter)| (tenant, user, query, filter)))
        .collect();
    let questions: Vec<_> = everybody
        .iter()
        .map(|(tenant, user, query, _)| ((*query).to_owned(), *tenant, (*user).to_owned()))
        .collect();
    let asked = everybody.iter().map(|(tenant, user, _, filter)| (*tenant, *user, *filter));
    let server = service.public().server();
    let from_the_beginning = LiveBadges::open(server, &questions);
    let mut recount = Recount::new(history.policies);
    let pieces = LENGTH / 10;
    let mut later = None;
    for (events, messages) in history.events.chunks(pieces).zip(messages(&history).chunks(pieces)) {
        nats.publish_all(messages.iter().cloned());
        later.get_or_insert_with(|| LiveBadges::open(server, &questions));
        for (event, _) in events {
            recount.hear(event);
        }
        all_are_right(&from_the_beginning, &recount, &asked);
        all_are_right(later.as_ref().unwrap(), &recount, &asked);
    }
    let seen = service.metrics().sum("tallymark_http_live_events_total");
    assert!(seen > 2 * questions.len() as u64, "{seen} numbers");
    // They don't hold it up.
    let began = Instant::now();
    assert_eq!(service.terminate().code, Some(0));
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
    until("the end of all", || match from_the_beginning.ended() {
        ended if ended == questions.len() => Ok(()),
        ended => Err(ended),
    });
}

const TENANT: &str = "demo";
const MEMBERS: usize = 5_000;
const ROOM_MEMBERS: usize = 5;
const POSTS_PER_SECOND: usize = 2_000;
const LOAD: Duration = Duration::from_secs(5);
/// The most memory of one live badge, its connection with all that the service holds for it included.
const BYTES: u64 = 32 * 1024;
/// What a service grows by anyway while it counts.
const BYTES_BESIDES: u64 = 32 * 1024 * 1024;
/// How much longer an event may take to be seen: in this suite, far more than it does.
const TIMES: u32 = 10;
const NOISE: Duration = Duration::from_millis(20);

fn user(number: usize) -> String {
    format!("user-{number}")
}

/// Publishes posts at the rate, as lines too.
fn post(nats: &Nats, recount: &mut Recount, run: &str) {
    let began = Instant::now();
    let portion = POSTS_PER_SECOND / 20;
    let mut random = fastrand::Rng::with_seed(7);
    for batch in 0..LOAD.as_secs() * 20 {
        let due = began + Duration::from_millis(50) * u32::try_from(batch).unwrap();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let bodies = (0..portion).map(|place| {
            let room = random.usize(..MEMBERS / ROOM_MEMBERS);
            let sender = user(room * ROOM_MEMBERS);
            json!({ "room": format!("room-{room}"), "message": format!("{run}-{batch}-{place}"), "sender": sender })
        });
        let mut bodies: Vec<_> = bodies.collect();
        if batch % 20 == 0 {
            bodies[0]["room"] = "everybody".into();
        }
        hear(recount, "message.posted", &bodies);
        let message = |body: &serde_json::Value| {
            (format!("chat.{TENANT}.message.posted"), body.to_string().into_bytes())
        };
        nats.publish_all(bodies.iter().map(message));
    }
}

fn hear(recount: &mut Recount, kind: &str, bodies: &[serde_json::Value]) {
    for body in bodies {
        let mut line = body.clone();
        line["tenant"] = TENANT.into();
        line["event"] = kind.into();
        recount.hear(&Line::parse(&line.to_string()).unwrap().event());
    }
}

/// From being published to being in an answer, the 99th percentile, while `meanwhile` goes on.
fn p99_to_visible(nats: &Nats, server: SocketAddr, meanwhile: impl FnOnce()) -> Duration {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let probing = scope.spawn(|| {
            let (asker, mut times) = (Asker::new(server), Vec::new());
            while !done.load(Ordering::Relaxed) {
                let body = json!({ "room": "probe", "message": times.len().to_string(), "sender": "prober" });
                let began = Instant::now();
                let sequence = nats.publish(&format!("chat.{TENANT}.message.posted"), body.to_string());
                let answer = asker.request("GET", &format!("/me/badge?minSeq={sequence}"), TENANT, "prober");
                times.push(began.elapsed());
                assert_eq!(answer.status, 200, "{answer:?}");
                thread::sleep(Duration::from_millis(5));
            }
            times.sort();
            times[times.len() * 99 / 100]
        });
        meanwhile();
        done.store(true, Ordering::Relaxed);
        probing.join().unwrap()
    })
}

#[test]
fn five_thousand_are_right_under_two_thousand_posts_a_second() {
    // Of this process, and of the service, which inherits it.
    allow_descriptors(12_000);
    let nats = Nats::start();
    let mut service = Service::start(Settings::new(&nats, &[TENANT]));
    service.ready();
    let server = service.public().server();
    let mut recount = Recount::new(Policies::default());
    let room = |room: usize| {
        let users: Vec<_> = (0..ROOM_MEMBERS).map(|member| user(room * ROOM_MEMBERS + member)).collect();
        json!({ "room": format!("room-{room}"), "users": users })
    };
    let mut joined: Vec<_> = (0..MEMBERS / ROOM_MEMBERS).map(room).collect();
    joined.push(json!({ "room": "everybody", "users": (0..MEMBERS).map(user).collect::<Vec<_>>() }));
    hear(&mut recount, "room.joined", &joined);
    nats.publish_all(
        joined.iter().map(|body| (format!("chat.{TENANT}.room.joined"), body.to_string().into_bytes())),
    );
    let without = p99_to_visible(&nats, server, || post(&nats, &mut recount, "without"));
    service.applied(nats.last_sequence(Nats::STREAM));

    let before = resident(&service);
    let questions: Vec<_> = (0..MEMBERS).map(|number| (String::new(), TENANT, user(number))).collect();
    let live = LiveBadges::open(server, &questions);
    let grown = resident(&service).saturating_sub(before);
    println!("{} bytes for each live badge when it has begun", grown / MEMBERS as u64);
    assert!(grown < BYTES * MEMBERS as u64, "memory grew by {grown} bytes");
    let with = p99_to_visible(&nats, server, || post(&nats, &mut recount, "with"));
    let asked = questions.iter().map(|(_, tenant, user)| (*tenant, user.as_str(), Filter::default()));
    all_are_right(&live, &recount, &asked);
    let grown = resident(&service).saturating_sub(before);
    println!("{} bytes for each at the end, after {} numbers", grown / MEMBERS as u64, live.numbers());
    assert!(grown < BYTES * MEMBERS as u64 + BYTES_BESIDES, "memory grew by {grown} bytes");
    assert!(live.numbers() > 2 * MEMBERS as u64, "{} numbers were sent", live.numbers());
    println!("published to visible, p99: {without:?} without, {with:?} with live badges");
    assert!(with < without.max(NOISE) * TIMES, "{with:?} instead of {without:?}");
    assert_eq!(service.metrics().sum("tallymark_http_live_connections"), MEMBERS as u64);
    assert_eq!(service.terminate().code, Some(0));
}
