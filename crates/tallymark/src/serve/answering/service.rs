//! What `nats micro` finds: one service with its endpoints.

use std::collections::HashMap;

use anyhow::anyhow;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Service, ServiceExt as _};
use async_nats::{Client, jetstream};

use crate::settings::Nats;

const NAME: &str = "tallymark";
const DESCRIPTION: &str = "Exact unread counts of a chat's users";
/// The endpoints, and the last tokens of their subjects.
const BADGES: &str = "badges";
const WATCH: &str = "watch";

/// Where questions come in.
pub(super) struct Endpoints {
    pub(super) badges: Endpoint,
    pub(super) watch: Endpoint,
}

/// Makes the service known, and subscribes. All that have the same subject share its questions.
pub(super) async fn start(client: &Client, nats: &Nats) -> anyhow::Result<(Service, Endpoints)> {
    let begun = async {
        let metadata = HashMap::from([
            ("stream".to_owned(), nats.stream.clone()),
            ("subject_prefix".to_owned(), nats.subject_prefix.to_string()),
        ]);
        let service = client.service_builder().description(DESCRIPTION).metadata(metadata);
        let service = service.start(NAME, env!("CARGO_PKG_VERSION")).await?;
        let group = service.group(nats.subject_prefix.all_questions());
        let badges = group.endpoint_builder().name(BADGES).add(BADGES).await?;
        let watch = group.endpoint_builder().name(WATCH).add(WATCH).await?;
        Ok::<_, async_nats::Error>((service, Endpoints { badges, watch }))
    };
    begun.await.map_err(|error| anyhow!("the service {NAME} can't be made known: {error}"))
}

/// A stream that holds questions acknowledges them, and whoever asks takes that for the answer.
pub(super) async fn warn_of_streams(client: Client, nats: Nats) {
    // Answered once there is a connection.
    let _ = client.flush().await;
    let subject = format!("{}.>", nats.subject_prefix.all_questions());
    // Who may not look, does not know.
    if let Ok(stream) = jetstream::new(client).stream_by_subject(subject.as_str()).await {
        tracing::error!(
            stream,
            "the stream holds {subject}: whoever asks is answered by it, and not told any badge; \
             its subjects must be {} and the like",
            nats.subject_prefix.all_events()
        );
    }
}
