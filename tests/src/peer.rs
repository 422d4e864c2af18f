//! Somebody who is on NATS beside the service: asks, and listens.

use std::time::Duration;

use async_nats::{Client, ConnectOptions, HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use futures::future::join_all;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::wait::PATIENCE;

/// A client of a nats-server that has nothing to do with its streams.
#[derive(Debug)]
pub struct Peer {
    // The client goes before its runtime.
    client: Client,
    runtime: Runtime,
}

/// What came back for a question.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Where it was sent to.
    pub subject: String,
    /// Its headers, empty if it has none.
    pub headers: HeaderMap,
    /// Its body.
    pub body: String,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.as_str())
    }

    /// The body.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of the error in the body, which the headers have too; empty if it is none.
    #[track_caller]
    pub fn error_code(&self) -> String {
        let body = self.json();
        let code = body["error"]["code"].as_str().unwrap_or_default().to_owned();
        assert_eq!(self.header("Nats-Service-Error").unwrap_or_default(), code, "{self:?}");
        let status = body["RC"].as_u64().filter(|status| *status != 0).map(|status| status.to_string());
        assert_eq!(self.header("Nats-Service-Error-Code"), status.as_deref(), "{self:?}");
        code
    }
}

impl From<Message> for Reply {
    fn from(message: Message) -> Self {
        let body = String::from_utf8(message.payload.to_vec()).expect("UTF-8");
        Self { subject: message.subject.to_string(), headers: message.headers.unwrap_or_default(), body }
    }
}

impl Peer {
    /// Connects to the server at that URL, as nobody in particular.
    pub fn connect(url: &str) -> Self {
        Self::with(ConnectOptions::new(), url)
    }

    /// The same with a login; answers come to subjects that begin with that inbox.
    pub fn with_login(url: &str, (user, password): (&str, &str), inbox: &str) -> Self {
        let options = ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
        Self::with(options.custom_inbox_prefix(inbox), url)
    }

    fn with(options: ConnectOptions, url: &str) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("threads can be started");
        let options = options.request_timeout(Some(PATIENCE));
        let client = runtime.block_on(options.connect(url)).expect("the server is there");
        Self { client, runtime }
    }

    /// Asks; `None` if nobody is there, or nobody answers.
    pub fn ask(&self, subject: &str, body: impl Into<Bytes>) -> Option<Reply> {
        let asked = self.client.request(subject.to_owned(), body.into());
        self.runtime.block_on(asked).ok().map(Reply::from)
    }

    /// Asks the same so many times at once; `None` for what is not answered in that time.
    pub fn flood(&self, subject: &str, body: &str, times: usize, patience: Duration) -> Vec<Option<Reply>> {
        let ask = || {
            let asked = self.client.request(subject.to_owned(), body.to_owned().into());
            async { tokio::time::timeout(patience, asked).await.ok()?.ok().map(Reply::from) }
        };
        self.runtime.block_on(async { join_all((0..times).map(|_| ask())).await })
    }

    /// Sends a message that says where to answer.
    pub fn send(&self, subject: &str, reply: &str, body: impl Into<Bytes>) {
        self.runtime.block_on(async {
            let sent = self.client.publish_with_reply(subject.to_owned(), reply.to_owned(), body.into());
            sent.await.expect("it can be sent");
            self.client.flush().await.expect("the server is there");
        });
    }

    /// Listens to a subject from now on.
    pub fn listen(&self, subject: &str) -> Heard<'_> {
        let subscribe = async {
            let subscriber = self.client.subscribe(subject.to_owned()).await.expect("it can be listened to");
            self.client.flush().await.expect("the server is there");
            subscriber
        };
        Heard { subscriber: self.runtime.block_on(subscribe), peer: self }
    }
}

/// What is heard on a subject.
#[derive(Debug)]
pub struct Heard<'p> {
    subscriber: Subscriber,
    peer: &'p Peer,
}

impl Heard<'_> {
    /// The next message, if one comes in that time.
    pub fn next(&mut self, time: Duration) -> Option<Reply> {
        let next = async { tokio::time::timeout(time, self.subscriber.next()).await };
        self.peer.runtime.block_on(next).ok().flatten().map(Reply::from)
    }
}
