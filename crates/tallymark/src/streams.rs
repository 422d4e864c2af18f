//! Creating the streams, for development.

use anyhow::Context as _;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, StorageType};

use crate::settings::Nats;

/// Creates the stream of the events and the stream of the dead letters, each if it is missing.
pub(crate) async fn create(jetstream: &Context, nats: &Nats) -> anyhow::Result<()> {
    let Nats { stream, subject_prefix: prefix, .. } = nats;
    create_one(jetstream, stream.clone(), prefix.all_events()).await?;
    create_one(jetstream, format!("{stream}_DEAD"), prefix.all_dead_letters()).await
}

async fn create_one(jetstream: &Context, name: String, subjects: String) -> anyhow::Result<()> {
    match jetstream.get_stream(&name).await {
        Ok(_) => return Ok(()),
        Err(error) if is_missing(&error.kind()) => {}
        Err(error) => return Err(error).with_context(|| format!("can't look up stream {name:?}")),
    }
    let config = Config {
        name: name.clone(),
        subjects: vec![subjects.clone()],
        storage: StorageType::File,
        ..Config::default()
    };
    let created = jetstream.create_stream(config).await;
    created.with_context(|| format!("can't create stream {name:?} with subjects {subjects:?}"))?;
    Ok(())
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    use async_nats::jetstream::ErrorCode;
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}
