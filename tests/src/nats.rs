//! A nats-server with the two streams, and what a producer or an operator does to them.

use std::time::Duration;

use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::{Config, Source, State, StorageType, Stream};
use async_nats::jetstream::{self, Context};
use async_nats::{ConnectOptions, HeaderMap};
use bytes::Bytes;
use futures::stream::FuturesOrdered;
use futures::{StreamExt, TryStreamExt};
use tokio::runtime::Runtime;
use xtask::{NatsServer, Options};

use crate::wait::until;

/// How many messages are on their way to the server at once.
const IN_FLIGHT: usize = 500;

/// A nats-server of one's own, and a client of it.
#[derive(Debug)]
pub struct Nats {
    // The client goes before its runtime, and both before the server.
    context: Context,
    runtime: Runtime,
    server: NatsServer,
}

/// A message as a stream holds it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its sequence.
    pub sequence: u64,
    /// When the server stored it, in milliseconds since the Unix epoch.
    pub stored_ms: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers, empty if it has none.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Stored {
    /// The value of a header, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.as_str())
    }
}

impl Nats {
    /// The stream of the events.
    pub const STREAM: &str = "CHAT";
    /// The stream of the dead letters.
    pub const DEAD: &str = "CHAT_DEAD";

    /// A server with both streams, empty.
    pub fn start() -> Self {
        let nats = Self::without_streams(&Options::default());
        nats.create_streams();
        nats
    }

    /// A server with nothing on it.
    pub fn without_streams(options: &Options) -> Self {
        let server = NatsServer::start(options).expect("a nats-server can be started");
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("threads can be started");
        let context = runtime.block_on(connect(&server.url()));
        Self { context, runtime, server }
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The largest message that the server takes.
    pub fn max_payload(&self) -> usize {
        self.context.client().max_payload()
    }

    /// Makes both streams.
    pub fn create_streams(&self) {
        self.create_stream(Self::STREAM, &["chat.>"]);
        self.create_stream(Self::DEAD, &["chat-dead.>"]);
    }

    /// Makes a stream.
    pub fn create_stream(&self, name: &str, subjects: &[&str]) {
        let config = Config {
            name: name.to_owned(),
            subjects: subjects.iter().map(|&subject| subject.to_owned()).collect(),
            storage: StorageType::File,
            ..Config::default()
        };
        self.runtime.block_on(self.context.create_stream(config)).expect("a stream can be made");
    }

    /// Makes a stream that mirrors another one, and waits until it has as many messages.
    pub fn create_mirror(&self, name: &str, of: &str) {
        let mirror = Source { name: of.to_owned(), ..Source::default() };
        let config = Config { name: name.to_owned(), mirror: Some(mirror), ..Config::default() };
        self.runtime.block_on(self.context.create_stream(config)).expect("a mirror can be made");
        let last = self.last_sequence(of);
        until("the mirror to have everything", || match self.last_sequence(name) {
            found if found == last => Ok(()),
            found => Err(format!("{found} of {last}")),
        });
    }

    /// Deletes a stream.
    pub fn delete_stream(&self, name: &str) {
        self.runtime.block_on(self.context.delete_stream(name)).expect("a stream can be deleted");
    }

    /// Removes all messages before this one.
    pub fn purge_before(&self, name: &str, sequence: u64) {
        let stream = self.stream(name);
        let purge = async { stream.purge().sequence(sequence).await };
        self.runtime.block_on(purge).expect("a stream can be purged");
    }

    /// Deletes one message.
    pub fn delete_message(&self, name: &str, sequence: u64) {
        let stream = self.stream(name);
        self.runtime.block_on(stream.delete_message(sequence)).expect("a message can be deleted");
    }

    /// Publishes a message and waits until it is stored; returns its sequence.
    pub fn publish(&self, subject: &str, body: impl Into<Bytes>) -> u64 {
        let publish = async {
            let sent = self.context.publish(subject.to_owned(), body.into()).await;
            sent.expect("the server is there").await.expect("the message is stored").sequence
        };
        self.runtime.block_on(publish)
    }

    /// Publishes a message with these headers, some of which have another value.
    pub fn publish_with_headers(
        &self,
        subject: &str,
        mut headers: HeaderMap,
        others: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) {
        for &(name, value) in others {
            headers.insert(name, value);
        }
        let publish = async {
            let sent = self.context.publish_with_headers(subject.to_owned(), headers, body.into()).await;
            sent.expect("the server is there").await.expect("the message is stored");
        };
        self.runtime.block_on(publish);
    }

    /// Publishes messages in their order, many at once, and waits until all are stored.
    pub fn publish_all(&self, messages: impl IntoIterator<Item = (String, Vec<u8>)>) {
        self.runtime.block_on(async {
            let mut answers = FuturesOrdered::new();
            for (subject, body) in messages {
                let sent = self.context.publish(subject, body.into()).await.expect("the server is there");
                answers.push_back(sent.into_future());
                if answers.len() >= IN_FLIGHT {
                    stored(answers.next().await);
                }
            }
            while !answers.is_empty() {
                stored(answers.next().await);
            }
        });
    }

    /// The sequence of a stream's last message.
    pub fn last_sequence(&self, name: &str) -> u64 {
        self.stream(name).cached_info().state.last_sequence
    }

    /// How many messages a stream holds.
    pub fn count(&self, name: &str) -> u64 {
        self.stream(name).cached_info().state.messages
    }

    /// All messages of a stream.
    pub fn messages(&self, name: &str) -> Vec<Stored> {
        self.messages_from(name, 1)
    }

    /// The messages of a stream from this sequence on.
    pub fn messages_from(&self, name: &str, first: u64) -> Vec<Stored> {
        let stream = self.stream(name);
        let State { messages, last_sequence, .. } = stream.cached_info().state;
        if messages == 0 || first > last_sequence {
            return Vec::new();
        }
        let deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: first };
        self.runtime.block_on(async {
            let config = OrderedConfig { deliver_policy, ..OrderedConfig::default() };
            let consumer = stream.create_consumer(config).await.expect("a consumer can be made");
            let mut messages = consumer.messages().await.expect("messages can be read");
            let mut stored = Vec::new();
            loop {
                let message = messages.next().await.expect("there is one more");
                let message = message.expect("a message can be read");
                let info = message.info().expect("a stream's message says so");
                let is_last = info.pending == 0;
                stored.push(Stored {
                    sequence: info.stream_sequence,
                    stored_ms: milliseconds(info.published.unix_timestamp_nanos()),
                    subject: message.message.subject.to_string(),
                    headers: message.message.headers.unwrap_or_default(),
                    body: message.message.payload,
                });
                if is_last {
                    return stored;
                }
            }
        })
    }

