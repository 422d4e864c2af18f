//! The connection to the server.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, jetstream};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::error::ConsumerError;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::status::Status;
use crate::version::{OLDEST_SERVER, is_too_old};

/// Above one and a half times what is asked for at once, or messages would be dropped.
const SUBSCRIPTION_CAPACITY: usize = 65_536;
/// How long the server may take to answer that it is there.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);

/// How the connection stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Connection {
    /// How many connections were made so far.
    made: u64,
    is_up: bool,
}

/// A client that connects again by itself, for ever.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    connection: watch::Receiver<Connection>,
    servers: String,
}

impl Link {
    /// Begins to connect; a server that is away is waited for in [`up`](Self::up).
    pub(crate) async fn new(
        settings: &Settings,
        options: ConnectOptions,
        status: &Status,
        metrics: &Metrics,
    ) -> Result<Self, ConsumerError> {
        let servers = settings.shown_servers();
        let (sender, connection) = watch::channel(Connection::default());
        let options = options
            .name(format!("tallymark consumer of {}", settings.stream))
            .subscription_capacity(SUBSCRIPTION_CAPACITY)
            .retry_on_initial_connect()
            .event_callback(observer(sender, servers.clone(), status.clone(), metrics.clone()));
        status.connecting(format_args!("no connection to NATS at {servers} yet"));
        let failed = |error| ConsumerError::Servers { servers: servers.clone(), error };
        let client = options.connect(settings.servers.as_slice()).await.map_err(failed)?;
        let jetstream = jetstream::new(client.clone());
        Ok(Self { client, jetstream, connection, servers })
    }

    /// Waits for a connection to a server that is new enough.
    pub(crate) async fn up(&self) -> Result<Connection, ConsumerError> {
        let mut connection = self.connection.clone();
        let up = loop {
            let Ok(up) = connection.wait_for(|connection| connection.is_up).await.map(|up| *up) else {
                // The client ended, which it does only when its runtime does.
                return futures::future::pending().await;
            };
            // An answer means that the server's description is not that of the server before.
            if let Ok(Ok(())) = tokio::time::timeout(FLUSH_PATIENCE, self.client.flush()).await {
                break up;
            }
        };
        let found = self.client.server_info().version;
        if is_too_old(&found) {
            return Err(ConsumerError::ServerTooOld {
                servers: self.servers.clone(),
                found,
                oldest: OLDEST_SERVER,
            });
        }
        Ok(up)
    }

    /// Waits until there is a newer connection than this one.
    pub(crate) async fn replaced(&self, old: Connection) {
        let mut connection = self.connection.clone();
        if connection.wait_for(|connection| connection.made != old.made).await.is_err() {
            futures::future::pending::<()>().await;
        }
    }
}

/// Keeps account of what the client says about its connection.
fn observer(
    sender: watch::Sender<Connection>,
    servers: String,
    status: Status,
    metrics: Metrics,
) -> impl Fn(Event) -> futures::future::Ready<()> + Send + Sync + 'static {
    let last_error = Mutex::new(String::new());
    move |event| {
        match event {
            Event::Connected => {
                sender.send_modify(|connection| {
                    connection.made += 1;
                    connection.is_up = true;
                    if connection.made > 1 {
                        metrics.reconnects.inc();
                    }
                });
                status.set_connected(true);
                metrics.connected.set(1);
                last_error.lock().clear();
                tracing::info!(%servers, "connected to NATS");
            }
            Event::Disconnected => {
                sender.send_modify(|connection| connection.is_up = false);
                status.set_connected(false);
                metrics.connected.set(0);
                tracing::warn!(%servers, "connection to NATS lost");
            }
            // Only whoever asks for it: the client connects again for ever.
            Event::Closed => {
                sender.send_modify(|connection| connection.is_up = false);
                status.set_connected(false);
                tracing::debug!(%servers, "connection to NATS closed");
            }
            Event::ClientError(_) | Event::ServerError(_) => {
                let error = event.to_string();
                status.connecting(format_args!("NATS at {servers}: {error}"));
                let mut last_error = last_error.lock();
                // Connecting is tried every few seconds: one line is enough.
                if *last_error != error {
                    tracing::warn!(%servers, "{error}");
                    *last_error = error;
                }
            }
            Event::SlowConsumer(_) => {
                tracing::warn!("messages were dropped by the client; they will be read again");
            }
            Event::LameDuckMode | Event::Draining => {}
        }
        futures::future::ready(())
    }
}
