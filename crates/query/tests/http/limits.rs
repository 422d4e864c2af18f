//! What is too much, at its exact bound, and what whoever sends it is told.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use futures::StreamExt;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use query::{Front, Limits, Metrics};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch::{self, Receiver, Sender};
use tokio::time::timeout;

use crate::server::{LONG, Server, limits, read_all, read_head};
use crate::support::Service;

/// With what its routes have read of bodies.
fn router(read: Sender<usize>) -> Router {
    // As a route may do it: whatever is wrong with the body is the client's fault.
    let sum = async move |body: Body| {
        let mut data = body.into_data_stream();
        let mut sum = 0;
        while let Some(bytes) = data.next().await {
            let Ok(bytes) = bytes else { return StatusCode::BAD_REQUEST.into_response() };
            sum += bytes.len();
            read.send_modify(|read| *read += bytes.len());
        }
        sum.to_string().into_response()
    };
    Router::new()
        .route("/", get(|| async { "fine" }))
        .route("/sum", post(sum))
        .route("/unread", post(|| async { "fine" }))
}

/// A server, and what it has counted.
struct Counted {
    server: Server,
    registry: Registry,
    read: Receiver<usize>,
}

impl Counted {
    async fn start(limits: Limits) -> Self {
        let metrics = Metrics::new();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let (sender, read) = watch::channel(0);
        let server = Server::start(router(sender), Front { limits, metrics, ..Front::default() }).await;
        Self { server, registry, read }
    }

    fn metric(&self, series: &str) -> u64 {
        let mut metrics = String::new();
        text::encode(&mut metrics, &self.registry).unwrap();
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
    }

    /// Sends this on a connection of its own, and checks the status of the answer; of an error, also that its body is
    /// as all errors are, and that it was counted.
    #[track_caller]
    fn check(&self, request: Vec<u8>, status: u16, code: &str) -> impl Future<Output = ()> {
        let series = format!("http_requests_total{{status=\"{status}\",code=\"{code}\"}}");
        let place = std::panic::Location::caller();
        async move {
            let before = if code.is_empty() { 0 } else { self.metric(&series) };
            let mut stream = self.server.connect().await;
            stream.write_all(&request).await.unwrap();
            let answer = read_all(&mut stream).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{place}: {answer}");
            if code.is_empty() {
                return;
            }
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let body: Value = serde_json::from_str(body).unwrap();
            assert_eq!((&body["RC"], &body["error"]["code"]), (&status.into(), &code.into()), "{place}");
            for header in ["content-type: application/json", "cache-control: no-store"] {
                assert!(head.contains(header), "{place}: {head}");
            }
            assert_eq!(self.metric(&series), before + 1, "{place}");
        }
    }
}

/// A request whose head has exactly so many bytes and headers, and whose target has so many bytes.
fn request(head: usize, headers: usize, target: usize) -> Vec<u8> {
    let mut request = format!("GET /{} HTTP/1.1\r\nConnection: close\r\n", "?".repeat(target - 1));
    for number in 1..headers - 1 {
        request += &format!("x-{number}: 1\r\n");
    }
    request += "x-last: ";
    let missing = head.saturating_sub(request.len() + 4);
    request += &"x".repeat(missing);
    request += "\r\n\r\n";
    request.into_bytes()
}

#[tokio::test]
async fn heads_have_a_bound() {
    let server =
        Counted::start(Limits { header_bytes: 8_192, headers: 20, uri_bytes: 1_024, ..limits() }).await;
    for (head, headers, target, status, code) in [
        (8_192, 3, 1, 200, ""),
        (8_193, 3, 1, 431, "HEADERS_TOO_LARGE"),
        (100_000, 3, 1, 431, "HEADERS_TOO_LARGE"),
        (0, 20, 1, 200, ""),
        (0, 21, 1, 431, "HEADERS_TOO_LARGE"),
        (0, 100, 1, 431, "HEADERS_TOO_LARGE"),
        // The HTTP library counts no further.
        (0, 101, 1, 431, "HEADERS_TOO_LARGE"),
        (0, 3, 1_024, 200, ""),
        (0, 3, 1_025, 414, "URI_TOO_LONG"),
        // Too long for all of the head.
        (0, 3, 10_000, 431, "HEADERS_TOO_LARGE"),
    ] {
        server.check(request(head, headers, target), status, code).await;
    }
    server.server.stop().await;
    // More than is read at once: what is left of a buffer may be larger than what is left of the bound.
    let server = Counted::start(Limits { header_bytes: 65_536, ..limits() }).await;
    for (head, status, code) in
        [(65_536, 200, ""), (65_537, 431, "HEADERS_TOO_LARGE"), (70_000, 431, "HEADERS_TOO_LARGE")]
    {
        server.check(request(head, 3, 1), status, code).await;
    }
    server.server.stop().await;
}

/// Also in the middle of a connection, and for what the HTTP library has its own bound.
#[tokio::test]
async fn what_is_no_request_is_told_so() {
    let server = Counted::start(Limits { header_bytes: 200_000, uri_bytes: 65_534, ..limits() }).await;
    server.check(request(0, 3, 65_534), 200, "").await;
    server.check(request(0, 3, 65_535), 414, "URI_TOO_LONG").await;
    for wrong in
        ["GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET /<> HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"]
    {
        server.check(wrong.as_bytes().to_vec(), 400, "BAD_REQUEST").await;
    }
    let mut stream = server.server.connect().await;
    stream.write_all(b"HEAD / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(read_head(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
    stream.write_all(b"GET / HTTP/1.1\r\nno colon\r\n\r\n").await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("BAD_REQUEST"), "{answer}");
    server.server.stop().await;
}

