//! Alerts and dashboard ask for metrics that the service has, with the labels that those have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use tests::{Nats, Service, Settings, until};

/// The labels of each name, with the values that were seen.
type Exported = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Given by Prometheus to whatever it scrapes.
const TARGET_LABELS: [&str; 2] = ["job", "instance"];

/// What a scrape gets, from lines such as `name{label="value",…} 1`.
fn exported(text: &str) -> Exported {
    let mut exported = Exported::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let found = exported.entry(name.to_owned()).or_default();
        for label in labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()) {
            let (label, value) = label.split_once('=').expect("a label has a value");
            found.entry(label.to_owned()).or_default().insert(value.trim_matches('"').to_owned());
        }
    }
    exported
}

/// What a file asks for and the service does not have. Any word that begins like a metric is taken for one.
fn unknown(file: &str, exported: &Exported) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    for (place, _) in file.match_indices("tallymark_") {
        let rest = &file[place..];
        let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        let Some(labels) = exported.get(name) else {
            unknown.insert(name.to_owned());
            continue;
        };
        let matchers = after.strip_prefix('{').and_then(|after| after.split_once('}'));
        for matcher in matchers.map_or("", |(matchers, _)| matchers).split(',').map(str::trim) {
            let Some((label, value)) = matcher.split_once(['=', '!']) else { continue };
            let is_of_target = TARGET_LABELS.contains(&label);
            match labels.get(label) {
                None if !is_of_target => unknown.insert(format!("{name}{{{label}}}")),
                Some(values) if !names_any(value, values) => unknown.insert(format!("{name}{{{matcher}}}")),
                Some(_) | None => false,
            };
        }
    }
    unknown
}

/// Whether a matcher's value, without its first sign, names only values that there are: `"a"`, `~"a|b"`.
fn names_any(value: &str, values: &BTreeSet<String>) -> bool {
    let value = value.trim_start_matches(['=', '~']).replace('\\', "");
    value.trim_matches('"').split('|').all(|value| values.contains(value))
}

/// The labels that a `by (…)` or `on (…)` sums or matches by, and no metric has.
fn unknown_labels(file: &str, exported: &Exported) -> BTreeSet<String> {
    let mut known: BTreeSet<&str> = exported.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
    known.extend(TARGET_LABELS);
    let lists = [" by (", " on ("].into_iter().flat_map(|word| file.split(word).skip(1));
    let labels = lists.filter_map(|rest| rest.split(')').next()).flat_map(|list| list.split(','));
    labels
        .map(str::trim)
        .filter(|label| !label.is_empty() && !known.contains(label))
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn check(path: &str, exported: &Exported) {
    let file = fs::read_to_string(xtask::root().join(path)).unwrap();
    assert!(file.contains("tallymark_applied_sequence"), "{path} asks for something else");
    let mut missing = unknown(&file, exported);
    missing.extend(unknown_labels(&file, exported));
    assert!(missing.is_empty(), "{path} asks for what the service does not have: {missing:?}");
}

#[test]
fn alerts_and_dashboard_ask_for_what_there_is() {
    let nats = Nats::start();
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    let exported = exported(service.metrics().text());
    check("deploy/prometheus/alerts.yaml", &exported);
    check("deploy/prometheus/alerts_test.yaml", &exported);
    check("deploy/grafana/tallymark.json", &exported);
}

/// Waits until `ready` and `connected` are that.
#[track_caller]
fn says(service: &Service, expected: [u64; 2]) {
    until(&format!("ready and connected {expected:?}"), || {
        let metrics = service.metrics();
        let found = ["tallymark_ready", "tallymark_connected"].map(|name| metrics.sum(name));
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

#[test]
fn whether_badges_are_given_out_and_grow_old_is_told() {
    let mut nats = Nats::start();
    let mut service = Service::start(Settings::new(&nats, &["demo"]));
    service.ready();
    says(&service, [1, 1]);
    let started = |service: &Service| service.metrics().text().lines().find_map(start_time).unwrap();
    let first = started(&service);
    nats.kill();
    says(&service, [1, 0]);
    service.kill();
    service.restart();
    says(&service, [0, 0]);
    assert!(started(&service) > first);
    nats.restart();
    says(&service, [1, 1]);

    nats.delete_stream(Nats::STREAM);
    until("a fence", || match service.metrics().with("tallymark_fenced", "reason", "deleted") {
        1 => Ok(()),
        _ => Err(service.metrics().text().to_owned()),
    });
    says(&service, [0, 1]);
}

fn start_time(line: &str) -> Option<f64> {
    line.strip_prefix("tallymark_start_time_seconds ")?.parse().ok()
}

#[test]
fn what_is_not_there_is_found() {
    let exported = exported(
        "# TYPE tallymark_a counter\ntallymark_a_total{reason=\"x\"} 0\ntallymark_a_total{reason=\"y\"} 1\ntallymark_b 2\n# EOF\n",
    );
    let check = |query: &str, expected: &[&str]| {
        let mut found = unknown(query, &exported);
        found.extend(unknown_labels(query, &exported));
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{query}");
    };
    check("sum by (reason) (rate(tallymark_a_total[5m])) > tallymark_b", &[]);
    check("tallymark_a_total{job=\"tallymark\", reason=~\"x|y\", instance=~\"$instance\"}", &[]);
    check(r#"{"expr": "tallymark_a_total{reason!=\"x\"}"}"#, &[]);
    check("tallymark_a > tallymark_b_total", &["tallymark_a", "tallymark_b_total"]);
    check("tallymark_a_total{reson=\"x\"}", &["tallymark_a_total{reson}"]);
    check("tallymark_a_total{reason=~\"x|z\"}", &["tallymark_a_total{reason=~\"x|z\"}"]);
    check("sum by (reson) (tallymark_a_total) + on (job, instances) tallymark_b", &["instances", "reson"]);
}
