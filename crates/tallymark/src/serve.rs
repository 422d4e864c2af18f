//! `tallymark serve`: consumes and answers in one process.

mod activation;
mod answering;
mod asking;
mod audit;
mod before_time;
mod certificate;
pub(crate) mod convert;
mod descriptors;
mod fetch;
mod line;
mod live;
mod metrics;
mod operator;
mod reload;
mod tenants;

use std::num::NonZero;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;
use async_nats::ConnectOptions;
use consumer::{Duty, Stopped};
use query::{Admission, Cors, Front, Public, Server, Servers};
use store::{DataDir, Store};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::settings::{Origin, Settings};
use crate::{nats, service, signals};
use activation::Activations;
use answering::{Answerer, Answering};
use audit::Audit;
use certificate::Certificate;
use line::Line;
use live::Live;
use metrics::Metrics;
use reload::Reload;
use tenants::TenantMaker;

const NO_THREADS: &str = "the threads that answer requests can't be started";

/// What the parts of a running service share.
struct Service {
    settings: Settings,
    store_options: store::Options,
    consumer_settings: consumer::Settings,
    /// Held as long as the service runs, whichever generation is in use.
    data_dir: DataDir,
    live: Live,
    activations: Activations,
    metrics: metrics::Shared,
}

impl Service {
    /// What one more consumer needs.
    async fn consumer(&self) -> anyhow::Result<(consumer::Settings, ConnectOptions)> {
        let login = nats::with_login(&self.settings.nats, ConnectOptions::new()).await?;
        Ok((self.consumer_settings.clone(), login))
    }
}