#[tokio::test]
async fn bodies_have_a_bound() {
    let server = Counted::start(Limits { body_bytes: 1_000, ..limits() }).await;
    let post = |path: &str, header: &str, body: &str| {
        format!("POST {path} HTTP/1.1\r\nConnection: close\r\n{header}\r\n\r\n{body}").into_bytes()
    };
    let sized = |bytes: usize| post("/sum", &format!("Content-Length: {bytes}"), &"x".repeat(bytes));
    let chunked = |bytes: usize| {
        let body = format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(bytes));
        post("/sum", "Transfer-Encoding: chunked", &body)
    };
    for (bytes, status, code) in
        [(1_000, 200, ""), (1_001, 413, "BODY_TOO_LARGE"), (300_000, 413, "BODY_TOO_LARGE")]
    {
        server.check(sized(bytes), status, code).await;
        server.check(chunked(bytes), status, code).await;
    }
    // Nobody is asked for what is not wanted.
    let unwanted = "Content-Length: 1001\r\nExpect: 100-continue";
    server.check(post("/sum", unwanted, ""), 413, "BODY_TOO_LARGE").await;
    // What no route looks at is not waited for.
    server.check(post("/unread", "Content-Length: 1000000000", "xxx"), 200, "").await;
    server.server.stop().await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let short = Duration::from_millis(100);
    let server = Counted::start(Limits { body_read_timeout: short, ..limits() }).await;
    let request = b"POST /sum HTTP/1.1\r\nConnection: close\r\nContent-Length: 10\r\n\r\nxxx";
    server.check(request.to_vec(), 408, "BODY_TIMEOUT").await;
    server.server.stop().await;
}

/// What a route makes of a body that the listener has refused is neither sent nor counted.
#[tokio::test]
async fn a_body_that_is_refused_is_counted_once() {
    let service = Service::new();
    let limits = Limits { body_bytes: 1_000, ..limits() };
    let front = Front { limits, metrics: service.metrics.clone(), ..Front::default() };
    let server = Server::start(service.routes.clone(), front).await;
    let too_large = "tallymark_http_requests_total{status=\"413\",code=\"BODY_TOO_LARGE\"}";
    let head = "POST /badges HTTP/1.1\r\nConnection: close\r\nIM-CLIENT-KEY: demo-client-key\r\n\
                Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for times in 1..=2 {
        let mut stream = server.connect().await;
        let request = format!("{head}3e9\r\n{}\r\n0\r\n\r\n", " ".repeat(1_001));
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("BODY_TOO_LARGE"), "{answer}");
        assert_eq!(service.metric(too_large), times);
    }
    server.stop().await;
}

#[tokio::test]
async fn all_bodies_together_have_a_bound() {
    let mut server = Counted::start(Limits { body_bytes: 1_000, all_bodies_bytes: 1_500, ..limits() }).await;
    let post = b"POST /sum HTTP/1.1\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n";
    let mut slow = server.server.connect().await;
    slow.write_all(&[&post[..], &[b'x'; 900]].concat()).await.unwrap();
    timeout(LONG, server.read.wait_for(|&read| read == 900)).await.expect("what is there is read").unwrap();
    let full = [&post[..], &[b'x'; 1_000]].concat();
    server.check(full.clone(), 503, "OVERLOADED").await;
    slow.write_all(&[b'x'; 100]).await.unwrap();
    assert!(read_all(&mut slow).await.ends_with("1000"));
    server.check(full, 200, "").await;
    server.server.stop().await;
}

async fn connect_from(source: [u8; 4], server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    socket.connect(server.address).await.unwrap()
}

/// Whether a new connection from there is served; else it has to be told why not.
async fn is_served(source: [u8; 4], server: &Server) -> Option<TcpStream> {
    let mut stream = connect_from(source, server).await;
    // The server may have closed it already.
    let _ = stream.write_all(b"HEAD / HTTP/1.1\r\n\r\n").await;
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") && matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {}
    let head = String::from_utf8(bytes).unwrap();
    if head.starts_with("HTTP/1.1 200 OK\r\n") {
        return Some(stream);
    }
    assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{head}");
    assert!(head.contains("\r\nretry-after: 1\r\n") && head.contains("\r\nconnection: close\r\n"), "{head}");
    None
}

#[tokio::test]
async fn connections_have_a_bound_in_all_and_for_each_address() {
    let server = Counted::start(Limits { connections: 3, connections_per_address: 2, ..limits() }).await;
    let [one, other, third] = [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 3]];
    let first = is_served(one, &server.server).await.expect("the first of an address");
    let second = is_served(one, &server.server).await.expect("the second of an address");
    assert!(is_served(one, &server.server).await.is_none());
    assert_eq!(server.metric("http_connections_closed_total{reason=\"connections_per_address\"}"), 1);
    let _third = is_served(other, &server.server).await.expect("the third in all");
    assert!(is_served(third, &server.server).await.is_none());
    assert_eq!(server.metric("http_connections_closed_total{reason=\"connections\"}"), 1);
    assert_eq!(server.metric("http_connections"), 3);
    drop((first, second));
    while server.metric("http_connections") > 1 {
        tokio::task::yield_now().await;
    }
    // The place is free a moment after the connection is not open any more.
    let mut served = None;
    while served.is_none() {
        served = is_served(third, &server.server).await;
    }
    drop(served);
    server.server.stop().await;
}
