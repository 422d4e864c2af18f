//! The archive of a real chat, counted while the service is killed again and again.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use oracle::{Filter, Policies};
use tests::{Nats, Program, Recount, Service, Settings, real_chat};

const TENANT: &str = "lean";

#[test]
fn everybodys_badge_is_right_after_kills() {
    let Some(lines) = real_chat() else {
        println!("SKIPPED: the archive of the real chat does not lie beside the repository");
        return;
    };
    let total = lines.lines().count() as u64;
    let nats = Nats::start();
    let mut settings = Settings::new(&nats, &[TENANT]);
    // So that there are many commits to be killed in, also while catching up.
    settings.set("store.pending_bytes", "1048576");
    let mut service = Service::start(settings);
    let publisher = tests::home();
    service.settings.write(&publisher.path().join("tallymark.toml"));
    let arguments = ["publish", "--config", "tallymark.toml", "-"];
    let (publishing, mut pipe) = Program::start_with_pipe(publisher.path(), &arguments);

    // The last lines are held back, so that no kill can come too late.
    let (front, back) = lines.as_bytes().split_at(lines.len() * 4 / 5);
    let mut went_on_from = Vec::new();
    thread::scope(|scope| {
        let fed = scope.spawn(|| pipe.write_all(front));
        for percent in [20, 40, 60] {
            service.applied(total * percent / 100);
            service.kill();
            service.restart();
            went_on_from.push(service.loaded());
        }
        fed.join().unwrap().unwrap();
    });
    assert!(went_on_from.is_sorted() && went_on_from[2] > 0, "no kill was survived: {went_on_from:?}");
    pipe.write_all(back).unwrap();
    drop(pipe);

    let mut recount = Recount::new(Policies::default());
    recount.hear_lines(&lines);
    let published = publishing.finish();
    assert_eq!(published.code, Some(0), "{}", published.printed);
    service.applied(total);
    service.ready();

    let tags: Vec<&str> = recount.tags(TENANT).into_iter().take(10).map(|(tag, _)| tag).collect();
    let pairs =
        tags.iter().enumerate().flat_map(|(place, one)| tags[..place].iter().map(|other| vec![*one, *other]));
    let pairs = pairs.filter(|pair| recount.rooms_with(TENANT, pair) > 0).take(10);
    let mut tag_sets = vec![vec![]];
    tag_sets.extend(tags.iter().map(|tag| vec![*tag]));
    tag_sets.extend(pairs);
    assert_eq!((recount.users(TENANT).len(), tag_sets.len()), (881, 21));
    let sum = recount.check(&service, TENANT, &[], &tag_sets);
    assert!(sum > 1_000_000, "hardly anything is unread: {sum}");

    let filters = [
        Filter::default(),
        Filter { tags: &tags[..3], any: true, not: &[] },
        Filter { tags: &tags[..1], any: false, not: &tags[1..2] },
    ];
    recount.check_family(&service, TENANT, &[], &filters);
    let users: Vec<&str> = recount.users(TENANT).into_iter().step_by(20).collect();
    let times = recount.times(TENANT, 8);
    let lists = [&[][..], &tags[..3]];
    let before = recount.check_before_times(&service, (TENANT, &users), &lists, &times);
    assert!(before.unread > 100 && before.too_old == 0, "{before:?}");

    let ended = service.terminate();
    assert_eq!(ended.code, Some(0), "{}", ended.printed);
    let started = Instant::now();
    service.restart();
    service.ready();
    assert!(started.elapsed() < Duration::from_secs(20), "ready only after {:?}", started.elapsed());
    assert_eq!(service.metrics().sum("tallymark_events_total"), 0, "events were counted again");
    recount.check(&service, TENANT, &[], &tag_sets[..3]);
}
