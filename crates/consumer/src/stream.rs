//! What the server says of the streams, and their creation.

use async_nats::jetstream::context::{CreateStreamError, GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Info, StorageType};
use async_nats::jetstream::{Context, ErrorCode};
use events::Prefix;

use crate::raw::RawError;

/// Why nothing could be learned about a stream, or it could not be created.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The server did not describe the stream.
    #[error("no description of stream {stream:?}: {error}")]
    Describe {
        /// The stream.
        stream: String,
        /// What came instead.
        error: GetStreamError,
    },
    /// The server did not create the stream.
    #[error("stream {stream:?} can't be created: {error}")]
    Create {
        /// The stream.
        stream: String,
        /// What came instead.
        error: CreateStreamError,
    },
    /// The server's time of creation is no time that can be compared.
    #[error("stream {stream:?} was created at a time that is out of range")]
    Created {
        /// The stream.
        stream: String,
    },
    /// One message could not be read.
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

/// The stream that malformed events of `stream` are copied to.
pub fn dead_letter_stream(stream: &str) -> String {
    format!("{stream}_DEAD")
}

/// Creates the stream of the events and the stream of the dead letters, each if it is missing:
/// what `nats.create_stream` asks for.
pub async fn create_streams(jetstream: &Context, stream: &str, prefix: &Prefix) -> Result<(), StreamError> {
    create(jetstream, dead_letter_stream(stream), prefix.all_dead_letters()).await?;
    create(jetstream, stream.to_owned(), prefix.all_events()).await
}

async fn create(jetstream: &Context, stream: String, subjects: String) -> Result<(), StreamError> {
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
