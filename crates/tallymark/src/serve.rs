//! `tallymark serve`: consumes and answers in one process.

mod convert;

use std::num::NonZero;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use async_nats::ConnectOptions;
use consumer::{ConsumerError, Requests, Status, Stopped};
use prometheus_client::registry::Registry;
use query::{Gate, Operator, Public, Server};
use store::{DataDir, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::nats;
use crate::settings::Settings;
use crate::signals;

const NO_THREADS: &str = "the threads that answer requests can't be started";

/// The parts that count what they do, under one registry.
struct Metrics {
    registry: Registry,
    store: store::Metrics,
    consumer: consumer::Metrics,
    query: query::Metrics,
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("tallymark");
        let (store, consumer, query) =
            (store::Metrics::default(), consumer::Metrics::default(), query::Metrics::new());
        store.register(&mut registry);
        consumer.register(&mut registry);
        query.register(&mut registry);
        Self { registry, store, consumer, query }
    }
}

/// Runs the service until SIGTERM or SIGINT. Both listeners answer from the start; badges are
/// refused until the store is loaded and the stream's events of that moment are counted.
pub(crate) async fn run(settings: Settings) -> anyhow::Result<()> {
    let stop_requested = signals::stop_requested()?;
    let snapshots_requested = signals::snapshots_requested()?;
    let tenants = convert::tenants(&settings)?;
    let options = convert::store_options(&settings)?;
    let consumer_settings = convert::consumer_settings(&settings)?;
    let login = nats::with_login(&settings.nats, ConnectOptions::new()).await?;
    let data_dir = DataDir::open(&options.data_dir)?;
    let listener = bind("http.listen", settings.http.listen).await?;
    let operator_listener = bind("http.operator_listen", settings.http.operator_listen).await?;

    let Metrics { registry, store: store_metrics, consumer: consumer_metrics, query: query_metrics } =
        Metrics::new();
    let reader = Arc::new(OnceLock::new());
    let gate = Gate::new();
    let announced = gate.clone();
    let status = Status::new(move |is_ready| if is_ready { announced.open() } else { announced.close() });

    let public = query::public_router(Public {
        tenants,
        reader: reader.clone(),
        muted_rooms: convert::muted_rooms(settings.policy.muted_rooms),
        gate,
        token_capacity: settings.http.token_cache_entries,
        clock: Arc::new(SystemTime::now),
        metrics: query_metrics,
    });
    let (asked, asked_too) = (status.clone(), status.clone());
    let operator = query::operator_router(Operator {
        readiness: Arc::new(move || convert::readiness(asked.snapshot(SystemTime::now()))),
        status: Arc::new(move || convert::status(&asked_too)),
        registry: Arc::new(registry),
    });
    let limits = convert::limits(&settings.http);
    let (stop_public, public_stopped) = watch::channel(());
    let (stop_operator, operator_stopped) = watch::channel(());
    let public = Server::start(&public, limits, available_parallelism().unwrap_or(NonZero::<usize>::MIN));
    let public = public.context(NO_THREADS)?.serve(listener, dropped(public_stopped));
    let operator = Server::start(&operator, limits, NonZero::<usize>::MIN);
    let operator = operator.context(NO_THREADS)?.serve(operator_listener, dropped(operator_stopped));
    let (public, operator) = (tokio::spawn(public), tokio::spawn(operator));
    tokio::spawn(give_memory_back());

    let starting = status.clone();
    let path = options.data_dir.clone();
    let opened = tokio::task::spawn_blocking(move || {
        Store::open_in(data_dir, &options, &store_metrics, &|what| starting.starting(what))
    });
    let mut stop_requested = pin!(stop_requested);
    let (store, counters) = tokio::select! {
        opened = opened => opened.context("the store's loading ended unexpectedly")??,
        () = &mut stop_requested => interrupted(&path),
    };
    // Nobody else sets it.
    let _ = reader.set(counters.reader());
    tracing::info!(
        generation = store.generation(),
        applied_sequence = counters.applied(),
        rooms = counters.room_count(),
        users = counters.user_count(),
        memberships = counters.membership_count(),
        digest = %store.digest(),
        "store loaded"
    );

    // Requests stop first, so that nobody is refused for the sake of a commit.
    let shutdown = async {
        stop_requested.await;
        tracing::info!("stopping: no new requests, then a last commit");
        drop(stop_public);
        // The server ends by itself, after its grace at the latest.
        let _ = public.await;
    };
    let requests = Requests { shutdown, snapshots: snapshots_requested };
    let ended =
        consumer::run(consumer_settings, login, store, counters, status, consumer_metrics, requests).await;
    drop(stop_operator);
    let _ = operator.await;
    finished(ended)
}

/// Opening a store can't be broken off, but it can be left: what is half done then, the next start
/// clears away.
fn interrupted(data_dir: &Path) -> ! {
    tracing::info!("stopped before the store was open");
    if let Err(error) = store::opening_interrupted(data_dir) {
        tracing::warn!(%error, "the next start takes this for an opening that failed");
    }
    std::process::exit(0);
}

fn finished(ended: Result<Stopped, ConsumerError>) -> anyhow::Result<()> {
    let Stopped { durable_sequence } = ended?;
    tracing::info!(durable_sequence, "stopped");
    Ok(())
}

async fn bind(setting: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("can't listen on {address} ({setting})"))?;
    tracing::info!(address = %listener.local_addr()?, "listening: {setting}");
    Ok(listener)
}

/// Ready when the sender is dropped.
async fn dropped(mut receiver: watch::Receiver<()>) {
    // Nothing is ever sent.
    let _ = receiver.changed().await;
}

/// As long as the service runs.
async fn give_memory_back() {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        allocator::give_back();
    }
}
