//! The programs in docs/examples, run against a real service with a real history.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use oracle::Filter;
use oracle::history::{TENANTS, Variant};
use tempfile::TempDir;
use tests::{Nats, PATIENCE, Recount, Service, Settings, example, home, token, until};
use xtask::{Process, Tool};

use crate::random_histories::{full_history, messages, settings};

const LENGTH: usize = 2_000;
const TENANT: &str = TENANTS[0];

/// The programs, ready to run.
struct Examples {
    home: TempDir,
}

/// One that runs. What it prints is in a file, so that it can be looked at before it ends.
struct Running {
    process: Process,
    home: TempDir,
}

const ALL: [&str; 4] = ["curl.sh", "fetch.mjs", "axios.mjs", "ask"];
/// Those that follow a live badge.
const LIVE: [&str; 3] = ["curl.sh", "fetch.mjs", "ask"];

impl Examples {
    fn new() -> Self {
        let home = home();
        let from = xtask::root().join("docs/examples");
        for name in ["curl.sh", "fetch.mjs", "axios.mjs", "package.json"] {
            fs::copy(from.join(name), home.path().join(name)).unwrap();
        }
        let packages =
            xtask::node_modules(&from.join("package.json")).unwrap_or_else(|error| panic!("{error}"));
        std::os::unix::fs::symlink(packages.join("node_modules"), home.path().join("node_modules")).unwrap();
        Self { home }
    }

    fn start(&self, name: &str, service: &Service, token: &str, arguments: &[&str]) -> Running {
        let mut command = match name {
            "ask" => Command::new(example()),
            "curl.sh" => Command::new("bash"),
            _ => Command::new(Tool::NODE.find_or_install().unwrap()),
        };
        if name != "ask" {
            command.arg(name);
        }
        command.args(arguments).current_dir(self.home.path()).stdin(Stdio::null());
        command.env("BADGE_URL", format!("http://{}", service.public().server()));
        command.env("BADGE_CLIENT_KEY", format!("{TENANT}-client-key")).env("BADGE_TOKEN", token);
        let home = home();
        let process = Process::start("an example", &mut command, &home.path().join("printed")).unwrap();
        Running { process, home }
    }

    /// What one prints as that user, which must end well.
    #[track_caller]
    fn run(&self, name: &str, service: &Service, user: &str, arguments: &[&str]) -> String {
        self.start(name, service, &token(TENANT, user), arguments).ends(name, true)
    }
}

impl Running {
    fn printed(&self) -> String {
        fs::read_to_string(self.home.path().join("printed")).unwrap()
    }

    /// The badges among that; what goes wrong on the way is said there too.
    fn numbers(&self) -> Vec<String> {
        let printed = self.printed();
        printed.lines().filter(|line| line.parse::<u64>().is_ok()).map(str::to_owned).collect()
    }

    /// Waits for its end, which is as expected; returns what it printed.
    #[track_caller]
    fn ends(mut self, name: &str, well: bool) -> String {
        let ended = self.process.wait(PATIENCE).unwrap();
        assert_eq!(ended.map(|status| status.success()), Some(well), "{name}: {}", self.printed());
        self.printed()
    }
}

