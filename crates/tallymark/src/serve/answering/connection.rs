//! The connection over which questions come.

use anyhow::anyhow;
use async_nats::{Client, ConnectOptions, Event};
use parking_lot::Mutex;

use super::metrics::Metrics;
use crate::nats::with_login;
use crate::settings::Nats;

/// Questions that the connection has read and nobody has looked at. They are looked at at once; what is read together
/// is bounded by what the system buffers.
const SUBSCRIPTION_CAPACITY: usize = 16_384;

/// Begins to connect, and goes on connecting by itself for ever.
pub(super) async fn connect(nats: &Nats, metrics: &Metrics) -> anyhow::Result<Client> {
    let options = ConnectOptions::new()
        .name(format!("tallymark answers for {}", nats.stream))
        .subscription_capacity(SUBSCRIPTION_CAPACITY)
        .client_capacity(SUBSCRIPTION_CAPACITY)
        .retry_on_initial_connect()
        .event_callback(observer(nats.url.to_string(), metrics.clone()));
    let options = with_login(nats, options).await?;
    let client = options.connect(nats.url.addresses()).await;
    // The library's message holds that of its source.
    client.map_err(|error| anyhow!("can't connect to NATS at {} (nats.url): {error}", nats.url))
}

/// Tells what the client says about its connection.
fn observer(
    servers: String,
    metrics: Metrics,
) -> impl Fn(Event) -> std::future::Ready<()> + Send + Sync + 'static {
    let last_error = Mutex::new(String::new());
    move |event| {
        match event {
            Event::Connected => {
                metrics.connected(true);
                last_error.lock().clear();
                tracing::info!(%servers, "connected to NATS for questions");
            }
            Event::Disconnected | Event::Closed => {
                metrics.connected(false);
                tracing::warn!(%servers, "connection to NATS for questions lost");
            }
            // Also that this user may not subscribe.
            Event::ClientError(_) | Event::ServerError(_) => {
                let error = event.to_string();
                let mut last_error = last_error.lock();
                // Connecting is tried every few seconds: one line is enough.
                if *last_error != error {
                    tracing::warn!(%servers, "questions over NATS: {error}");
                    *last_error = error;
                }
            }
            Event::SlowConsumer(_) => metrics.dropped(),
            Event::LameDuckMode | Event::Draining => {}
        }
        std::future::ready(())
    }
}