    /// Has the server deliver nothing more to any consumer of a stream that is there now.
    pub fn pause_consumers(&self, name: &str) {
        let stream = self.stream(name);
        self.runtime.block_on(async {
            let names: Vec<String> =
                stream.consumer_names().try_collect().await.expect("consumers can be listed");
            for consumer in names {
                let subject = format!("CONSUMER.PAUSE.{name}.{consumer}");
                let until = serde_json::json!({ "pause_until": "2999-01-01T00:00:00Z" });
                let paused: serde_json::Value =
                    self.context.request(subject, &until).await.expect("a consumer can be paused");
                assert_eq!(paused["paused"], true, "{paused}");
            }
        });
    }

    /// Kills the server (SIGKILL).
    pub fn kill(&mut self) {
        self.server.kill().expect("a nats-server can be killed");
    }

    /// Starts the server again on the same port and with the same store, stopping it first if it runs.
    pub fn restart(&mut self) {
        self.server.restart().expect("a nats-server can be started again");
        self.context = self.runtime.block_on(connect(&self.server.url()));
        // The account's streams may take a moment longer than the port.
        let streams = self.context.clone();
        until("JetStream", || self.runtime.block_on(streams.query_account()).map(|_| ()));
    }

    /// Kills the server and deletes its streams.
    pub fn wipe(&mut self) {
        self.server.wipe().expect("a nats-server can be wiped");
    }

    fn stream(&self, name: &str) -> Stream {
        self.runtime.block_on(self.context.get_stream(name)).expect("there is such a stream")
    }
}

fn milliseconds(nanoseconds: i128) -> u64 {
    u64::try_from(nanoseconds / 1_000_000).expect("it is later than 1970")
}

async fn connect(url: &str) -> Context {
    let options =
        ConnectOptions::new().retry_on_initial_connect().request_timeout(Some(Duration::from_secs(20)));
    let client = options.connect(url).await.expect("the server is there");
    // Answers only once the connection is there.
    client.flush().await.expect("the server answers");
    jetstream::new(client)
}

fn stored(answer: Option<Result<jetstream::publish::PublishAck, jetstream::context::PublishError>>) {
    answer.expect("an answer is awaited").expect("the message is stored");
}