/// Runs the service until SIGTERM or SIGINT. Both listeners answer from the start; badges are
/// refused until the store is loaded and the stream's events of that moment are counted.
pub(crate) async fn run(settings: Settings, origin: Origin) -> anyhow::Result<()> {
    let mut stop_requested = pin!(signals::stop_requested()?);
    let snapshots_requested = signals::snapshots_requested()?;
    let reloads_requested = signals::reloads_requested()?;
    let shared_metrics = metrics::Shared::new(SystemTime::now());
    let mut maker = TenantMaker::new(fetch::fetch(Handle::current()), shared_metrics.query());
    let tenants = maker.make(&settings)?;
    let certificate = Certificate::read(&settings.http)?;
    let operator_token = settings.http.read_operator_token()?;
    let store_options = convert::store_options(&settings)?;
    let consumer_settings = convert::consumer_settings(&settings)?;
    // A credentials file that can't be read is told before anything is begun.
    nats::with_login(&settings.nats, ConnectOptions::new()).await?;
    let data_dir = DataDir::open(&store_options.data_dir)?;
    let listener = bind("http.listen", settings.http.listen).await?;
    let operator_listener = bind("http.operator_listen", settings.http.operator_listen).await?;
    data_dir.announce(&service::address_of(operator_listener.local_addr()?))?;

    let Metrics { registry, store: store_metrics, consumer: consumer_metrics, query: query_metrics } =
        shared_metrics.of_a_line();
    let (audit_metrics, reload_metrics) = (shared_metrics.audit(), shared_metrics.reload());
    let muted_rooms = convert::muted_rooms(settings.policy.muted_rooms);
    let live = Live::new(registry, query_metrics.ready.clone(), (muted_rooms, settings.http.live_interval));
    let (line_id, status) = live.new_line();
    let (asked, mut activations_asked) = unbounded_channel();
    let service = Service {
        store_options,
        consumer_settings,
        data_dir,
        live,
        activations: Activations::new(asked),
        metrics: shared_metrics,
        settings,
    };
    tokio::spawn(forward_snapshots(snapshots_requested, service.live.clone()));

    let limits = service.settings.http.limits;
    descriptors::raise(limits.connections);
    let cors = Cors::new(&tenants);
    let front = Front {
        limits,
        tls: certificate.as_ref().map(Certificate::tls),
        cors: cors.clone(),
        metrics: query_metrics.clone(),
    };
    let token_capacity = service.settings.http.token_cache_entries;
    let admission = Admission::new(tenants, token_capacity, Arc::new(SystemTime::now), query_metrics.clone());
    let reload = Reload {
        origin,
        given: service.settings.given.clone(),
        maker,
        admission: admission.clone(),
        cors,
        certificate,
        metrics: reload_metrics,
    };
    tokio::spawn(reload.run(reloads_requested));
    tokio::spawn(admission.clone().keep_keys_fresh());
    let public = Public {
        admission,
        answers: service.live.answers(),
        muted_rooms,
        gate: service.live.gate(),
        arrivals: service.live.arrivals(),
        before_time: before_time::ask(service.live.clone()),
        min_seq_wait: service.settings.http.min_seq_wait,
        metrics: query_metrics,
        rates: convert::rates(&service.settings.http.rates, Instant::now()),
        hub: service.live.hub(),
        live: service.settings.http.live,
    };
    let answering = answer_over_nats(&service, &public)?;
    let public = query::public_routes(public);
    tokio::spawn(service.live.hub().run());
    tokio::spawn(service.live.arrivals().wake(service.live.answers()));
    let operator = query::operator_routes(operator::routes(&service, operator_token));
    let (stop_public, public_stopped) = watch::channel(());
    let (stop_operator, operator_stopped) = watch::channel(());
    let public = Server::start(public, front, available_parallelism().unwrap_or(NonZero::<usize>::MIN));
    let public = public.context(NO_THREADS)?.serve(listener, dropped(public_stopped));
    let operator = Server::start(operator, limits, NonZero::<usize>::MIN);
    let operator = operator.context(NO_THREADS)?.serve(operator_listener, dropped(operator_stopped));
    let (public, operator) = (tokio::spawn(public), tokio::spawn(operator));
    tokio::spawn(take_memory_back());

    let starting = status.clone();
    let (data_dir, options) = (service.data_dir.clone(), service.store_options.clone());
    let opened = tokio::task::spawn_blocking(move || {
        Store::open_in(data_dir, &options, &store_metrics, &|what| starting.starting(what))
    });
    let (store, counters) = tokio::select! {
        opened = opened => opened.context("the store's loading ended unexpectedly")??,
        () = &mut stop_requested => interrupted(service.data_dir.path()),
    };
    tracing::info!(
        generation = store.generation(),
        applied_sequence = counters.applied(),
        rooms = counters.room_count(),
        users = counters.user_count(),
        memberships = counters.membership_count(),
        digest = %store.digest(),
        "store loaded"
    );
    let its_consumer = service.consumer().await?;
    let mut line =
        Line::start((line_id, status), its_consumer, (store, counters), consumer_metrics, Duty::Live);
    service.live.adopt(line.face(), None);
    if service.settings.audit.users > 0 {
        let audit = Audit {
            nats: service.settings.nats.clone(),
            settings: service.settings.audit.clone(),
            options: service.store_options.clone(),
            live: service.live.clone(),
            metrics: audit_metrics,
            random: fastrand::Rng::new(),
        };
        audit.start().context("the thread of the audit can't be started")?;
    }

    let ended = loop {
        tokio::select! {
            biased;
            () = &mut stop_requested => break None,
            ended = line.ended() => break Some(ended),
            prepared = activation::next(&service, &mut activations_asked) => {
                line = prepared.take_place_of(line, &service).await;
            }
        }
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            // Requests stop first, so that nobody is refused for the sake of a commit.
            tracing::info!("stopping: no new requests, then a last commit");
            // Live badges would never be finished.
            service.live.hub().close();
            drop(stop_public);
            // Both end by themselves, after their grace at the latest.
            let _ = tokio::join!(public, async {
                if let Some(answering) = answering {
                    answering.stop().await;
                }
            });
            line.stop().await
        }
    };
    drop(stop_operator);
    let _ = operator.await;
    let Stopped { durable_sequence } = ended?;
    tracing::info!(durable_sequence, "stopped");
    Ok(())
}

/// If the operator wants that.
fn answer_over_nats(service: &Service, public: &Public) -> anyhow::Result<Option<Answering>> {
    let Settings { nats, http, .. } = &service.settings;
    if !nats.answer_questions {
        return Ok(None);
    }
    let answerer = Answerer {
        nats: nats.clone(),
        servers: Servers::new(public.clone()),
        hub: public.hub.clone(),
        metrics: service.metrics.answering(),
        grace: http.limits.shutdown_grace,
    };
    Answering::start(answerer).map(Some).context("the thread that answers over NATS can't be started")
}

/// As long as the service runs.
async fn forward_snapshots(mut requested: UnboundedReceiver<()>, live: Live) {
    while requested.recv().await.is_some() {
        if live.snapshot().is_none() {
            tracing::warn!("no snapshot is written: the store is not open yet");
        }
    }
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

/// As long as the service runs, on whichever of its threads has nothing else to do.
async fn take_memory_back() {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        allocator::take_back();
    }
}