fn post(nats: &Nats, room: &str, message: &str) -> u64 {
    let subject = format!("chat.{TENANT}.message.posted");
    nats.publish(&subject, format!(r#"{{"room":"{room}","message":"{message}","sender":"somebody"}}"#))
}

fn join(nats: &Nats, room: &str, user: &str) -> u64 {
    nats.publish(&format!("chat.{TENANT}.room.joined"), format!(r#"{{"room":"{room}","users":["{user}"]}}"#))
}

#[test]
fn ask_as_the_judge_counts() {
    let history = full_history(31, LENGTH, Variant::Default);
    let nats = Nats::start();
    let mut service = Service::start(settings(&nats, &history));
    let mut recount = Recount::new(history.policies);
    nats.publish_all(messages(&history));
    history.events.iter().for_each(|(event, _)| recount.hear(event));
    service.applied(nats.last_sequence(Nats::STREAM));
    service.ready();
    let examples = Examples::new();
    // Somebody of whose badge these tags leave a part.
    let users = recount.users(TENANT);
    let sets = [["a", "b"], ["a", "c"], ["b", "c"], ["a", "a"], ["b", "b"], ["c", "c"]];
    let counts =
        |user: &str, tags: &[&str]| recount.badge(TENANT, user, Filter { tags, ..Filter::default() });
    let mut pairs = sets.iter().flat_map(|tags| users.iter().map(move |user| (*user, tags)));
    let (user, tags) =
        pairs.find(|(user, tags)| (1..counts(user, &[])).contains(&counts(user, *tags))).unwrap();
    let (all, tagged) = (counts(user, &[]), counts(user, tags));
    for name in ALL {
        assert_eq!(examples.run(name, &service, user, &["badge"]), format!("{all}\n"), "{name}");
        assert_eq!(
            examples.run(name, &service, user, &["badge", tags[0], tags[1]]),
            format!("{tagged}\n"),
            "{name}"
        );
        assert_eq!(examples.run(name, &service, user, &["badge", "très urgent&"]), "0\n", "{name}");
        assert_eq!(
            examples.run(name, &service, user, &["again", "2"]),
            format!("{all}\nunchanged\n"),
            "{name}"
        );
        let refused = examples.start(name, &service, "forged", &["badge"]).ends(name, false);
        assert!(refused.contains("401"), "{name}: {refused}");
    }

    // An event is in the first answer that has to have it in, be it under way or not yet sent.
    join(&nats, "of its own", "newcomer");
    for (number, name) in ALL.iter().enumerate() {
        let sequence = post(&nats, "of its own", &format!("m{number}"));
        let after = examples.run(name, &service, "newcomer", &["after", &sequence.to_string()]);
        assert_eq!(after, format!("{}\n", number + 1), "{name}");
        let next = (sequence + 1).to_string();
        let waiting = examples.start(name, &service, &token(TENANT, "newcomer"), &["after", &next]);
        thread::sleep(Duration::from_secs(4));
        assert_eq!(waiting.numbers(), [""; 0], "{name} did not wait");
        nats.publish(&format!("chat.{TENANT}.room.tagged"), r#"{"room":"of its own","tags":[]}"#);
        assert_eq!(
            waiting.ends(name, true).lines().last(),
            Some((number + 1).to_string().as_str()),
            "{name}"
        );
    }
}

#[test]
fn wait_as_they_are_told() {
    let mut nats = Nats::start();
    let mut set = Settings::new(&nats, &[TENANT]);
    // One request, and another one a second later.
    set.set("http.user_requests_per_second", "1");
    set.set("http.user_burst", "1");
    join(&nats, "r", "ann");
    post(&nats, "r", "m");
    nats.kill();
    let mut service = Service::start(set);
    let examples = Examples::new();
    // Counts that are not ready.
    let waiting = ALL.map(|name| {
        let user = format!("someone with {name}");
        (name, examples.start(name, &service, &token(TENANT, &user), &["badge"]))
    });
    thread::sleep(Duration::from_secs(3));
    for (name, running) in &waiting {
        assert_eq!(running.numbers(), [""; 0], "{name}: {}", running.printed());
    }
    nats.restart();
    service.ready();
    for (name, running) in waiting {
        assert_eq!(running.ends(name, true).lines().last(), Some("0"), "{name}");
    }
    // Too many requests.
    for name in ALL {
        let refused = service.metrics().sum("tallymark_http_rate_limited_total");
        until("a request too many", || match service.ask(TENANT, "ann", &[]).status {
            429 => Ok(()),
            status => Err(status),
        });
        let begun = Instant::now();
        let printed = examples.run(name, &service, "ann", &["badge"]);
        assert_eq!(printed.lines().last(), Some("1"), "{name}: {printed}");
        assert!(
            service.metrics().sum("tallymark_http_rate_limited_total") > refused + 1,
            "{name} was not refused"
        );
        assert!(begun.elapsed() < Duration::from_secs(15), "{name} waited longer than it was told");
    }
}

#[test]
fn follow_a_badge_through_a_crash() {
    let nats = Nats::start();
    let mut service = Service::start(Settings::new(&nats, &[TENANT]));
    join(&nats, "r", "ann");
    post(&nats, "r", "m1");
    service.applied(nats.last_sequence(Nats::STREAM));
    service.ready();
    let examples = Examples::new();
    let running =
        LIVE.map(|name| (name, examples.start(name, &service, &token(TENANT, "ann"), &["live", "3"])));
    let all_print = |printed: &str| {
        for (name, running) in &running {
            until(&format!("{name} to print"), || match running.printed() {
                found if found == printed => Ok(()),
                found => Err(format!("{found:?}, expected {printed:?}")),
            });
        }
    };
    all_print("1\n");
    post(&nats, "r", "m2");
    all_print("1\n2\n");

    // The same port, so that they find it again; and what they missed.
    let address = service.public().server();
    service.kill();
    service.settings.set("http.listen", &format!("\"{address}\""));
    post(&nats, "r", "m3");
    service.restart();
    for (name, running) in running {
        let printed = running.ends(name, true);
        let numbers: Vec<&str> = printed.lines().filter(|line| line.parse::<u64>().is_ok()).collect();
        assert_eq!(numbers, ["1", "2", "3"], "{name}: {printed}");
    }
}
