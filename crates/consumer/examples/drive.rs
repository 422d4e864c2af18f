//! drive
use std::time::{Duration, SystemTime};
fn env(n: &str) -> Option<String> {
    std::env::var(n).ok()
}
#[tokio::main]
async fn main() {
    tracing_subscriber::fmt()
        .with_env_filter(env("LOG").unwrap_or("info,async_nats=warn".into()))
        .with_writer(std::io::stderr)
        .init();
    let dir = env("DIR").unwrap();
    let (store, counters) = store::Store::open(
        &store::Options {
            data_dir: dir.into(),
            policies: counters::Policies::default(),
            id_cache_bytes: 256 << 20,
            sled_cache_bytes: 4 << 20,
        },
        &store::Metrics::default(),
    )
    .unwrap();
    let durable = store.durable();
    let reader = counters.reader();
    let status = consumer::Status::new(|r| eprintln!("READY {r}"));
    let metrics = consumer::Metrics::default();
    let mut registry = prometheus_client::registry::Registry::with_prefix("tallymark");
    metrics.register(&mut registry);
    let settings = consumer::Settings {
        servers: vec![env("URL").unwrap().parse().unwrap()],
        credentials: None,
        stream: "CHAT".into(),
        subject_prefix: events::Prefix::new("chat").unwrap(),
        create_stream: env("CREATE").is_some(),
        allow_restored_stream: env("RESTORED").is_some(),
        accepted_gaps: env("GAPS")
            .map(|g| {
                let (a, b) = g.split_once('-').unwrap();
                vec![consumer::Gap { first: a.parse().unwrap(), last: b.parse().unwrap() }]
            })
            .unwrap_or_default(),
        commit_interval: Duration::from_millis(250),
        pending_bytes: 64 << 20,
        identity_check_interval: Duration::from_millis(
            env("CHECK").and_then(|c| c.parse().ok()).unwrap_or(2000),
        ),
    };
    let until: Option<u64> = env("UNTIL").and_then(|u| u.parse().ok());
    let secs: u64 = env("SECS").and_then(|u| u.parse().ok()).unwrap_or(3600);
    let start = std::time::Instant::now();
    let st = status.clone();
    let d2 = durable.clone();
    let shutdown = async move {
        let mut last = String::new();
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let s = st.snapshot(SystemTime::now());
            let line = format!(
                "{:?} connected={} lag={} applied={} paused={:?}",
                s.not_ready,
                s.is_connected,
                s.lag_events,
                st.applied(),
                s.paused.is_some()
            );
            if line != last && until.is_none() {
                eprintln!("{:6.2} {line}", start.elapsed().as_secs_f64());
                last = line;
            }
            if until.is_some_and(|u| d2.sequence() >= u) {
                return;
            }
            if start.elapsed().as_secs() >= secs {
                return;
            }
        }
    };
    let result = consumer::run(settings, store, counters, status, metrics, shutdown).await;
    eprintln!(
        "{:6.2} END {result:?} durable={} badge={:?}",
        start.elapsed().as_secs_f64(),
        durable.sequence(),
        reader.badge("demo", "bob", &[], counters::MutedRooms::Count)
    );
    if let Err(e) = &result {
        eprintln!("{e}");
    }
    if env("METRICS").is_some() {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for l in text.lines().filter(|l| !l.starts_with('#') && !l.ends_with(" 0")) {
            eprintln!("{l}");
        }
    }
}
