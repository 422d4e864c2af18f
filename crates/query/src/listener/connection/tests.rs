//! Connections in memory, on a clock that jumps.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use hyper::body::{Body as HttpBody, Frame};
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::listener::body::AllBodies;
use crate::{Cors, Metrics};

mod http_2;

const ASK: &[u8] = b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n";

fn limits() -> Limits {
    Limits {
        first_byte_timeout: Duration::from_secs(1),
        header_read_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_secs(3),
        write_timeout: Duration::from_secs(4),
        ..Limits::default()
    }
}

/// A body that gives a byte every ten seconds, five times.
struct Dripping(u32, Pin<Box<tokio::time::Sleep>>);

impl HttpBody for Dripping {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        std::task::ready!(self.1.as_mut().poll(context));
        self.0 -= 1;
        self.1.as_mut().reset(Instant::now() + Duration::from_secs(10));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b".")))))
    }
}

fn router() -> Router {
    let dripping = || async { Body::new(Dripping(5, Box::pin(tokio::time::sleep(Duration::from_secs(10))))) };
    let later = || async { tokio::time::sleep(Duration::from_secs(60)).await };
    Router::new()
        .route("/now", get(|| async { "now" }))
        .route("/later", get(later))
        .route("/large", get(|| async { "x".repeat(1_000_000) }))
        .route("/dripping", get(dripping))
}

struct Clients {
    host: Arc<Host>,
    metrics: Metrics,
    closing: watch::Receiver<()>,
    _open: watch::Sender<()>,
}

impl Clients {
    fn of(limits: Limits) -> Self {
        Self::asking(router(), limits)
    }

    fn asking(router: Router, limits: Limits) -> Self {
        let metrics = Metrics::new();
        let rules = Rules {
            limits,
            in_flight: limits.requests_in_flight,
            bodies: AllBodies::new(limits.all_bodies_bytes),
            cors: Cors::default(),
            metrics: metrics.listener.clone(),
        };
        let (open, closing) = watch::channel(());
        Self { host: Arc::new(Host::new(router.into(), rules, None)), metrics, closing, _open: open }
    }

    fn connect(&self) -> DuplexStream {
        let (client, server) = duplex(4096);
        let (host, closing) = (Arc::clone(&self.host), self.closing.clone());
        tokio::spawn(async move { host.http1(server, closing).await });
        client
    }

