//! Many live badges at once, as their clients see them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use crate::settings;
use crate::wait::until;

/// No number was sent yet.
const NOTHING: u64 = u64::MAX;
/// Longer than any event.
const EVENT_BYTES: usize = 128;
/// So many begin at once.
const AT_ONCE: usize = 200;

/// Many live badges. All end when this is dropped.
#[derive(Debug)]
pub struct LiveBadges {
    seen: Arc<Seen>,
    _runtime: Runtime,
}

#[derive(Debug)]
struct Seen {
    last: Vec<AtomicU64>,
    numbers: AtomicU64,
    ended: AtomicUsize,
}

impl LiveBadges {
    /// One for each query string with its tenant and user. Waits until all have begun with a number.
    #[track_caller]
    pub fn open(server: SocketAddr, asked: &[(String, &str, String)]) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("threads can be started");
        let seen = Arc::new(Seen {
            last: asked.iter().map(|_| AtomicU64::new(NOTHING)).collect(),
            numbers: AtomicU64::new(0),
            ended: AtomicUsize::new(0),
        });
        for (first, some) in asked.chunks(AT_ONCE).enumerate() {
            for (place, (query, tenant, user)) in (first * AT_ONCE..).zip(some) {
                let request = request(query, tenant, user);
                let seen = Arc::clone(&seen);
                runtime.spawn(async move {
                    listen(server, &request, place, &seen).await;
                    seen.ended.fetch_add(1, Ordering::Release);
                });
            }
            let last = (first * AT_ONCE + some.len()) - 1;
            until("a number", || {
                let begun = seen.last[..=last].iter().filter(|one| one.load(Ordering::Acquire) != NOTHING);
                let (begun, ended) = (begun.count(), seen.ended.load(Ordering::Acquire));
                assert_eq!(ended, 0, "live badges have ended");
                if begun == last + 1 { Ok(()) } else { Err(format!("{begun} of {}", last + 1)) }
            });
        }
        Self { seen, _runtime: runtime }
    }

    /// The number that was sent last.
    pub fn last(&self, place: usize) -> u64 {
        self.seen.last[place].load(Ordering::Acquire)
    }

    /// How many numbers were sent in all.
    pub fn numbers(&self) -> u64 {
        self.seen.numbers.load(Ordering::Acquire)
    }

    /// How many have ended.
    pub fn ended(&self) -> usize {
        self.seen.ended.load(Ordering::Acquire)
    }
}

fn request(query: &str, tenant: &str, user: &str) -> String {
    let (key, token) = (settings::client_key(tenant), settings::token(tenant, user));
    format!(
        "GET /me/badge/live?{query} HTTP/1.1\r\nHost: x\r\nIM-CLIENT-KEY: {key}\r\nIM-Authorization: {token}\r\n\r\n"
    )
}

/// Until the service ends it.
async fn listen(server: SocketAddr, request: &str, place: usize, seen: &Seen) {
    let mut stream = TcpStream::connect(server).await.expect("the service listens");
    stream.write_all(request.as_bytes()).await.expect("the service reads");
    let (mut text, mut sequence) = (Vec::with_capacity(4 * EVENT_BYTES), 0);
    while let Ok(1..) = stream.read_buf(&mut text).await {
        let whole = String::from_utf8_lossy(&text);
        assert!(sequence > 0 || !whole.contains("HTTP/1.1 ") || whole.contains(" 200 "), "{whole}");
        // What is behind the last event may be part of the next.
        let Some(end) = whole.rfind("}\n\n") else { continue };
        for event in whole[..end].split("event: badge\n").skip(1) {
            let parts = event.strip_prefix("id: ").and_then(|rest| rest.split_once("\ndata: {\"badge\":"));
            let (id, number) = parts.unwrap_or_else(|| panic!("{whole}"));
            let id: u64 = id.parse().expect("a sequence");
            assert!(id >= sequence, "from {sequence} back to {id}");
            sequence = id;
            let number = number.split('}').next().unwrap_or(number);
            seen.last[place].store(number.parse().expect("a number"), Ordering::Release);
            seen.numbers.fetch_add(1, Ordering::Release);
        }
        let rest = whole[end..].to_owned();
        text.clear();
        text.extend_from_slice(rest.as_bytes());
    }
}
