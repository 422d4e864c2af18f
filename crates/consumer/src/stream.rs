//! What the server says of the streams, and their creation.

use async_nats::jetstream::context::{CreateStreamError, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info, StorageType};
use async_nats::jetstream::{Context, ErrorCode};
use store::{Position, StreamIdentity};

use crate::delivered::Delivered;
use crate::identity::{Found, StreamFacts};
use crate::raw::{self, RawError};

/// Why nothing could be learned about a stream, or it could not be created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("no description of stream {stream:?}: {error}")]
    Describe { stream: String, error: GetStreamError },
    #[error("stream {stream:?} can't be created: {error}")]
    Create { stream: String, error: CreateStreamError },
    #[error("stream {stream:?} was created at a time that is out of range")]
    Created { stream: String },
    #[error(transparent)]
    Raw(#[from] RawError),
}

/// The server's description of a stream; `None` if there is no such stream.
pub(crate) async fn describe(jetstream: &Context, stream: &str) -> Result<Option<Info>, StreamError> {
    match jetstream.get_stream(stream).await {
        Ok(found) => Ok(Some(found.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                Ok(None)
            }
            _ => Err(StreamError::Describe { stream: stream.to_owned(), error }),
        },
    }
}

/// What is to be known to say whether this is the stream that was counted up to that position.
pub(crate) async fn facts(
    jetstream: &Context,
    stream: &str,
    position: &Position,
) -> Result<StreamFacts, StreamError> {
    let Some(info) = describe(jetstream, stream).await? else { return Ok(StreamFacts::Missing) };
    let created_ns = i64::try_from(info.created.unix_timestamp_nanos())
        .map_err(|_| StreamError::Created { stream: stream.to_owned() })?;
    let (first_sequence, last_sequence) = (info.state.first_sequence, info.state.last_sequence);
    let applied = position.applied;
    let at_applied = if (first_sequence..=last_sequence).contains(&applied) && position.fingerprint.is_some()
    {
        raw::at(jetstream, stream, applied).await?
    } else {
        None
    };
    let next =
        if last_sequence > applied { raw::at_or_after(jetstream, stream, applied + 1).await? } else { None };
    Ok(StreamFacts::Found(Found {
        identity: StreamIdentity { name: stream.to_owned(), created_ns },
        first_sequence,
        last_sequence,
        at_applied: at_applied.as_ref().map(Delivered::fingerprint),
        next: next.map(|message| message.sequences.stream),
    }))
}

/// Creates a stream of these subjects if it is missing.
pub(crate) async fn create(jetstream: &Context, stream: String, subjects: String) -> Result<(), StreamError> {
    if describe(jetstream, &stream).await?.is_some() {
        return Ok(());
    }
    tracing::info!(stream, subjects, "creating the stream, as nats.create_stream says");
    let config = Config {
        name: stream.clone(),
        subjects: vec![subjects],
        storage: StorageType::File,
        ..Config::default()
    };
    jetstream.create_stream(config).await.map_err(|error| StreamError::Create { stream, error })?;
    Ok(())
}
