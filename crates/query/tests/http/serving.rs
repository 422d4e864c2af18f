//! Real sockets: what is on the wire, and how serving ends.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use query::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::server::{LONG, Server, limits, read_all, read_head};
use crate::support::{Service, token_of};

/// Long enough to be waited for by a machine.
const SHORT: Duration = Duration::from_millis(50);

/// A router whose only route tells when it was reached and answers when it is told to.
fn slow(reached: &Arc<Notify>, go_on: &Arc<Notify>) -> Router {
    let (reached, go_on) = (Arc::clone(reached), Arc::clone(go_on));
    Router::new().route(
        "/slow",
        get(move || async move {
            reached.notify_one();
            go_on.notified().await;
            "done"
        }),
    )
}

fn badge_over_the_wire(method: &str, connection: &str) -> String {
    format!(
        "{method} /me/badge HTTP/1.1\r\nHost: badge\r\nConnection: {connection}\r\n\
         im-client-KEY:  demo-client-key \r\nIM-AUTHORIZATION: \tBearer {} \r\n\r\n",
        token_of("ann"),
    )
}

#[tokio::test]
async fn get_and_head() {
    let server = Server::start(Service::new().routes, limits()).await;
    let mut heads = Vec::new();
    for (method, expected) in [("GET", r#"{"RC":0,"RM":"OK","result":{"badge":0}}"#), ("HEAD", "")] {
        let mut stream = server.connect().await;
        stream.write_all(badge_over_the_wire(method, "close").as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, expected, "{method}");
        let lines: Vec<_> = head.lines().filter(|line| !line.starts_with("date:")).collect();
        heads.push(lines.join("\n"));
    }
    assert_eq!(heads[0], heads[1]);
    let expected = "HTTP/1.1 200 OK\ncontent-type: application/json\ncache-control: no-store\n\
                    badge-seq: 0\netag: \"0\"\ncontent-length: 39\nconnection: close";
    assert_eq!(heads[0], expected);
    server.stop().await;
}

#[tokio::test]
async fn after_a_body_that_the_asker_has_comes_the_next_answer() {
    let server = Server::start(Service::new().routes, limits()).await;
    let mut stream = server.connect().await;
    let known = badge_over_the_wire("GET", "keep-alive").replacen("\r\n", "\r\nIf-None-Match: \"0\"\r\n", 1);
    stream.write_all((known + &badge_over_the_wire("GET", "close")).as_bytes()).await.unwrap();
    let answers = read_all(&mut stream).await;
    let (first, second) = answers.split_once("\r\n\r\n").unwrap();
    assert!(first.starts_with("HTTP/1.1 304 Not Modified\r\n"), "{answers}");
    assert!(second.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
    server.stop().await;
}

/// Much of what RFC 3986 wants escaped arrives as it was sent. The rest is refused either way.
#[tokio::test]
async fn unescaped_query_strings() {
    let server = Server::start(Service::new().routes, limits()).await;
    for (query, status) in [
        (&b"roomTags=caf\xc3\xa9"[..], "200 OK"),
        (b"roomTags=[]{}|\\^`~'", "200 OK"),
        (b"roomTags=<", "400 Bad Request"),
        (b"roomTags[]=a", "400 Bad Request"),
        (b"roomTags=\x7f", "400 Bad Request"),
        (b"roomTags=\xff", "400 Bad Request"),
    ] {
        let request = badge_over_the_wire("GET", "close");
        let (method, rest) = request.split_once(" HTTP").unwrap();
        let mut stream = server.connect().await;
        let request = [method.as_bytes(), b"?", query, b" HTTP", rest.as_bytes()].concat();
        stream.write_all(&request).await.unwrap();
        let answer = read_all(&mut stream).await;
        let query = String::from_utf8_lossy(query);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{query}: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_server() {
    let server = Server::start(Service::new().routes, limits()).await;
    let mut unused = server.connect().await;
    let mut idle = server.connect().await;
    idle.write_all(badge_over_the_wire("HEAD", "keep-alive").as_bytes()).await.unwrap();
    assert!(read_head(&mut idle).await.starts_with("HTTP/1.1 200 OK\r\n"));
    let address = server.address;
    server.stop().await;
    assert_eq!(read_all(&mut idle).await, "");
    assert_eq!(read_all(&mut unused).await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_in_flight_is_answered() {
    let (reached, go_on) = (Arc::default(), Arc::default());
    let server = Server::start(slow(&reached, &go_on), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: slow\r\n\r\n").await.unwrap();
    reached.notified().await;
    let address = server.address;
    let stopping = tokio::spawn(server.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    go_on.notify_one();
    let answer = read_all(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("done"), "{answer}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn nobody_holds_the_server_beyond_its_grace() {
    let (reached, go_on) = (Arc::default(), Arc::default());
    let server = Server::start(slow(&reached, &go_on), Limits { shutdown_grace: SHORT, ..limits() }).await;
    let mut waiting = server.connect().await;
    waiting.write_all(b"GET /slow HTTP/1.1\r\nHost: slow\r\n\r\n").await.unwrap();
    reached.notified().await;
    let mut half = server.connect().await;
    half.write_all(b"GET /slow HTTP/1.1\r\nHo").await.unwrap();
    server.stop().await;
    for mut stream in [waiting, half] {
        let ended = timeout(LONG, stream.read(&mut [0])).await.expect("the server closes");
        assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    }
}

#[tokio::test]
async fn a_slow_client_loses_its_connection() {
    let limits = Limits { first_byte_timeout: SHORT, header_read_timeout: SHORT, ..limits() };
    let server = Server::start(Service::new().routes, limits).await;
    for sent in ["", "GET /me/badge HTTP/1.1\r\nHost: ba"] {
        let mut stream = server.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        assert_eq!(read_all(&mut stream).await, "", "{sent}");
    }
    server.stop().await;
}

/// A connection stays on its thread, and the next one is on another.
#[tokio::test]
async fn connections_go_round_the_threads() {
    let thread = || async { [("thread", std::thread::current().name().unwrap().to_owned())] };
    let server = Server::start(Router::new().route("/thread", get(thread)), limits()).await;
    let mut connections = [server.connect().await, server.connect().await, server.connect().await];
    for _ in 0..2 {
        for (stream, thread) in connections.iter_mut().zip(["http-0", "http-1", "http-0"]) {
            stream.write_all(b"GET /thread HTTP/1.1\r\nHost: threads\r\n\r\n").await.unwrap();
            let head = read_head(stream).await;
            assert!(head.contains(&format!("\r\nthread: {thread}\r\n")), "{head}");
        }
    }
    server.stop().await;
}
