//! The public listener among hostile clients: others are served as fast as without them, and memory stays bounded.
//!
//! All clients, good and hostile, share one core, and hostile ones send 2,000 requests a second at the most: what is measured
//! is the service, not how much a machine can send to itself.

mod good;
mod load;

use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};
use tests::{Nats, Service, Settings, allow_descriptors, token, until};

use good::Good;
use load::{Attack, IDLE, Kind, Seen};

/// Of this process, and of the service, which inherits it.
const DESCRIPTORS: u64 = 12_000;
const WINDOW: Duration = Duration::from_secs(1);
/// How often each kind is measured, with a window without it before each.
const ROUNDS: usize = 3;
/// Others' p99 stays under so many times the normal one.
const TIMES: u32 = 3;
/// What seems slow is looked at again, so many times in all: whoever is disturbed by hostile clients is so each time.
const LOOKS: usize = 8;
/// A busy machine lets anybody wait for so long now and then, and other tests run beside this one: what is shorter is not
/// told apart.
const NOISE: Duration = Duration::from_millis(3);
/// What hostile clients may make the service hold: a connection with its buffers, on both sides of the kernel's border some more.
const BYTES_PER_CONNECTION: u64 = 24 * 1024;
/// What a service grows by anyway while it answers.
const BYTES_BESIDES: u64 = 48 * 1024 * 1024;

/// The calling thread, and those that it starts from now on, stay on one core.
fn stay_on_one_core() {
    let mut cores = CpuSet::new();
    cores.set(0);
    sched_setaffinity(None, &cores).unwrap();
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

pub(crate) fn resident(service: &Service) -> u64 {
    service.status().unwrap()["memory_bytes"].as_u64().expect("Linux tells how much memory a process has")
}

/// The p99 of good clients without and with hostile ones of that kind, and what became of those.
fn measure(good: &mut Good, kind: Kind, service: &Service) -> (Duration, Duration, Seen) {
    let (mut normal, mut hostile, mut seen) = (Vec::new(), Vec::new(), Seen::default());
    for _ in 0..ROUNDS {
        normal.push(good.p99(WINDOW));
        let attack = Attack::begin(kind, service.public().server(), token("demo", "mallory"));
        hostile.push(good.p99(WINDOW));
        seen.add(&attack.end());
    }
    (median(normal), median(hostile), seen)
}

fn connections(service: &Service) -> u64 {
    service.metrics().sum("tallymark_http_connections")
}

/// Whether clients of that kind have done what they are there for.
fn is_enough(kind: Kind, seen: &Seen, service: &Service) -> bool {
    match kind {
        Kind::ForgedTokens => seen.answered(401) >= 1_000,
        Kind::Flood => seen.answered(429) >= 1_000 && seen.answered(200) >= 100,
        Kind::Oversized => [400, 414, 431].iter().all(|status| seen.answered(*status) >= 50),
        Kind::Slowloris => {
            let name = "tallymark_http_connections_closed_total";
            seen.closed() >= 500 && service.metrics().with(name, "reason", "header_timeout") >= 500
        }
    }
}

#[test]
fn hostile_clients_disturb_nobody() {
    allow_descriptors(DESCRIPTORS);
    let nats = Nats::start();
    nats.publish("chat.demo.room.joined", r#"{"room":"lobby","users":["ann","bob","cid"]}"#);
    nats.publish("chat.demo.message.posted", r#"{"room":"lobby","message":"m1","sender":"ann"}"#);
    let mut settings = Settings::new(&nats, &["demo"]);
    settings.set("http.header_timeout_ms", "400");
    settings.set("http.user_requests_per_second", "500");
    settings.set("http.user_burst", "100");
    settings.set("log.filter", "\"warn,tallymark=info\"");
    let mut service = Service::start(settings);
    service.ready();
    // The service has all cores.
    stay_on_one_core();
    let address = service.public().server();
    let mut good = Good::new(address);
    good.p99(WINDOW);
    let before = resident(&service);

    let mut slow = Vec::new();
    // Looks until nobody is slow, and `look` has seen enough.
    let mut judge = |what: &str, look: &mut dyn FnMut() -> (Duration, Duration, bool)| {
        for number in 1..=LOOKS {
            let (normal, hostile, is_enough) = look();
            println!("{what}: p99 {normal:?} without, {hostile:?} with");
            let is_slow = hostile >= normal.max(NOISE) * TIMES;
            if !is_slow && is_enough {
                break;
            }
            if is_slow && number == LOOKS {
                slow.push(format!("{what}: p99 {hostile:?} instead of {normal:?}"));
            }
        }
    };
    for kind in Kind::ALL {
        let mut seen = Seen::default();
        judge(&format!("{kind:?}"), &mut || {
            let (normal, hostile, seen_now) = measure(&mut good, kind, &service);
            seen.add(&seen_now);
            (normal, hostile, is_enough(kind, &seen, &service))
        });
        println!("{kind:?}: {seen:?}");
        assert!(is_enough(kind, &seen, &service) && seen.only(kind.answers()), "{kind:?}: {seen:?}");
    }

    // Ten thousand that have asked once, and stay; and then all others at once as well. What is normal is looked at right before
    // and right after, for what else the machine does comes and goes.
    let bound = before + IDLE as u64 * BYTES_PER_CONNECTION + BYTES_BESIDES;
    judge("idle connections, and all others", &mut || {
        let normal = good.median_p99();
        let opening = Attack::idle(address);
        let while_opening = good.p99(WINDOW);
        let idle = opening.opened();
        let open = connections(&service);
        assert!(open >= IDLE as u64, "{open} connections are open");
        let with_idle = good.median_p99();
        let memory = resident(&service);
        assert!(memory < bound, "memory grew from {before} to {memory} bytes");
        let attacks = Kind::ALL.map(|kind| Attack::begin_quarter(kind, address, token("demo", "mallory")));
        let with_all = good.median_p99();
        for attack in attacks {
            attack.end();
        }
        let memory_of_all = resident(&service);
        assert!(memory_of_all < bound, "memory grew from {before} to {memory_of_all} bytes");
        println!(
            "opening {while_opening:?}, idle {with_idle:?}, all {with_all:?}; {memory} and {memory_of_all} bytes"
        );
        drop(idle);
        until("no more than the good ones' connections", || match connections(&service) {
            0..=100 => Ok(()),
            open => Err(open),
        });
        (normal.max(good.median_p99()), while_opening.max(with_idle).max(with_all), true)
    });

    assert_eq!(slow, Vec::<String>::new());
    assert_eq!(service.badge("demo", "bob", &[]).count, 1);
    assert_eq!(service.terminate().code, Some(0));
}