    fn closed(&self, reason: &str) -> u64 {
        let mut registry = prometheus_client::registry::Registry::default();
        self.metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = format!("http_connections_closed_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)).unwrap().parse().unwrap()
    }
}

async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Reads what comes before the connection ends; the bytes, and after how many milliseconds it ended.
async fn rest(client: &mut DuplexStream) -> (String, u128) {
    let began = Instant::now();
    let mut bytes = Vec::new();
    // The other side may break it off.
    let _ = client.read_to_end(&mut bytes).await;
    (String::from_utf8(bytes).unwrap(), began.elapsed().as_millis())
}

async fn answer(client: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"now") {
        assert!(client.read_buf(&mut bytes).await.unwrap() > 0, "{}", String::from_utf8_lossy(&bytes));
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_never_sends_has_the_first_byte_timeout() {
    let clients = Clients::of(limits());
    let mut client = clients.connect();
    assert_eq!(rest(&mut client).await, (String::new(), 1_000));
    assert_eq!(clients.closed("first_byte_timeout"), 1);
}

#[tokio::test(start_paused = true)]
async fn who_sends_a_head_byte_by_byte_has_the_header_timeout() {
    let clients = Clients::of(limits());
    let mut client = clients.connect();
    pass(999).await;
    for byte in &ASK[..4] {
        client.write_all(&[*byte]).await.unwrap();
        pass(400).await;
    }
    assert_eq!(rest(&mut client).await, (String::new(), 400));
    assert_eq!(clients.closed("header_timeout"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_complete_in_time_is_answered() {
    let clients = Clients::of(limits());
    let mut client = clients.connect();
    client.write_all(&ASK[..4]).await.unwrap();
    pass(1_999).await;
    client.write_all(&ASK[4..]).await.unwrap();
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test(start_paused = true)]
async fn who_asks_no_more_has_the_idle_timeout() {
    let clients = Clients::of(limits());
    let mut client = clients.connect();
    for _ in 0..3 {
        client.write_all(ASK).await.unwrap();
        answer(&mut client).await;
        pass(2_999).await;
    }
    assert_eq!(rest(&mut client).await, (String::new(), 1));
    assert_eq!(clients.closed("idle_timeout"), 1);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_answer_is_not_idle() {
    let clients = Clients::of(limits());
    let mut client = clients.connect();
    client.write_all(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (answer, millis) = rest(&mut client).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(millis, 63_000);
}

#[tokio::test(start_paused = true)]
async fn who_is_given_an_answer_bit_by_bit_is_not_idle() {
    let clients = Clients::of(limits());
    let mut client = clients.connect();
    client.write_all(b"GET /dripping HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (answer, millis) = rest(&mut client).await;
    assert_eq!(answer.matches("1\r\n.\r\n").count(), 5, "{answer}");
    assert_eq!(millis, 53_000);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_take_the_answer_has_the_write_timeout() {
    let clients = Clients::of(limits());
    let mut client = clients.connect();
    client.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    pass(2_000).await;
    // Whoever takes a little has as long again.
    client.read_exact(&mut [0; 1_000]).await.unwrap();
    pass(3_999).await;
    assert_eq!(clients.closed("write_timeout"), 0);
    // Every timer may ring up to a millisecond late, and the server's is set more than once.
    pass(5).await;
    assert_eq!(clients.closed("write_timeout"), 1);
    assert!(rest(&mut client).await.0.len() <= 4096);
}

/// So many requests of all connections of a thread, and not one more.
#[tokio::test(start_paused = true)]
async fn requests_in_flight_have_a_bound() {
    let clients = Clients::of(Limits { requests_in_flight: 2, ..limits() });
    let later = b"GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let mut waiting = [clients.connect(), clients.connect()];
    for client in &mut waiting {
        client.write_all(later).await.unwrap();
    }
    pass(1).await;
    let mut client = clients.connect();
    client.write_all(later).await.unwrap();
    let (refused, millis) = rest(&mut client).await;
    assert!(refused.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{refused}");
    assert!(
        refused.contains("\r\nretry-after: 1\r\n") && refused.contains(r#""code":"OVERLOADED""#),
        "{refused}"
    );
    assert_eq!(millis, 0);
    // An answer that is being taken bit by bit is not in flight, or whoever listens would keep others out.
    for client in &mut waiting {
        assert!(rest(client).await.0.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    let mut listening: Vec<_> = (0..3).map(|_| clients.connect()).collect();
    for client in &mut listening {
        client.write_all(b"GET /dripping HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        pass(1).await;
    }
    for client in &mut listening {
        assert!(rest(client).await.0.starts_with("HTTP/1.1 200 OK\r\n"));
    }
}

/// A client that is refused while it still sends can read why: the server reads on for a while, though not for ever.
#[tokio::test(start_paused = true)]
async fn what_is_refused_half_read_is_not_cut_off() {
    let clients = Clients::of(limits());
    let mut client = clients.connect();
    let (mut reading, mut writing) = tokio::io::split(&mut client);
    let endless = async {
        writing.write_all(b"GET /now HTTP/1.1\r\nX: ").await.unwrap();
        while writing.write_all(&[b'x'; 1000]).await.is_ok() {
            pass(1).await;
        }
    };
    let began = Instant::now();
    let answered = async {
        let mut bytes = Vec::new();
        reading.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let ((), answer) = tokio::join!(endless, answered);
    assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
    assert!(answer.ends_with(r#""message":"The headers are too large or too many"}}"#), "{answer}");
    let millis = began.elapsed().as_millis();
    assert!((1_000..1_200).contains(&millis), "{millis}");
}

/// To the byte, in whatever pieces it comes, and also when it is not the first of its connection.
#[tokio::test(start_paused = true)]
async fn heads_have_the_same_bound_everywhere() {
    let clients = Clients::of(Limits { header_bytes: 8_192, ..limits() });
    for before in [0, 1, 3] {
        for first_piece in [1, 100, 4_000, 8_191] {
            for (bytes, status) in [(8_192, "200 OK"), (8_193, "431 Request Header Fields Too Large")] {
                let mut client = clients.connect();
                for _ in 0..before {
                    client.write_all(ASK).await.unwrap();
                    answer(&mut client).await;
                }
                let mut head = b"GET /now HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ".to_vec();
                head.resize(bytes - 4, b'x');
                head.extend_from_slice(b"\r\n\r\n");
                let (first, second) = head.split_at(first_piece);
                client.write_all(first).await.unwrap();
                pass(1).await;
                client.write_all(second).await.unwrap();
                let answer = rest(&mut client).await.0;
                let what = format!("{bytes} bytes, {first_piece} of them first, after {before} requests");
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{what}: {answer}");
            }
        }
    }
}

/// A body that gives a hundred bytes every millisecond, for ever, and counts how often it has.
struct Ticking(Arc<AtomicUsize>, Pin<Box<tokio::time::Sleep>>);

impl HttpBody for Ticking {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        std::task::ready!(self.1.as_mut().poll(context));
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.1.as_mut().reset(Instant::now() + Duration::from_millis(1));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'.'; 100])))))
    }
}

/// Clients of an answer that never ends, and how many pieces of it were made.
fn ticking() -> (Clients, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let its = Arc::clone(&made);
    let answer = move || {
        let body = Body::new(Ticking(Arc::clone(&its), Box::pin(tokio::time::sleep(Duration::ZERO))));
        async { body }
    };
    (Clients::asking(Router::new().route("/ticking", get(answer)), limits()), made)
}

/// Of an answer that is made bit by bit, one bit waits for the client, and not for ever.
#[tokio::test(start_paused = true)]
async fn no_more_is_made_than_is_taken() {
    let (clients, made) = ticking();
    let made = || made.load(std::sync::atomic::Ordering::Relaxed);
    let mut client = clients.connect();
    client.write_all(b"GET /ticking HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut bytes = [0; 64];
    for _ in 0..100 {
        client.read_exact(&mut bytes).await.unwrap();
        pass(1).await;
    }
    pass(3_000).await;
    let before = made();
    // 4,096 bytes are on their way, and 6,400 were read.
    assert!((60..=110).contains(&before), "{before} pieces were made");
    // Who goes on to read gets more.
    for _ in 0..300 {
        client.read_exact(&mut bytes).await.unwrap();
    }
    assert!(made() > before + 100, "{before}, then {}", made());
    let stopped = Instant::now();
    while clients.closed("write_timeout") == 0 {
        pass(100).await;
    }
    let late = stopped.elapsed().as_secs();
    assert!((4..6).contains(&late), "after {late} s");
}
